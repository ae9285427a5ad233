import { z } from 'zod';

/** Building blocks of the input schemas of RAM. An issue's message says what is allowed and never repeats the value. */

const isReadable = (given: string): boolean => given !== '.' && given !== '..';

function nameOf(what: string, pattern: RegExp, characters: string): z.ZodType<string> {
  const message = `It must be a ${what} name of 1 to 64 letters, digits and ${characters}.`;
  return z.string({ error: message }).regex(pattern, message).refine(isReadable, message);
}

/** `UserName`. */
export const userName: z.ZodType<string> = nameOf('user', /^[A-Za-z0-9._@-]{1,64}$/, '._@-');

/** `RoleName`. */
export const roleName: z.ZodType<string> = nameOf('role', /^[A-Za-z0-9._-]{1,64}$/, '._-');

/** `PolicyName`. */
export const policyName: z.ZodType<string> = nameOf('policy', /^[A-Za-z0-9._-]{1,64}$/, '._-');

/** `PolicyType`. */
export const policyType: z.ZodType<'System' | 'Custom'> = z.enum(['System', 'Custom'], {
  error: 'It must be System or Custom.',
});

/** Any text of at most `max` characters. */
export function text(max: number): z.ZodType<string> {
  const message = `It must have at most ${max} characters.`;
  return z.string({ error: message }).max(max, message);
}

/** Absent, or empty, which SDKs send for what is not set. */
export function optional<T>(schema: z.ZodType<T>): z.ZodType<T | undefined> {
  return z.preprocess((value) => (value === '' ? undefined : value), schema.optional()).optional();
}

/** A whole number as decimal digits, with its value when absent. */
export function integer(min: number, max: number, unlessGiven: number): z.ZodType<number> {
  const message = `It must be a whole number from ${min} to ${max}.`;
  return optional(z.coerce.number({ error: message }).int(message).min(min, message).max(max, message)).transform(
    (value) => value ?? unlessGiven,
  );
}

/** `true` or `false`; false when absent. */
export const flag: z.ZodType<boolean> = z
  .enum(['true', 'false'], { error: 'It must be true or false.' })
  .default('false')
  .transform((value) => value === 'true');

/** Which page of a list is asked for. */
export interface Page {
  Marker: string | undefined;
  MaxItems: number;
}

/** The paging parameters of RAM's lists. */
export const pageParameters: { Marker: z.ZodType<string | undefined>; MaxItems: z.ZodType<number> } = {
  Marker: optional(text(256)),
  MaxItems: integer(1, 1000, 100),
};

/** The items after the marker, and the fields that describe the page. `keyOf` orders items and makes markers. */
export function pageOf<T>(
  items: readonly T[],
  keyOf: (item: T) => string,
  { Marker, MaxItems }: Page,
): { items: T[]; fields: { IsTruncated: boolean; Marker?: string } } {
  const keyed = items
    .map((item) => ({ item, key: keyOf(item) }))
    .filter(({ key }) => Marker === undefined || key > Marker);
  const sorted = keyed.toSorted((one, other) => (one.key < other.key ? -1 : 1));
  const page = sorted.slice(0, MaxItems);
  const last = page.at(-1);
  const isTruncated = sorted.length > page.length;
  return {
    items: page.map(({ item }) => item),
    fields: { IsTruncated: isTruncated, ...(isTruncated && last !== undefined ? { Marker: last.key } : {}) },
  };
}

/** A time as RAM writes it: UTC, whole seconds; empty for one that was never noted. */
export function ramTime(ms: number | undefined): string {
  return ms === undefined ? '' : `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
