/** An operation of JSON Patch (RFC 6902), as far as the webhook uses it. */
export type PatchOperation =
  { op: 'add'; path: string; value: unknown } | { op: 'replace'; path: string; value: unknown };

/** A JSON Pointer (RFC 6901) from its parts: `~` and `/` in a part are escaped. */
export function pointer(...parts: (string | number)[]): string {
  return parts.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** Operations that insert `items` at the front of an array, in order; the array is made when it does not exist. */
export function insertAll(
  path: string,
  existing: readonly unknown[] | undefined,
  items: readonly unknown[],
): PatchOperation[] {
  if (items.length === 0) return [];
  if (existing === undefined || existing === null) return [{ op: 'add', path, value: items }];
  return items.map((value, index) => ({ op: 'add', path: `${path}/${index}`, value }));
}

/** Operations that append `items` to an array; the array is made when it does not exist. */
export function appendAll(
  path: string,
  existing: readonly unknown[] | undefined,
  items: readonly unknown[],
): PatchOperation[] {
  if (items.length === 0) return [];
  if (existing === undefined || existing === null) return [{ op: 'add', path, value: items }];
  return items.map((value) => ({ op: 'add', path: `${path}/-`, value }));
}
