// SPDX-License-Identifier: Apache-2.0
import type { z } from 'zod';

/** A field and what is wrong with it. */
export interface FieldProblem {
  /** Such as `spec.sources[0].name`; empty for the object as a whole. */
  path: string;
  message: string;
}

/** The same, with the path in parts. */
export interface LocatedProblem {
  path: readonly PropertyKey[];
  message: string;
}

type Issue = z.core.$ZodIssue;
type Describe<C extends Issue['code']> = (issue: Extract<Issue, { code: C }>) => string;

const units: Readonly<Record<string, string>> = { string: 'characters', array: 'items' };

const describers: { readonly [C in Issue['code']]?: Describe<C> } = {
  invalid_type: (issue) =>
    issue.input === undefined ? 'Required value' : `Invalid value: must be of type ${typeName(issue.expected)}`,
  invalid_value: (issue) =>
    `Unsupported value: supported values: ${issue.values.map((v) => `"${String(v)}"`).join(', ')}`,
  too_big: (issue) => limit('at most', issue.maximum, issue.origin),
  too_small: (issue) => limit('at least', issue.minimum, issue.origin),
};

function typeName(expected: string): string {
  if (expected === 'int' || expected === 'number') return 'integer';
  return expected === 'record' ? 'object' : expected;
}

function limit(side: string, bound: number | bigint, origin: string): string {
  const unit = units[origin];
  return unit === undefined
    ? `Invalid value: must be ${side} ${bound}`
    : `Invalid value: must have ${side} ${bound} ${unit}`;
}

/** What zod found, in the API server's words. An object with several unknown fields gives a problem for each. */
export function describeIssue(issue: Issue): LocatedProblem[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: [...issue.path, key], message: 'unknown field' }));
  }
  const describe = describers[issue.code] as ((found: Issue) => string) | undefined;
  return [{ path: issue.path, message: describe?.(issue) ?? issue.message }];
}

/** `['spec', 'sources', 0]` → `spec.sources[0]`. */
export function fieldPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? String(part) : `${text}.${String(part)}`;
  }, '');
}
