import type { Decode, ScanOptions, StoredEntry, StoredValue } from '../ports/store.ts';
import { scanRange, type ScanRange } from './buffered-transaction.ts';
import type { ChangeFeed, ChangeFollower, ChangeListener } from './change-feed.ts';
import { frozen } from './frozen.ts';
import { assertStoreText } from './key-order.ts';
import { OptimisticRunner, type OptimisticEngine } from './optimistic.ts';
import type { SealableStore, SealableTransaction } from './sealable-store.ts';

/** What an adapter brings; {@link GuardedStore} makes a store of it. */
export interface StoreEngine extends OptimisticEngine {
  /** Told of everything that is committed, by this process or another. */
  readonly feed: ChangeFeed;
  /** The keys that a scan finds. */
  keys(bucket: string, range: ScanRange): Promise<readonly string[]> | readonly string[];
  /** See {@link SealableStore.catchUp}. */
  catchUp(): Promise<void> | void;
  /** Looks for changes by itself from now on, because somebody waits for them. Called again after {@link rest}. */
  watch?(): void;
  /** Nobody waits for changes any more. */
  rest?(): void;
  /** Ends what is under way and lets go of what is open. Called once. */
  close(): Promise<void>;
}

/** What all adapters do alike: refuse use after the end and names that some store cannot hold, retry, tell of changes. */
export class GuardedStore implements SealableStore {
  readonly #engine: StoreEngine;
  readonly #runner: OptimisticRunner;
  #closed = false;

  constructor(engine: StoreEngine) {
    this.#engine = engine;
    this.#runner = new OptimisticRunner({
      get: (bucket, key) => engine.get(bucket, key),
      scan: (bucket, range) => engine.scan(bucket, range),
      commit: async (transaction, attempt) => {
        this.#assertOpen();
        return engine.commit(transaction, attempt);
      },
    });
  }

  async transact<T>(work: (transaction: SealableTransaction) => Promise<T> | T): Promise<T> {
    this.#assertOpen();
    return this.#runner.run(work);
  }

  async get(bucket: string, key: string): Promise<StoredValue | undefined> {
    this.#assertOpen();
    assertStoreText('bucket', bucket);
    assertStoreText('key', key);
    return this.#engine.get(bucket, key);
  }

  async view<T extends object>(bucket: string, key: string, decode: Decode<T>): Promise<T | undefined> {
    const stored = await this.get(bucket, key);
    return stored && frozen(decode(stored.value));
  }

  async scan(bucket: string, options?: ScanOptions): Promise<readonly StoredEntry[]> {
    this.#assertOpen();
    return this.#engine.scan(bucket, scanRange(bucket, options));
  }

  async keys(bucket: string, options?: ScanOptions): Promise<readonly string[]> {
    this.#assertOpen();
    return this.#engine.keys(bucket, scanRange(bucket, options));
  }

  watch(listener: ChangeListener): () => void {
    this.#assertOpen();
    const { feed } = this.#engine;
    if (!feed.isWatched) this.#engine.watch?.();
    const remove = feed.add(listener);
    return () => {
      remove();
      if (!feed.isWatched) this.#engine.rest?.();
    };
  }

  follow(follower: ChangeFollower): () => void {
    this.#assertOpen();
    return this.#engine.feed.follow(follower);
  }

  catchUp(): Promise<void> | void {
    this.#assertOpen();
    return this.#engine.catchUp();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#engine.rest?.();
    await this.#engine.close();
    this.#engine.feed.clear();
  }

  #assertOpen(): void {
    if (this.#closed) throw new Error('The store is closed.');
  }
}
