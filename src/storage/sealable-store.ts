import type { Store, Transaction } from '../ports/store.ts';
import type { ChangeFollower } from './change-feed.ts';

/** A transaction whose writes may depend on the revision that the store gives them. */
export interface SealableTransaction extends Transaction {
  /**
   * Writes the value that `make` returns for the revision of this write. `make` runs once per attempt, at commit, after
   * the reads of the transaction were found unchanged; it is synchronous. When it throws, the transaction is undone and
   * its promise rejects with that error. Reading the key again inside the transaction throws: there is no value yet.
   */
  putWith(bucket: string, key: string, make: (revision: number) => Uint8Array): Promise<void>;
}

/**
 * A store that tells the writer the revision before it commits, so that the barrier can bind it into what it seals, and
 * tells a cache over it what to forget. Every adapter is one.
 */
export interface SealableStore extends Store {
  transact<T>(work: (transaction: SealableTransaction) => Promise<T> | T): Promise<T>;
  /** Tells a cache of every change from now on: own ones before their writer hears, others' by {@link catchUp} at the latest. */
  follow(follower: ChangeFollower): () => void;
  /**
   * Once it has returned, or its promise has resolved, every follower was told of whatever any process had committed
   * before the call. Throws or rejects when that cannot be found out.
   */
  catchUp(): Promise<void> | void;
}
