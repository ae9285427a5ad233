import type { WatchEvent } from './cluster-api.ts';
import { keyOf, type KubeObject, type ObjectKey } from './resource.ts';

/** A change that a store has just taken in. `previous` is absent for what was not known before. */
export type StoreChange<T extends KubeObject> =
  { type: 'Apply'; key: ObjectKey; object: T; previous: T | undefined } | { type: 'Delete'; key: ObjectKey; object: T };

/** Gives the index values of an object; none when the object is not in the index. */
export type IndexFunction<T extends KubeObject> = (object: T) => Iterable<string>;

/** What readers of a store may do. Objects are shared between all readers and must not be changed. */
export interface StoreReader<T extends KubeObject> {
  readonly size: number;
  /** Whether one complete listing has been taken in. */
  readonly hasSynced: boolean;
  get(key: ObjectKey): T | undefined;
  has(key: ObjectKey): boolean;
  list(): Iterable<T>;
  keys(): Iterable<ObjectKey>;
  /** Objects with this value in the named index. Throws when there is no such index. */
  byIndex(index: string, value: string): T[];
  /** Resolves at the first complete listing; rejects with the signal's reason. */
  synced(signal: AbortSignal): Promise<void>;
  /** Calls back after each change has become visible. Gives the function that stops it. Listeners must not throw. */
  subscribe(listener: (change: StoreChange<T>) => void): () => void;
}

interface Index<T extends KubeObject> {
  of: IndexFunction<T>;
  keys: Map<string, Set<ObjectKey>>;
}

/**
 * The reflected state of one kind, fed with the events of one watch.
 *
 * A new listing is collected aside and takes effect at once at `InitDone`: readers see the old state or the new one,
 * never half of a listing, and what disappeared while the watch was down is reported as deleted.
 */
export class Store<T extends KubeObject = KubeObject> implements StoreReader<T> {
  #objects = new Map<ObjectKey, T>();
  #listing: Map<ObjectKey, T> | undefined;
  readonly #indexes = new Map<string, Index<T>>();
  readonly #listeners = new Set<(change: StoreChange<T>) => void>();
  readonly #ready: PromiseWithResolvers<void> = Promise.withResolvers();
  #hasSynced = false;

  get size(): number {
    return this.#objects.size;
  }

  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  get(key: ObjectKey): T | undefined {
    return this.#objects.get(key);
  }

  has(key: ObjectKey): boolean {
    return this.#objects.has(key);
  }

  list(): Iterable<T> {
    return this.#objects.values();
  }

  keys(): Iterable<ObjectKey> {
    return this.#objects.keys();
  }

  byIndex(index: string, value: string): T[] {
    const found = this.#indexes.get(index);
    if (found === undefined) throw new Error(`the store has no index ${index}`);
    return [...(found.keys.get(value) ?? [])].flatMap((key) => this.#objects.get(key) ?? []);
  }

  /** Adds an index over what is stored now and later. Throws when the name is taken by another function. */
  addIndex(name: string, of: IndexFunction<T>): void {
    const existing = this.#indexes.get(name);
    if (existing?.of === of) return;
    if (existing !== undefined) throw new Error(`the store has an index ${name} already`);
    const index: Index<T> = { of, keys: new Map() };
    this.#indexes.set(name, index);
    for (const [key, object] of this.#objects) insertInto(index, key, object);
  }

  synced(signal: AbortSignal): Promise<void> {
    if (this.#hasSynced) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const onAbort = (): void => reject(signal.reason as Error);
      if (signal.aborted) return onAbort();
      signal.addEventListener('abort', onAbort, { once: true });
      void this.#ready.promise.then(() => signal.removeEventListener('abort', onAbort)).then(resolve);
    });
  }

  subscribe(listener: (change: StoreChange<T>) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Takes in one event of the watch. */
  handle(event: WatchEvent<T>): void {
    switch (event.type) {
      case 'Init':
        this.#listing = new Map();
        return;
      case 'InitApply':
        this.#listing?.set(keyOf(event.object), event.object);
        return;
      case 'InitDone':
        return this.#replace();
      case 'Apply':
        return this.#notify([this.#put(keyOf(event.object), event.object)]);
      case 'Delete':
        return this.#notify([this.#remove(keyOf(event.object), event.object)]);
    }
  }

  #replace(): void {
    const listing = this.#listing ?? new Map<ObjectKey, T>();
    this.#listing = undefined;
    const changes: (StoreChange<T> | undefined)[] = [];
    for (const [key, object] of this.#objects) {
      if (!listing.has(key)) changes.push(this.#remove(key, object));
    }
    for (const [key, object] of listing) changes.push(this.#put(key, object));
    this.#hasSynced = true;
    this.#notify(changes);
    this.#ready.resolve();
  }

  /** Undefined when nothing changed, which a listing after a short outage mostly finds. */
  #put(key: ObjectKey, object: T): StoreChange<T> | undefined {
    const previous = this.#objects.get(key);
    if (previous !== undefined && sameVersion(previous, object)) return undefined;
    for (const index of this.#indexes.values()) {
      if (previous !== undefined) removeFrom(index, key, previous);
      insertInto(index, key, object);
    }
    this.#objects.set(key, object);
    return { type: 'Apply', key, object, previous };
  }

  #remove(key: ObjectKey, last: T): StoreChange<T> | undefined {
    const known = this.#objects.get(key);
    if (known === undefined) return undefined;
    for (const index of this.#indexes.values()) removeFrom(index, key, known);
    this.#objects.delete(key);
    return { type: 'Delete', key, object: last };
  }

  #notify(changes: Iterable<StoreChange<T> | undefined>): void {
    for (const change of changes) {
      if (change !== undefined) for (const listener of this.#listeners) listener(change);
    }
  }
}

function sameVersion(a: KubeObject, b: KubeObject): boolean {
  const version = a.metadata.resourceVersion;
  return version !== undefined && version === b.metadata.resourceVersion && a.metadata.uid === b.metadata.uid;
}

function insertInto<T extends KubeObject>(index: Index<T>, key: ObjectKey, object: T): void {
  for (const value of index.of(object)) {
    const keys = index.keys.get(value);
    if (keys === undefined) index.keys.set(value, new Set([key]));
    else keys.add(key);
  }
}

function removeFrom<T extends KubeObject>(index: Index<T>, key: ObjectKey, object: T): void {
  for (const value of index.of(object)) {
    const keys = index.keys.get(value);
    keys?.delete(key);
    if (keys?.size === 0) index.keys.delete(value);
  }
}
