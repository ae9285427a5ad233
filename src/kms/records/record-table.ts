import { setImmediate as othersTurn } from 'node:timers/promises';
import { readRecord, type Store, type Transaction, type ValueReader } from '../../ports/store.ts';

/** Reads of the store, inside a transaction or outside. */
export type Reader = ValueReader & Pick<Store | Transaction, 'scan'>;

/** Keys that are read at a time without their records, in about a millisecond. */
const keysAtATime = 500;

/** Records that are read at a time. Opening them takes a few milliseconds, in which nobody else is served. */
const pageSize = 250;

/**
 * A bucket of JSON records of one kind. Each stored text carries the version of its shape as `v`, so that a later
 * release can tell old records from new ones; a record of an unknown version is an error, never half understood.
 */
export class RecordTable<T extends object> {
  readonly bucket: string;

  constructor(bucket: string) {
    this.bucket = bucket;
  }

  /** Of a store, the record is frozen, and may be shared; of a transaction, it is the caller's own. */
  get(reader: ValueReader, key: string): Promise<T | undefined> {
    return readRecord(reader, this.bucket, key, this.decode);
  }

  put(transaction: Transaction, key: string, record: T): Promise<void> {
    return transaction.put(this.bucket, key, this.encode(record));
  }

  delete(transaction: Transaction, key: string): Promise<void> {
    return transaction.delete(this.bucket, key);
  }

  /** Every record of the bucket, or those whose key begins with `prefix`, in the order of their keys. */
  async all(reader: Reader, prefix?: string): Promise<{ key: string; record: T }[]> {
    const found: { key: string; record: T }[] = [];
    for await (const { key, read } of this.each(reader, prefix)) found.push({ key, record: read() });
    return found;
  }

  /**
   * The same records one after the other, so that no more than a page of the store is held, and others are served between pages.
   * `read` decodes.
   */
  async *each(reader: Reader, prefix?: string): AsyncGenerator<{ key: string; read: () => T }> {
    const options = { limit: pageSize, ...(prefix !== undefined && { prefix }) };
    let page = await reader.scan(this.bucket, options);
    while (page.length > 0) {
      for (const { key, value } of page) yield { key, read: () => this.decode(value) };
      const after = page.at(-1)?.key;
      if (page.length < pageSize || after === undefined) break;
      await othersTurn();
      page = await reader.scan(this.bucket, { ...options, after });
    }
  }

  /** The keys of every record of the bucket, in order, a few hundred at a time: none is opened, and others are served in between. */
  async *keyPages(store: Pick<Store, 'keys'>): AsyncGenerator<readonly string[]> {
    let page = await store.keys(this.bucket, { limit: keysAtATime });
    while (page.length > 0) {
      yield page;
      const after = page.at(-1);
      if (page.length < keysAtATime || after === undefined) break;
      await othersTurn();
      page = await store.keys(this.bucket, { limit: keysAtATime, after });
    }
  }

  encode(record: T): Buffer {
    return Buffer.from(JSON.stringify({ v: 1, ...record }), 'utf8');
  }

  readonly decode = (bytes: Uint8Array): T => {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
    const { v, ...record } = JSON.parse(text) as T & { v?: unknown };
    if (v !== 1) throw new Error(`bucket ${this.bucket} holds a record of version ${String(v)}; this release reads 1`);
    return record as unknown as T;
  };
}
