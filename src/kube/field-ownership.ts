import { isDeepStrictEqual } from 'node:util';
import {
  byRemoval,
  isSet,
  leavesOf,
  removeLeaf,
  setLeaf,
  valueAt,
  type Json,
  type Leaf,
  type ListKeys,
} from './field-set.ts';

/** Which fields each manager has applied, by the text of their paths. */
export type FieldOwners = ReadonlyMap<string, ReadonlyMap<string, Leaf>>;

export interface ApplyInput {
  /** The object as it is; `{}` when it does not exist. */
  live: { [field: string]: Json };
  owners: FieldOwners;
  /** What the manager wants: only fields that it means to own. */
  wanted: Json;
  manager: string;
  force: boolean;
  listKeys: ListKeys;
}

export type ApplyOutcome =
  | { type: 'merged'; object: { [field: string]: Json }; owners: FieldOwners }
  /** Fields that another manager owns with another value, as texts for a message. */
  | { type: 'conflict'; fields: string[] };

/**
 * Server-side apply on plain data, as the API server does it: wanted fields are set and owned; fields that this manager
 * applied before and leaves out now are removed unless somebody else owns them too; a field that another manager owns
 * with another value is a conflict, or taken over by force. The input is not changed.
 */
export function applyFields(input: ApplyInput): ApplyOutcome {
  const { live, owners, manager, force, listKeys } = input;
  const wanted = leavesOf(input.wanted, listKeys);
  const contested = contestedFields(live, owners, manager, wanted);
  if (contested.size > 0 && !force) return { type: 'conflict', fields: [...contested].toSorted() };
  const object = structuredClone(live);
  const next = new Map<string, ReadonlyMap<string, Leaf>>();
  for (const [name, leaves] of owners) {
    if (name !== manager) next.set(name, new Map([...leaves].filter(([id]) => !contested.has(id))));
  }
  const before = [...(owners.get(manager) ?? [])];
  const givenUp = before.filter(([id]) => !wanted.has(id) && !isOwned(next, id)).map(([, leaf]) => leaf);
  for (const leaf of givenUp.toSorted(byRemoval)) removeLeaf(object, leaf);
  for (const leaf of wanted.values()) setLeaf(object, structuredClone(leaf));
  next.set(manager, wanted);
  return { type: 'merged', object, owners: next };
}

/** Owners after a write that was no apply: whoever owned a field that it changed owns it no more. */
export function releaseChanged(owners: FieldOwners, before: Json, after: Json): FieldOwners {
  const kept = [...owners].map(([name, leaves]): [string, ReadonlyMap<string, Leaf>] => [
    name,
    new Map([...leaves].filter(([, leaf]) => isUnchanged(leaf, before, after))),
  ]);
  return new Map(kept);
}

function isUnchanged({ path, container }: Leaf, before: Json, after: Json): boolean {
  const value = valueAt(after, path);
  return container ? value !== undefined : isDeepStrictEqual(valueAt(before, path), value);
}

function contestedFields(
  live: Json,
  owners: FieldOwners,
  manager: string,
  wanted: ReadonlyMap<string, Leaf>,
): Set<string> {
  const contested = new Set<string>();
  for (const [id, leaf] of wanted) {
    if (isSet(live, leaf)) continue;
    for (const [name, leaves] of owners) if (name !== manager && leaves.has(id)) contested.add(id);
  }
  return contested;
}

function isOwned(owners: FieldOwners, id: string): boolean {
  return [...owners.values()].some((leaves) => leaves.has(id));
}
