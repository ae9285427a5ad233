// SPDX-License-Identifier: Apache-2.0
/**
 * The words that custom-resource schemas are written in. Each makes a zod schema that validates by itself and carries, as
 * zod metadata, what the API server needs on top. No word can be used without a description and a bound.
 */
import { z } from 'zod';
import { constrained, type Rule } from './rules.ts';

export interface TextOptions {
  /** Most characters. */
  max: number;
  /** Fewest characters; 1 unless given. */
  min?: number;
  /** What the text looks like, and what to say when it does not. The expression means the same to RE2 and JavaScript. */
  format?: { pattern: RegExp; message: string };
  /** Further rules. */
  rules?: readonly Rule<string>[];
}

/** A string. A format becomes a CEL rule rather than a `pattern`, so that a refusal says what to write instead. */
export function text(description: string, options: TextOptions): z.ZodType<string> {
  const schema = z
    .string()
    .min(options.min ?? 1)
    .max(options.max)
    .meta({ description });
  const rules = [...(options.format ? [formatRule(options.format)] : []), ...(options.rules ?? [])];
  return constrained(schema, rules);
}

function formatRule({ pattern, message }: { pattern: RegExp; message: string }): Rule<string> {
  if (pattern.source.includes("'")) throw new Error(`a quote in ${pattern.source} would end the CEL string`);
  return { rule: `self.matches(r'${pattern.source}')`, message, holds: (value) => pattern.test(value) };
}

/** A point in time, RFC 3339 in UTC. */
export function timestamp(description: string): z.ZodType<string> {
  return z.string().max(64).meta({ description, format: 'date-time' });
}

/** One of a closed set of strings. */
export function choice<const V extends string>(description: string, values: readonly V[]): z.ZodType<V> {
  return z.enum(values as readonly [V, ...V[]]).meta({ description });
}

/** A whole number within bounds, both inclusive. */
export function integer(description: string, min: number, max: number): z.ZodType<number> {
  const format = max > 2 ** 31 - 1 ? 'int64' : 'int32';
  return z.int().min(min).max(max).meta({ description, format });
}

export function flag(description: string): z.ZodType<boolean> {
  return z.boolean().meta({ description });
}

export interface ListOptions {
  /** Fewest items; 0 unless given. */
  min?: number;
  max: number;
}

/** A list of different values, merged by server-side apply as a set. */
export function setOf<V extends string>(description: string, item: z.ZodType<V>, options: ListOptions): z.ZodType<V[]> {
  return listOf(description, item, options, { 'x-kubernetes-list-type': 'set' }, (value) => value);
}

/** A list of objects told apart by the fields `keys`, merged by server-side apply item by item. */
export function mapListOf<T extends object>(
  description: string,
  item: z.ZodType<T>,
  options: ListOptions & { keys: readonly (keyof T & string)[] },
): z.ZodType<T[]> {
  const identity = (value: T): string => JSON.stringify(options.keys.map((key) => value[key]));
  const meta = { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': options.keys };
  return listOf(description, item, options, meta, identity);
}

/** A list that server-side apply replaces as a whole. */
export function atomicListOf<T>(description: string, item: z.ZodType<T>, options: ListOptions): z.ZodType<T[]> {
  return listOf(description, item, options, { 'x-kubernetes-list-type': 'atomic' });
}

function listOf<T>(
  description: string,
  item: z.ZodType<T>,
  options: ListOptions,
  meta: Record<string, unknown>,
  identity?: (value: T) => string,
): z.ZodType<T[]> {
  return z
    .array(item)
    .min(options.min ?? 0)
    .max(options.max)
    .superRefine((items, context) => {
      const seen = new Set<string>();
      if (!identity) return;
      for (const [index, value] of items.entries()) {
        if (seen.has(identity(value))) context.addIssue({ code: 'custom', path: [index], message: 'Duplicate value' });
        seen.add(identity(value));
      }
    })
    .meta({ description, ...meta });
}

export interface MapOptions {
  /** Most entries. */
  max: number;
  /** Most characters of a key. */
  maxKey: number;
  rules?: readonly Rule<Record<string, string>>[];
}

/** A map from text to text. */
export function mapOf(
  description: string,
  value: z.ZodType<string>,
  options: MapOptions,
): z.ZodType<Record<string, string>> {
  const schema = z
    .record(z.string(), value)
    .superRefine((map, context) => {
      const count = Object.keys(map).length;
      if (count <= options.max) return;
      context.addIssue({ code: 'custom', message: `Too many: ${count}: must have at most ${options.max} items` });
    })
    .meta({ description, maxProperties: options.max });
  const keyRule: Rule<Record<string, string>> = {
    rule: `self.all(key, size(key) >= 1 && size(key) <= ${options.maxKey})`,
    message: `every key must have 1 to ${options.maxKey} characters`,
    holds: (map) => Object.keys(map).every((key) => key.length >= 1 && key.length <= options.maxKey),
  };
  return constrained(schema, [keyRule, ...(options.rules ?? [])]);
}

/** An object with exactly these fields. */
export function object<S extends z.ZodRawShape>(description: string, shape: S): z.ZodObject<S, z.core.$strict> {
  return z.strictObject(shape).meta({ description });
}

/** A field that may be left out. */
export function optional<T>(schema: z.ZodType<T>): z.ZodExactOptional<z.ZodType<T>> {
  return schema.exactOptional();
}

/** A field that the API server fills in when it is left out. */
export function defaulted<T>(schema: z.ZodType<T>, value: z.core.util.NoUndefined<T>): z.ZodDefault<z.ZodType<T>> {
  return schema.default(value);
}
