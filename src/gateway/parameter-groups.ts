import { ApiError } from '../lib/errors.ts';
import type { ParameterMap } from './parameters.ts';

/** Parameters that are maps of text to text: whatever follows the first dot is the key, dots and digits included. */
const flatMaps: ReadonlySet<string> = new Set([
  'EncryptionContext',
  'SourceEncryptionContext',
  'DestinationEncryptionContext',
]);

/** Names through which a careless assignment would reach a prototype. */
const forbiddenNames: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

const maxDepth = 6;
const index = /^[1-9][0-9]{0,3}$/;

type Group = Map<string, Group | string>;

function malformed(name: string, fault: string): ApiError {
  const shown = JSON.stringify(name.length > 64 ? `${name.slice(0, 64)}…` : name);
  return new ApiError('ParseRequestParameterException', `The parameter ${shown} ${fault}.`);
}

function segmentsOf(name: string): readonly string[] {
  if (!name.includes('.')) return [name];
  const dot = name.indexOf('.');
  const first = name.slice(0, dot);
  const segments = flatMaps.has(first) ? [first, name.slice(dot + 1)] : name.split('.', maxDepth + 1);
  if (segments.length > maxDepth) throw malformed(name, `has more than ${maxDepth} levels`);
  if (segments.includes('')) throw malformed(name, 'has an empty level');
  return segments;
}

function insert(root: Group, name: string, value: string): void {
  const segments = segmentsOf(name);
  let group = root;
  for (const [depth, segment] of segments.entries()) {
    if (forbiddenNames.has(segment)) throw malformed(name, 'has a name that is not allowed');
    const present = group.get(segment);
    if (depth === segments.length - 1) {
      if (present !== undefined) throw malformed(name, 'is given both as a value and as a group');
      group.set(segment, value);
    } else {
      if (typeof present === 'string') throw malformed(name, 'is given both as a value and as a group');
      const next: Group = present ?? new Map();
      if (present === undefined) group.set(segment, next);
      group = next;
    }
  }
}

function isList(group: Group): boolean {
  for (const name of group.keys()) if (!index.test(name)) return false;
  return true;
}

function toValue(group: Group, mayBeList: boolean): unknown {
  if (mayBeList && isList(group)) {
    const items = [...group].toSorted(([a], [b]) => Number(a) - Number(b));
    return items.map(([, item]) => (typeof item === 'string' ? item : toValue(item, true)));
  }
  return toObject(group);
}

function toObject(group: Group): Record<string, unknown> {
  const object = Object.create(null) as Record<string, unknown>;
  for (const [name, item] of group) {
    object[name] = typeof item === 'string' ? item : toValue(item, !flatMaps.has(name));
  }
  return object;
}

/**
 * Builds the structure that RPC parameter names flatten: `Tag.1.Key` is the field Key of the first element of the list
 * Tag, `EncryptionContext.k` the entry k of a map. Values stay text, JSON text too. Objects have no prototype. List
 * elements are in the order of their numbers, from 1 to 9999; SDKs leave numbers out for absent elements.
 *
 * @throws ApiError `ParseRequestParameterException` for a name that is too deep, ambiguous or reserved (checklist I1).
 */
export function groupParameters(
  parameters: ParameterMap,
  without: ReadonlySet<string> = new Set(),
): Record<string, unknown> {
  const root: Group = new Map();
  for (const [name, value] of parameters) {
    if (!without.has(name)) insert(root, name, value);
  }
  return toObject(root);
}
