import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../lib/clock.ts';
import { rfc3339Seconds } from './conditions.ts';
import type { FieldOwners } from './field-ownership.ts';
import { KubeError } from './kube-error.ts';
import { keyOf, resourceName, type KubeObject, type ObjectKey, type ObjectRef, type ResourceType } from './resource.ts';

/** An object with a status somewhere; what it looks like is the kind's business. */
export type AnyObject = KubeObject & { status?: unknown };

/** An object and who applied which of its fields. */
export interface TableRow {
  readonly object: AnyObject;
  readonly owners: FieldOwners;
}

/** A change of the table, with the object as it is now, or as it was last. */
export interface TableChange {
  resource: ResourceType;
  type: 'Apply' | 'Delete';
  object: AnyObject;
}

/** Fills in defaults and checks, as the API server does by the kind's schema. Throws for what it does not admit. */
export type Admit = (resource: ResourceType, object: KubeObject) => KubeObject;

export interface ObjectTableOptions {
  clock: Clock;
  newUid: () => string;
  admit?: Admit;
}

/**
 * Objects in memory with the API server's bookkeeping: uid, resourceVersion, generation, creationTimestamp, deletion by
 * finalizers, and the end of an owner being the end of what it owns. Stored objects are frozen and shared by readers.
 */
export class ObjectTable {
  readonly #options: ObjectTableOptions;
  readonly #rows = new Map<string, Map<ObjectKey, TableRow>>();
  readonly #resources = new Map<string, ResourceType>();
  readonly #listeners = new Set<(change: TableChange) => void>();
  #revision = 0;

  constructor(options: ObjectTableOptions) {
    this.#options = options;
  }

