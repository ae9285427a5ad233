import type { ScanOptions, StoredEntry, StoredValue } from '../ports/store.ts';
import { assertStoreText, compareUtf8 } from './key-order.ts';
import type { SealableTransaction } from './sealable-store.ts';

/** Reads committed values. What it returns belongs to the caller. */
export interface StoreReader {
  get(bucket: string, key: string): Promise<StoredValue | undefined> | StoredValue | undefined;
  scan(bucket: string, range: ScanRange): Promise<readonly StoredEntry[]> | readonly StoredEntry[];
}

/** {@link ScanOptions} with every choice made. */
export interface ScanRange {
  prefix: string;
  after: string | undefined;
  limit: number;
}

/** A key that the transaction read; revision 0 when there was no value. */
export interface KeyRead {
  bucket: string;
  key: string;
  revision: number;
}

/** A range that the transaction read, with what was there. */
export interface RangeRead {
  bucket: string;
  range: ScanRange;
  found: readonly { key: string; revision: number }[];
}

/** A pending write: a value, a value to be made of the revision, or neither for a delete. */
export interface PendingWrite {
  bucket: string;
  key: string;
  value?: Uint8Array;
  make?: (revision: number) => Uint8Array;
}

const defaultLimit = 1000;

/** Fills in the defaults of a scan and checks it. */
export function scanRange(bucket: string, options: ScanOptions = {}): ScanRange {
  const { prefix = '', after, limit = defaultLimit } = options;
  assertStoreText('bucket', bucket);
  assertStoreText('prefix', prefix);
  if (after !== undefined) assertStoreText('key', after);
  if (!Number.isSafeInteger(limit) || limit < 0) throw new RangeError('The limit of a scan is a whole number from 0.');
  return { prefix, after, limit };
}

/**
 * A transaction that reads through to committed values, keeps its writes to itself, and remembers what it read, so that
 * the store can find out at commit whether that still stands. A value that it wrote itself reads back with revision 0.
 */
export class BufferedTransaction implements SealableTransaction {
  readonly reads: Map<string, KeyRead> = new Map();
  readonly ranges: RangeRead[] = [];
  readonly writes: Map<string, PendingWrite> = new Map();
  readonly #reader: StoreReader;
  #ended = false;

  constructor(reader: StoreReader) {
    this.#reader = reader;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Ends the transaction: any later use of it throws. */
  end(): void {
    this.#ended = true;
  }

  /** Forgets the writes, so that only the reads are checked. */
  discardWrites(): void {
    this.writes.clear();
  }

  async get(bucket: string, key: string): Promise<StoredValue | undefined> {
    const id = this.#identify(bucket, key);
    const write = this.writes.get(id);
    if (write !== undefined) {
      const value = pendingValue(write);
      return value === undefined ? undefined : { value: Buffer.from(value), revision: 0 };
    }
    const stored = await this.#reader.get(bucket, key);
    if (!this.reads.has(id)) this.reads.set(id, { bucket, key, revision: stored?.revision ?? 0 });
    return stored;
  }

  async scan(bucket: string, options?: ScanOptions): Promise<readonly StoredEntry[]> {
    this.#assertOpen();
    const asked = scanRange(bucket, options);
    const pending = [...this.writes.values()].filter((write) => write.bucket === bucket && inRange(write.key, asked));
    // Each pending delete may hide one stored entry, so that many more are read.
    const range = { ...asked, limit: asked.limit + pending.length };
    const stored = await this.#reader.scan(bucket, range);
    this.ranges.push({ bucket, range, found: stored.map(({ key, revision }) => ({ key, revision })) });
    return pending.length === 0 ? stored : overlay(stored, pending).slice(0, asked.limit);
  }

  put(bucket: string, key: string, value: Uint8Array): Promise<void> {
    return this.#write({ bucket, key, value: Buffer.from(value) });
  }

  putWith(bucket: string, key: string, make: (revision: number) => Uint8Array): Promise<void> {
    return this.#write({ bucket, key, make });
  }

  delete(bucket: string, key: string): Promise<void> {
    return this.#write({ bucket, key });
  }

  async #write(write: PendingWrite): Promise<void> {
    this.writes.set(this.#identify(write.bucket, write.key), write);
    return Promise.resolve();
  }

  #identify(bucket: string, key: string): string {
    this.#assertOpen();
    assertStoreText('bucket', bucket);
    assertStoreText('key', key);
    return `${bucket}\0${key}`;
  }

  #assertOpen(): void {
    if (this.#ended) throw new Error('The transaction has ended: await every call before its work returns.');
  }
}

function pendingValue(write: PendingWrite): Uint8Array | undefined {
  if (write.make !== undefined) throw new Error('This value is made at commit and cannot be read before.');
  return write.value;
}

/** Whether a key lies in a range, whatever its limit. */
export function inRange(key: string, range: ScanRange): boolean {
  return key.startsWith(range.prefix) && (range.after === undefined || compareUtf8(key, range.after) > 0);
}

function overlay(stored: readonly StoredEntry[], pending: readonly PendingWrite[]): StoredEntry[] {
  const hidden = new Set(pending.map((write) => write.key));
  const merged = stored.filter((entry) => !hidden.has(entry.key));
  for (const write of pending) {
    const value = pendingValue(write);
    if (value !== undefined) merged.push({ key: write.key, value: Buffer.from(value), revision: 0 });
  }
  return merged.toSorted((left, right) => compareUtf8(left.key, right.key));
}
