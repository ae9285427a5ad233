import type { Logger } from '../lib/log.ts';
import type { StoreChange, StoredEntry, StoredValue } from '../ports/store.ts';
import type { BufferedTransaction, PendingWrite, ScanRange } from './buffered-transaction.ts';
import { ChangeFeed } from './change-feed.ts';
import { GuardedStore, type StoreEngine } from './guarded-store.ts';
import { compareUtf8 } from './key-order.ts';

interface Bucket {
  values: Map<string, StoredValue>;
  /** The keys in order. */
  keys: string[];
}

/** A store in memory, for tests and demonstrations. What it holds ends with the process. */
export class MemoryStore extends GuardedStore {
  constructor(options: { log?: Logger } = {}) {
    super(new MemoryEngine(new ChangeFeed(options.log)));
  }
}

class MemoryEngine implements StoreEngine {
  readonly feed: ChangeFeed;
  readonly #buckets = new Map<string, Bucket>();
  #revision = 0;

  constructor(feed: ChangeFeed) {
    this.feed = feed;
  }

  get(bucket: string, key: string): StoredValue | undefined {
    return this.#read(bucket, key);
  }

  scan(bucket: string, range: ScanRange): StoredEntry[] {
    return this.#readRange(bucket, range);
  }

  keys(bucket: string, range: ScanRange): string[] {
    return this.#readRange(bucket, range).map(({ key }) => key);
  }

  commit(transaction: BufferedTransaction): Promise<boolean> {
    return Promise.resolve(this.#commit(transaction));
  }

  /** Nobody else writes. */
  catchUp(): void {}

  close(): Promise<void> {
    return Promise.resolve();
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
    if (!this.#stands(transaction)) return false;
    // Every value is made before the first is stored, so that one that throws leaves nothing behind.
    const made = [...transaction.writes.values()].map((write, index) => ({
      write,
      revision: this.#revision + index + 1,
      value: write.make?.(this.#revision + index + 1) ?? write.value,
    }));
    this.#revision += made.length;
    const changes = made.map(({ write, revision, value }) => this.#apply(write, revision, value));
    this.feed.tell(changes);
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