  /** Calls back after every change, in order. Gives the function that stops it. */
  subscribe(listener: (change: TableChange) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** The row of an object, or undefined. */
  row(resource: ResourceType, ref: ObjectRef): TableRow | undefined {
    return this.#rows.get(resourceName(resource))?.get(keyOf(ref));
  }

  /** The row of an object; 404 when there is none, 409 when it is another incarnation than `uid` says. */
  existing(resource: ResourceType, ref: ObjectRef, uid?: string): TableRow {
    const row = this.row(resource, ref);
    if (row === undefined) throw new KubeError(404, 'NotFound', `${resourceName(resource)} "${ref.name}" not found`);
    if (uid !== undefined && uid !== row.object.metadata.uid) {
      throw conflict(resource, ref, 'the UID in the precondition is not that of the object');
    }
    return row;
  }

  /** All objects of a kind. */
  objects(resource: ResourceType): AnyObject[] {
    return [...(this.#rows.get(resourceName(resource))?.values() ?? [])].map(({ object }) => object);
  }

  /** Stores a new object. The name must be free. */
  insert(resource: ResourceType, object: AnyObject, owners: FieldOwners): AnyObject {
    const { name, namespace } = object.metadata;
    const fresh = this.#admit(resource, withoutStatus(object));
    const metadata = {
      ...fresh.metadata,
      name,
      ...(namespace === undefined ? {} : { namespace }),
      uid: this.#options.newUid(),
      creationTimestamp: rfc3339Seconds(this.#options.clock.now()),
      ...(countsGenerations(resource) ? { generation: 1 } : {}),
    };
    delete metadata.deletionTimestamp;
    return this.#put(resource, { ...fresh, metadata }, owners);
  }

  /**
   * Stores a new state of an existing object. What the API server keeps for itself is kept; a state that equals the old
   * one changes nothing; an object that is being deleted goes with its last finalizer.
   */
  replace(resource: ResourceType, row: TableRow, next: AnyObject, owners: FieldOwners): AnyObject {
    const { object: old } = row;
    const { deletionTimestamp: _notTheirs, ...theirs } = next.metadata;
    const metadata = { ...theirs, ...immutable(old) };
    if (old.metadata.deletionTimestamp !== undefined) refuseNewFinalizers(resource, old, next);
    const admitted = this.#admit(resource, { ...next, metadata });
    if (isDeepStrictEqual(admitted, old)) {
      this.#rowsOf(resource).set(keyOf(old), { object: old, owners });
      return old;
    }
    if (countsGenerations(resource) && !isDeepStrictEqual(desired(admitted), desired(old))) {
      admitted.metadata.generation = (old.metadata.generation ?? 0) + 1;
    }
    if (old.metadata.deletionTimestamp !== undefined && !hasFinalizers(admitted)) return this.#drop(resource, admitted);
    return this.#put(resource, admitted, owners);
  }

  /** Deletes an object, or marks it as being deleted while it has finalizers. */
  remove(resource: ResourceType, row: TableRow): void {
    const { object } = row;
    if (!hasFinalizers(object)) return void this.#drop(resource, object);
    if (object.metadata.deletionTimestamp !== undefined) return;
    const deletionTimestamp = rfc3339Seconds(this.#options.clock.now());
    const generation = object.metadata.generation;
    const metadata = {
      ...object.metadata,
      deletionTimestamp,
      ...(generation === undefined ? {} : { generation: generation + 1 }),
    };
    this.#put(resource, { ...object, metadata }, row.owners);
  }

  #put(resource: ResourceType, object: AnyObject, owners: FieldOwners): AnyObject {
    const stored = this.#versioned(object);
    this.#rowsOf(resource).set(keyOf(stored), { object: stored, owners });
    this.#notify({ resource, type: 'Apply', object: stored });
    return stored;
  }

  #drop(resource: ResourceType, object: AnyObject): AnyObject {
    const last = this.#versioned(object);
    this.#rowsOf(resource).delete(keyOf(object));
    this.#notify({ resource, type: 'Delete', object: last });
    this.#dropDependents(object.metadata.uid);
    return last;
  }

  #dropDependents(uid: string | undefined): void {
    for (const resource of this.#resources.values()) {
      for (const row of this.#rowsOf(resource).values()) {
        const owners = row.object.metadata.ownerReferences ?? [];
        if (owners.length > 0 && owners.every((owner) => owner.uid === uid)) this.remove(resource, row);
      }
    }
  }

  #versioned(object: AnyObject): AnyObject {
    this.#revision += 1;
    const metadata = { ...object.metadata, resourceVersion: String(this.#revision) };
    return deepFreeze(structuredClone({ ...object, metadata }));
  }

  #rowsOf(resource: ResourceType): Map<ObjectKey, TableRow> {
    const name = resourceName(resource);
    let rows = this.#rows.get(name);
    if (rows === undefined) {
      rows = new Map();
      this.#rows.set(name, rows);
      this.#resources.set(name, resource);
    }
    return rows;
  }

  #admit(resource: ResourceType, object: AnyObject): AnyObject {
    if (this.#options.admit === undefined) return structuredClone(object);
    try {
      return this.#options.admit(resource, structuredClone(object));
    } catch (error) {
      const detail = error instanceof Error ? error.message : 'not admitted';
      throw new KubeError(422, 'Invalid', `${resource.kind} "${object.metadata.name}" is invalid: ${detail}`);
    }
  }

  #notify(change: TableChange): void {
    for (const listener of this.#listeners) listener(change);
  }
}

/** A 409 as the API server words it. */
export function conflict(resource: ResourceType, ref: ObjectRef, why: string): KubeError {
  return new KubeError(
    409,
    'Conflict',
    `Operation cannot be fulfilled on ${resourceName(resource)} "${ref.name}": ${why}`,
  );
}

/** The object without its status, which only writes of the status change. */
export function withoutStatus(object: AnyObject): AnyObject {
  const { status: _status, ...rest } = object;
  return rest;
}

/** The API server counts generations of custom resources; of built-in kinds only where their code says so. */
function countsGenerations(resource: ResourceType): boolean {
  return resource.group.includes('.') && !resource.group.endsWith('.k8s.io');
}

function immutable(object: AnyObject): Partial<KubeObject['metadata']> {
  const { name, namespace, uid, creationTimestamp, generation, deletionTimestamp, resourceVersion } = object.metadata;
  const kept = { name, namespace, uid, creationTimestamp, generation, deletionTimestamp, resourceVersion };
  return Object.fromEntries(Object.entries(kept).filter(([, value]) => value !== undefined));
}

function refuseNewFinalizers(resource: ResourceType, old: AnyObject, next: AnyObject): void {
  const had = new Set(old.metadata.finalizers);
  const added = (next.metadata.finalizers ?? []).filter((finalizer) => !had.has(finalizer));
  if (added.length === 0) return;
  const why = `metadata.finalizers: no new finalizers can be added if the object is being deleted: ${added.join(', ')}`;
  throw new KubeError(422, 'Invalid', `${resource.kind} "${old.metadata.name}" is invalid: ${why}`);
}

/** What counts as a change of the generation. */
function desired(object: AnyObject): unknown {
  const { metadata: _metadata, ...rest } = withoutStatus(object);
  return rest;
}

function hasFinalizers(object: KubeObject): boolean {
  return (object.metadata.finalizers ?? []).length > 0;
}

function deepFreeze<V>(value: V): V {
  if (value !== null && typeof value === 'object' && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) deepFreeze(part);
  }
  return value;
}
