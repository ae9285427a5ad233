import type { Decode, ScanOptions, Store, StoredEntry, StoredValue, Transaction } from '../ports/store.ts';
import { BufferedTransaction } from './buffered-transaction.ts';
import { frozen } from './frozen.ts';

/**
 * A store for one dry run. It reads what `store` holds and keeps to itself what is written, so that later transactions of
 * the run find it; nothing of it is ever committed. It does not look for conflicts, and tells of no changes.
 */
export class RehearsedStore implements Store {
  readonly #written: BufferedTransaction;

  constructor(store: Pick<Store, 'get' | 'scan'>) {
    this.#written = new BufferedTransaction({
      get: (bucket, key) => store.get(bucket, key),
      scan: (bucket, { prefix, after, limit }) =>
        store.scan(bucket, { prefix, limit, ...(after !== undefined && { after }) }),
    });
  }

  async transact<T>(work: (transaction: Transaction) => Promise<T> | T): Promise<T> {
    const written = this.#written;
    const transaction = new BufferedTransaction({
      get: (bucket, key) => written.get(bucket, key),
      scan: (bucket, { prefix, after, limit }) =>
        written.scan(bucket, { prefix, limit, ...(after !== undefined && { after }) }),
    });
    const result = await work(transaction);
    transaction.end();
    for (const { bucket, key, value } of transaction.writes.values()) {
      await (value === undefined ? written.delete(bucket, key) : written.put(bucket, key, value));
    }
    return result;
  }

  get(bucket: string, key: string): Promise<StoredValue | undefined> {
    return this.#written.get(bucket, key);
  }

  async view<T extends object>(bucket: string, key: string, decode: Decode<T>): Promise<T | undefined> {
    const stored = await this.get(bucket, key);
    return stored && frozen(decode(stored.value));
  }

  scan(bucket: string, options?: ScanOptions): Promise<readonly StoredEntry[]> {
    return this.#written.scan(bucket, options);
  }

  async keys(bucket: string, options?: ScanOptions): Promise<readonly string[]> {
    return (await this.scan(bucket, options)).map(({ key }) => key);
  }

  watch(): () => void {
    return () => undefined;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
