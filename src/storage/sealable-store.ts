import type { Store, Transaction } from '../ports/store.ts';

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
 * A store that tells the writer the revision before it commits, so that the barrier can bind it into what it seals.
 * Every adapter is one.
 */
export interface SealableStore extends Store {
  transact<T>(work: (transaction: SealableTransaction) => Promise<T> | T): Promise<T>;
}
