import { isDeepStrictEqual } from 'node:util';

/** Any JSON value. */
export type Json = null | boolean | number | string | Json[] | { [field: string]: Json };

/**
 * A step on the way to a field: its name, or the key of an item in a list that is a map. Items are told from fields by
 * being in an array, so no field name can be taken for an item.
 */
export type PathStep = string | readonly [keyField: string, keyValue: string];

/** A field that somebody may own: a scalar, a list that is replaced whole, or an empty object. */
export interface Leaf {
  path: readonly PathStep[];
  value: Json;
  /** An empty object or map list: it asks that the field exists, and does not mind what others put into it. */
  container: boolean;
}

/** Lists whose items have an identity, by the name of the field that holds the list. An empty key: items are the keys. */
export type ListKeys = Readonly<Record<string, string>>;

/** As in the API server's own types. Custom kinds add the lists that their schema marks `x-kubernetes-list-type: map`. */
export const standardListKeys: ListKeys = { conditions: 'type', ownerReferences: 'uid', finalizers: '' };

type JsonObject = { [field: string]: Json };

/** Every leaf of a value, by a text that identifies its path. */
export function leavesOf(value: Json, listKeys: ListKeys): Map<string, Leaf> {
  const leaves = new Map<string, Leaf>();
  collect(value, [], listKeys, leaves);
  return leaves;
}

function collect(value: Json, path: readonly PathStep[], listKeys: ListKeys, leaves: Map<string, Leaf>): void {
  const children = childrenOf(value, path, listKeys);
  if (children === undefined || (children.length === 0 && path.length > 0)) {
    leaves.set(JSON.stringify(path), { path, value, container: children !== undefined });
    return;
  }
  for (const [step, child] of children) collect(child, [...path, step], listKeys, leaves);
}

/** Undefined for a value that is a leaf. */
function childrenOf(value: Json, path: readonly PathStep[], listKeys: ListKeys): [PathStep, Json][] | undefined {
  if (value === null || typeof value !== 'object') return undefined;
  if (!Array.isArray(value)) return Object.entries(value);
  const keyField = keyFieldOf(path, listKeys);
  if (keyField === undefined) return undefined;
  return value.map((item) => [[keyField, keyValueOf(item, keyField)], keyField === '' ? item : { ...asObject(item) }]);
}

function keyFieldOf(path: readonly PathStep[], listKeys: ListKeys): string | undefined {
  const field = path.at(-1);
  return typeof field === 'string' && Object.hasOwn(listKeys, field) ? listKeys[field] : undefined;
}

function keyValueOf(item: Json, keyField: string): string {
  const key = keyField === '' ? item : asObject(item)[keyField];
  return typeof key === 'string' ? key : JSON.stringify(key ?? null);
}

function asObject(value: Json): JsonObject {
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? value : {};
}

/** The value at a path; undefined when there is none. */
export function valueAt(root: Json, path: readonly PathStep[]): Json | undefined {
  let value: Json | undefined = root;
  for (const step of path) value = value === undefined ? undefined : childAt(value, step);
  return value;
}

function childAt(value: Json, step: PathStep): Json | undefined {
  if (typeof step === 'string') {
    const object = asObject(value);
    return Object.hasOwn(object, step) ? object[step] : undefined;
  }
  const [keyField, keyValue] = step;
  return Array.isArray(value) ? value.find((item) => keyValueOf(item, keyField) === keyValue) : undefined;
}

/** Whether the leaf is in `root` as it should be. */
export function isSet(root: Json, { path, value, container }: Leaf): boolean {
  const live = valueAt(root, path);
  if (!container || live === undefined || live === null || typeof live !== 'object')
    return isDeepStrictEqual(live, value);
  return Array.isArray(live) === Array.isArray(value);
}

/** Sets a leaf in `root`, which is changed. Whatever stands in the way on its path is replaced. */
export function setLeaf(root: JsonObject, leaf: Leaf): void {
  if (isSet(root, leaf)) return;
  let holder: Json = root;
  leaf.path.forEach((step, at) => {
    const isLast = at === leaf.path.length - 1;
    const next = leaf.path[at + 1];
    const fresh: Json = isLast ? leaf.value : Array.isArray(next) ? [] : {};
    holder = isLast ? place(holder, step, fresh) : descend(holder, step, fresh);
  });
}

/** The container at `step`, put there when there is none or a scalar or one of the other sort is. */
function descend(holder: Json, step: PathStep, fresh: Json): Json {
  const child = childAt(holder, step);
  const fits = child !== null && typeof child === 'object' && Array.isArray(child) === Array.isArray(fresh);
  return fits ? child : place(holder, step, fresh);
}

function place(holder: Json, step: PathStep, value: Json): Json {
  if (typeof step === 'string') {
    // defineProperty, not assignment: a field may be called __proto__.
    Object.defineProperty(holder, step, { value, enumerable: true, writable: true, configurable: true });
    return value;
  }
  if (!Array.isArray(holder)) return value;
  const at = holder.findIndex((item) => keyValueOf(item, step[0]) === step[1]);
  const item: Json = step[0] !== '' && asObject(value) === value ? Object.assign(value, { [step[0]]: step[1] }) : value;
  if (at < 0) holder.push(item);
  else holder[at] = item;
  return item;
}

/** Takes a leaf out of `root`, which is changed, and every container that becomes empty by it. */
export function removeLeaf(root: JsonObject, { path, container }: Leaf): void {
  if (container && !isEmpty(valueAt(root, path))) return;
  // The key of an item goes with the item's last other field, so that the item can be found until then.
  if (isItemKey(path) && Object.keys(valueAt(root, path.slice(0, -1)) ?? {}).length > 1) return;
  // Found before anything is taken away: an item without its key cannot be found any more.
  const holders = path.map((_step, at) => valueAt(root, path.slice(0, at)));
  for (const [at, step] of [...path.entries()].toReversed()) {
    const holder = holders[at];
    if (holder === undefined || holder === null || typeof holder !== 'object') return;
    if (typeof step === 'string') delete asObject(holder)[step];
    else if (Array.isArray(holder)) removeItem(holder, step, holders[at + 1]);
    if (!isEmpty(holder)) return;
  }
}

function removeItem(list: Json[], [keyField, keyValue]: readonly [string, string], item: Json | undefined): void {
  const at = list.findIndex((candidate) => candidate === item || keyValueOf(candidate, keyField) === keyValue);
  if (at >= 0) list.splice(at, 1);
}

/** Order in which leaves can be removed: what is deeper first, the key of an item after its other fields. */
export function byRemoval(a: Leaf, b: Leaf): number {
  return b.path.length - a.path.length || Number(isItemKey(a.path)) - Number(isItemKey(b.path));
}

function isItemKey(path: readonly PathStep[]): boolean {
  const item = path.at(-2);
  return typeof item === 'object' && item[0] === path.at(-1);
}

function isEmpty(value: Json | undefined): boolean {
  return value === null || typeof value !== 'object' || Object.keys(value).length === 0;
}
