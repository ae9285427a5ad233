// SPDX-License-Identifier: Apache-2.0
import type { z } from 'zod';

/** A row of `x-kubernetes-validations`. */
export interface ValidationRule {
  /** CEL; `self` is the value, `oldSelf` what it was. */
  rule: string;
  message: string;
  /** Where an error is reported, below the value: `.env`. */
  fieldPath?: string;
  reason?: 'FieldValueInvalid' | 'FieldValueForbidden' | 'FieldValueRequired' | 'FieldValueDuplicate';
}

/** One rule in two languages: CEL for the API server, a function for manifests that are read without one. */
export interface Rule<T> extends ValidationRule {
  holds: (value: T) => boolean;
}

/** Metadata key under which rules are kept and generated. */
export const validationsKey = 'x-kubernetes-validations';

/** Adds rules to a schema. They are checked only when the value is well-formed, as the API server does it. */
export function constrained<T>(schema: z.ZodType<T>, rules: readonly Rule<T>[]): z.ZodType<T> {
  if (rules.length === 0) return schema;
  const checked = schema.superRefine((value, context) => {
    for (const { holds, message, fieldPath } of rules) {
      if (holds(value)) continue;
      context.addIssue({ code: 'custom', message: message, path: segments(fieldPath) });
    }
  });
  return withValidations(checked, schema, rules.map(rowOf));
}

/** Adds rules about changes, which need a stored object and so are the API server's alone. */
export function unchanging<T>(schema: z.ZodType<T>, rules: readonly ValidationRule[]): z.ZodType<T> {
  return withValidations(schema, schema, rules);
}

/** A rule that a required or defaulted field keeps its first value; for use on the object that holds the field. */
export function immutable(field: string, advice: string): ValidationRule {
  const message = `${field} cannot be changed: ${advice}`;
  return { rule: `self.${field} == oldSelf.${field}`, message, fieldPath: `.${field}`, reason: 'FieldValueForbidden' };
}

/** The same for an optional field, which then can neither appear nor go. */
export function immutableOptional(field: string, advice: string): ValidationRule {
  const unchanged = `(has(self.${field}) ? self.${field} : '') == (has(oldSelf.${field}) ? oldSelf.${field} : '')`;
  // The path cannot name a field that the new object may lack: the message does.
  return { rule: unchanged, message: `${field} cannot be changed: ${advice}`, reason: 'FieldValueForbidden' };
}

/** A rule that exactly one of `fields` is given. */
export function exactlyOne<T extends object>(fields: readonly (keyof T & string)[]): Rule<T> {
  const count = fields.map((field) => `(has(self.${field}) ? 1 : 0)`).join(' + ');
  return {
    rule: `${count} == 1`,
    message: `give exactly one of ${fields.join(' or ')}`,
    holds: (value) => fields.filter((field) => value[field] !== undefined).length === 1,
  };
}

function withValidations<T>(
  schema: z.ZodType<T>,
  original: z.ZodType<T>,
  rows: readonly ValidationRule[],
): z.ZodType<T> {
  const meta = original.meta() ?? {};
  const before = (meta[validationsKey] as ValidationRule[] | undefined) ?? [];
  return schema.meta({ ...meta, [validationsKey]: [...before, ...rows] });
}

function rowOf<T>({ rule, message, fieldPath, reason }: Rule<T>): ValidationRule {
  return {
    rule,
    message,
    ...(fieldPath !== undefined && { fieldPath }),
    ...(reason !== undefined && { reason }),
  };
}

function segments(fieldPath: string | undefined): string[] {
  return fieldPath === undefined ? [] : fieldPath.split('.').filter((segment) => segment !== '');
}
