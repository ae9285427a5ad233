// SPDX-License-Identifier: Apache-2.0
/**
 * zod schema → structural OpenAPI v3 schema, the only kind that a CustomResourceDefinition may hold: every node has a
 * type, nothing is a reference or a union, and what goes beyond is a CEL rule in `x-kubernetes-validations`.
 */
import { z } from 'zod';
import { validationsKey, type ValidationRule } from './rules.ts';

/** A node of a structural schema. */
export interface StructuralSchema {
  type: 'object' | 'array' | 'string' | 'integer' | 'boolean';
  description?: string;
  format?: string;
  default?: unknown;
  enum?: readonly string[];
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  minItems?: number;
  maxItems?: number;
  maxProperties?: number;
  properties?: Record<string, StructuralSchema>;
  required?: string[];
  additionalProperties?: StructuralSchema;
  items?: StructuralSchema;
  'x-kubernetes-list-type'?: 'set' | 'map' | 'atomic';
  'x-kubernetes-list-map-keys'?: readonly string[];
  'x-kubernetes-validations'?: readonly ValidationRule[];
}

type JsonSchema = Readonly<Record<string, unknown>>;
type Keyword = (value: unknown, path: string) => Partial<StructuralSchema>;

const copied = (keyword: keyof StructuralSchema): Keyword => {
  return (value) => ({ [keyword]: value });
};
const copiedUnlessZero = (keyword: keyof StructuralSchema): Keyword => {
  return (value) => (value === 0 ? {} : { [keyword]: value });
};

/** What each keyword becomes, in the order in which they are written. A keyword without a row is refused. */
const keywords: Readonly<Record<string, Keyword>> = {
  description: copied('description'),
  type: copied('type'),
  format: copied('format'),
  enum: copied('enum'),
  default: copied('default'),
  pattern: copied('pattern'),
  minLength: copiedUnlessZero('minLength'),
  maxLength: copied('maxLength'),
  minimum: copied('minimum'),
  maximum: copied('maximum'),
  minItems: copiedUnlessZero('minItems'),
  maxItems: copied('maxItems'),
  maxProperties: copied('maxProperties'),
  properties: (value, path) => ({ properties: propertiesOf(value as Record<string, JsonSchema>, path) }),
  required: copied('required'),
  // A closed object: the API server drops unknown fields, and says so when it is asked to.
  additionalProperties: (value, path) =>
    value === false ? {} : { additionalProperties: convert(value as JsonSchema, `${path}[*]`) },
  items: (value, path) => ({ items: convert(value as JsonSchema, `${path}[*]`) }),
  'x-kubernetes-list-type': copied('x-kubernetes-list-type'),
  'x-kubernetes-list-map-keys': copied('x-kubernetes-list-map-keys'),
  [validationsKey]: copied('x-kubernetes-validations'),
};

/** What a node of each type must say besides its description. */
const bounds: Readonly<Record<StructuralSchema['type'], readonly (keyof StructuralSchema)[]>> = {
  string: ['maxLength', 'enum'],
  array: ['maxItems'],
  integer: ['maximum'],
  boolean: ['type'],
  object: ['properties', 'maxProperties'],
};

/**
 * The structural schema of `schema`. Throws, naming the field below `path`, for what cannot be said structurally and
 * for a field without description or bound.
 */
export function structuralSchema(schema: z.ZodType, path: string): StructuralSchema {
  const json = z.toJSONSchema(schema, { io: 'input', target: 'openapi-3.0', reused: 'inline', cycles: 'throw' });
  return convert(json, path);
}

function convert(json: JsonSchema, path: string): StructuralSchema {
  const unknown = Object.keys(json).filter((keyword) => !Object.hasOwn(keywords, keyword));
  if (unknown.length > 0) throw new Error(`${path}: ${unknown.join(', ')} has no place in a structural schema`);
  const parts = Object.entries(keywords)
    .filter(([keyword]) => json[keyword] !== undefined)
    .map(([keyword, translate]) => translate(json[keyword], path));
  const node = Object.assign({}, ...parts) as StructuralSchema;
  requireComplete(node, path);
  return node;
}

function requireComplete(node: StructuralSchema, path: string): void {
  if (!Object.hasOwn(bounds, node.type)) throw new Error(`${path}: type ${node.type} is not supported`);
  if (!node.description) throw new Error(`${path} has no description`);
  const accepted = bounds[node.type];
  if (!accepted.some((keyword) => node[keyword] !== undefined)) {
    throw new Error(`${path} has no bound: give ${accepted.join(' or ')}`);
  }
}

function propertiesOf(properties: Record<string, JsonSchema>, path: string): Record<string, StructuralSchema> {
  return Object.fromEntries(Object.entries(properties).map(([name, json]) => [name, convert(json, `${path}.${name}`)]));
}
