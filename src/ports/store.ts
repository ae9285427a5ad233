/**
 * The state of Kaap: ordered buckets of values, changed in optimistic transactions.
 *
 * Adapters live in `src/storage`; one contract suite runs on all of them. The barrier (`src/storage/barrier.ts`) is
 * itself a Store that seals values on their way into another one.
 */
export interface Store {
  /**
   * Runs `work` and commits what it wrote, all or nothing. When a value that `work` read has been changed meanwhile,
   * `work` runs again from the start, at most ten times, then {@link StoreConflictError}. So `work` has no side effect
   * but the transaction. The promise resolves when the change is durable.
   */
  transact<T>(work: (transaction: Transaction) => Promise<T> | T): Promise<T>;
  /** Reads one value outside a transaction. */
  get(bucket: string, key: string): Promise<StoredValue | undefined>;
  /**
   * Reads one value outside a transaction in the form that `decode` makes of it. What comes back is frozen, and may be
   * shared with others who read it: the store may keep it as long as the value is the present one.
   */
  view<T extends object>(bucket: string, key: string, decode: Decode<T>): Promise<T | undefined>;
  /**
   * The record that {@link view} gave last, from memory alone; `undefined` when it is not there. Something may have changed
   * since: nothing is decided by it unless a view gives the same afterwards.
   */
  recall?<T extends object>(bucket: string, key: string, decode: Decode<T>): T | undefined;
  /** Reads a page of a bucket outside a transaction, in ascending order of the keys' UTF-8 bytes. */
  scan(bucket: string, options?: ScanOptions): Promise<readonly StoredEntry[]>;
  /** The keys that {@link scan} finds, without reading their values: to count them, and to find the page that is asked for. */
  keys(bucket: string, options?: ScanOptions): Promise<readonly string[]>;
  /** Calls `listener` after each committed change, own and of other replicas, in commit order. Returns the stop. */
  watch(listener: (changes: readonly StoreChange[]) => void): () => void;
  close(): Promise<void>;
}

/**
 * Makes a record of a value's bytes, the same of the same bytes, and keeps no reference to them. Pass the same function each
 * time: what is kept is kept for the function that made it.
 */
export type Decode<T extends object> = (value: Uint8Array) => T;

/** Reads single values: a store, or a transaction, whose values belong to the caller. */
export type ValueReader = Pick<Transaction, 'get'> & Partial<Pick<Store, 'view' | 'recall'>>;

/** Reads a record: a store's, frozen and maybe shared, or the transaction's own. */
export function readRecord<T extends object>(
  reader: ValueReader,
  bucket: string,
  key: string,
  decode: Decode<T>,
): Promise<T | undefined> {
  if (reader.view !== undefined) return reader.view(bucket, key, decode);
  return reader.get(bucket, key).then((stored) => stored && decode(stored.value));
}

export interface Transaction {
  get(bucket: string, key: string): Promise<StoredValue | undefined>;
  scan(bucket: string, options?: ScanOptions): Promise<readonly StoredEntry[]>;
  put(bucket: string, key: string, value: Uint8Array): Promise<void>;
  delete(bucket: string, key: string): Promise<void>;
}

export interface StoredValue {
  value: Uint8Array;
  /** Grows by one with each write of the store; never reused, not even after a delete. */
  revision: number;
}

export interface StoredEntry extends StoredValue {
  key: string;
}

export interface ScanOptions {
  /** Only keys that begin with it. */
  prefix?: string;
  /** Only keys greater than it. */
  after?: string;
  /** At most that many entries; 1000 unless given. */
  limit?: number;
}

export interface StoreChange {
  bucket: string;
  key: string;
  revision: number;
  deleted: boolean;
}

/** Ten attempts at a transaction met a conflicting change each time. The caller may try again later. */
export class StoreConflictError extends Error {
  constructor() {
    super('The change met a conflicting change ten times in a row; try again.');
    this.name = 'StoreConflictError';
  }
}

/** The store is sealed: no value can be read or written until it is unsealed. */
export class StoreSealedError extends Error {
  constructor() {
    super('The store is sealed. Unseal it first.');
    this.name = 'StoreSealedError';
  }
}
