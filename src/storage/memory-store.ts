import type { Logger } from '../lib/log.ts';
import type { ScanOptions, StoreChange, StoredEntry, StoredValue } from '../ports/store.ts';
import { scanRange, type BufferedTransaction, type PendingWrite, type ScanRange } from './buffered-transaction.ts';
import { ChangeListeners, type ChangeListener } from './change-listeners.ts';
import { assertStoreText, compareUtf8 } from './key-order.ts';
import { OptimisticRunner, type OptimisticEngine } from './optimistic.ts';
import type { SealableStore, SealableTransaction } from './sealable-store.ts';

interface Bucket {
  values: Map<string, StoredValue>;
  /** The keys in order. */
  keys: string[];
}

/** A store in memory, for tests and demonstrations. What it holds ends with the process. */
export class MemoryStore implements SealableStore {
  readonly #buckets = new Map<string, Bucket>();
  readonly #listeners: ChangeListeners;
  readonly #runner: OptimisticRunner;
  #revision = 0;
  #closed = false;

  constructor(options: { log?: Logger } = {}) {
    this.#listeners = new ChangeListeners(options.log);
    const engine: OptimisticEngine = {
      get: (bucket, key) => this.#read(bucket, key),
      scan: (bucket, range) => this.#readRange(bucket, range),
      commit: (transaction) => Promise.resolve(this.#commit(transaction)),
    };
    this.#runner = new OptimisticRunner(engine);
  }

  async transact<T>(work: (transaction: SealableTransaction) => Promise<T> | T): Promise<T> {
    this.#assertOpen();
    return this.#runner.run(work);
  }

  async get(bucket: string, key: string): Promise<StoredValue | undefined> {
    this.#assertOpen();
    assertStoreText('bucket', bucket);
    assertStoreText('key', key);
    return Promise.resolve(this.#read(bucket, key));
  }

  async scan(bucket: string, options?: ScanOptions): Promise<readonly StoredEntry[]> {
    this.#assertOpen();
    return Promise.resolve(this.#readRange(bucket, scanRange(bucket, options)));
  }

  watch(listener: ChangeListener): () => void {
    this.#assertOpen();
    return this.#listeners.add(listener);
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#listeners.clear();
    return Promise.resolve();
  }

  #assertOpen(): void {
    if (this.#closed) throw new Error('The store is closed.');
  }

  #read(bucket: string, key: string): StoredValue | undefined {
    const stored = this.#buckets.get(bucket)?.values.get(key);
    return stored && { value: Buffer.from(stored.value), revision: stored.revision };
  }

  #readRange(bucket: string, range: ScanRange): StoredEntry[] {
    const found: StoredEntry[] = [];
    const { keys } = this.#buckets.get(bucket) ?? { keys: [] };
    const after = range.after === undefined ? 0 : lowerBound(keys, range.after);
    for (let index = Math.max(after, lowerBound(keys, range.prefix)); found.length < range.limit; index += 1) {
      const key = keys[index];
      if (key?.startsWith(range.prefix) !== true) break;
      const stored = key === range.after ? undefined : this.#read(bucket, key);
      if (stored !== undefined) found.push({ key, ...stored });
    }
    return found;
  }

  #commit(transaction: BufferedTransaction): boolean {
    this.#assertOpen();
    if (!this.#stands(transaction)) return false;
    // Every value is made before the first is stored, so that one that throws leaves nothing behind.
    const made = [...transaction.writes.values()].map((write, index) => ({
      write,
      revision: this.#revision + index + 1,
      value: write.make?.(this.#revision + index + 1) ?? write.value,
    }));
    this.#revision += made.length;
    const changes = made.map(({ write, revision, value }) => this.#apply(write, revision, value));
    this.#listeners.emit(changes);
    return true;
  }

  #stands({ reads, ranges }: BufferedTransaction): boolean {
    for (const { bucket, key, revision } of reads.values()) {
      if ((this.#buckets.get(bucket)?.values.get(key)?.revision ?? 0) !== revision) return false;
    }
    return ranges.every(({ bucket, range, found }) => {
      const now = this.#readRange(bucket, range);
      return now.length === found.length && now.every((entry, index) => entry.revision === found[index]?.revision);
    });
  }

  #apply({ bucket, key }: PendingWrite, revision: number, value: Uint8Array | undefined): StoreChange {
    const held = this.#buckets.get(bucket) ?? { values: new Map<string, StoredValue>(), keys: [] };
    this.#buckets.set(bucket, held);
    const known = held.values.has(key);
    if (value === undefined) {
      if (known) held.keys.splice(lowerBound(held.keys, key), 1);
      held.values.delete(key);
    } else {
      if (!known) held.keys.splice(lowerBound(held.keys, key), 0, key);
      held.values.set(key, { value: Buffer.from(value), revision });
    }
    return { bucket, key, revision, deleted: value === undefined };
  }
}

/** Index of the first key that is not less than `key`. */
function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareUtf8(keys[middle] ?? '', key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
