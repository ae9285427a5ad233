// SPDX-License-Identifier: Apache-2.0
/** The words that the chart's values are described in. */

/** A JSON Schema (draft 7). */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** The keywords of JSON Schema for a condition. */
const branches = { condition: 'if', holds: 'then', otherwise: 'else' } as const;

/** A schema by case: whether a value is valid against `condition` decides which of the others counts. */
export function either(condition: JsonSchema, holds: JsonSchema, otherwise: JsonSchema): JsonSchema {
  return { [branches.condition]: condition, [branches.holds]: holds, [branches.otherwise]: otherwise };
}

/** One value that a user of the chart may set. */
export interface Setting {
  readonly description: string;
  readonly schema: JsonSchema;
  readonly default: unknown;
}

/** A group of values. */
export interface Section {
  readonly description: string;
  readonly settings: Settings;
}

export type Settings = Readonly<Record<string, Setting | Section>>;

/** Whether an entry is a group. */
export function isSection(entry: Setting | Section): entry is Section {
  return 'settings' in entry;
}

export function section(description: string, settings: Settings): Section {
  return { description, settings };
}

export function text(description: string, value: string, schema: JsonSchema = {}): Setting {
  return { description, schema: { type: 'string', ...schema }, default: value };
}

export function oneOf(description: string, value: string, values: readonly string[]): Setting {
  return { description, schema: { type: 'string', enum: values }, default: value };
}

export function flag(description: string, value: boolean): Setting {
  return { description, schema: { type: 'boolean' }, default: value };
}

export function count(description: string, value: number, minimum: number, maximum: number): Setting {
  return { description, schema: { type: 'integer', minimum, maximum }, default: value };
}

export function list(description: string, value: readonly unknown[], items: JsonSchema): Setting {
  return { description, schema: { type: 'array', items }, default: value };
}

/** An object that Kubernetes itself defines and checks. */
export function kubernetesObject(description: string, value: JsonSchema = {}): Setting {
  return { description, schema: { type: 'object' }, default: value };
}
