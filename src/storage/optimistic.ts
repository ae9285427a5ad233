import { setTimeout as sleep } from 'node:timers/promises';
import { StoreConflictError } from '../ports/store.ts';
import { BufferedTransaction, type StoreReader } from './buffered-transaction.ts';
import type { SealableTransaction } from './sealable-store.ts';

/** What a store does for {@link OptimisticRunner}. */
export interface OptimisticEngine extends StoreReader {
  /**
   * Commits the writes durably when everything that the transaction read still stands, and tells whether it did.
   * `attempt` counts from 1: of transactions that commit together, those with more attempts go first.
   */
  commit(transaction: BufferedTransaction, attempt: number): Promise<boolean>;
}

const maxAttempts = 10;
const longestPauseMs = 2000;

/**
 * Runs transactions with retries. Those that met a conflict run again one at a time, and commit before those that did
 * not: so a crowd on one key gets through instead of conflicting ten times over.
 */
export class OptimisticRunner {
  readonly #engine: OptimisticEngine;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(engine: OptimisticEngine) {
    this.#engine = engine;
  }

  async run<T>(work: (transaction: SealableTransaction) => Promise<T> | T): Promise<T> {
    const first = await this.#attempt(work, 1);
    if (first !== undefined) return first.value;
    const again = this.#turn.then(() => this.#retry(work));
    this.#turn = again.catch(() => undefined);
    return again;
  }

  async #retry<T>(work: (transaction: SealableTransaction) => Promise<T> | T): Promise<T> {
    for (let attempt = 2; attempt <= maxAttempts; attempt += 1) {
      const began = performance.now();
      const done = await this.#attempt(work, attempt);
      if (done !== undefined) return done.value;
      // Only another process can have got in the way. A random pause keeps the two from doing so in step: of up to 1, 2, 4
      // … times what an attempt takes, however slow the store is.
      const attemptMs = performance.now() - began;
      await sleep(Math.min(Math.random() * 2 ** (attempt - 2) * Math.max(attemptMs, 1), longestPauseMs));
    }
    throw new StoreConflictError();
  }

  /** Undefined: something that was read has changed. An error of `work` counts only when nothing has. */
  async #attempt<T>(
    work: (transaction: SealableTransaction) => Promise<T> | T,
    attempt: number,
  ): Promise<{ value: T } | undefined> {
    const transaction = new BufferedTransaction(this.#engine);
    try {
      const value = await work(transaction);
      transaction.end();
      return (await this.#engine.commit(transaction, attempt)) ? { value } : undefined;
    } catch (error) {
      if (transaction.ended) throw error;
      transaction.end();
      transaction.discardWrites();
      if (await this.#engine.commit(transaction, attempt)) throw error;
      return undefined;
    }
  }
}
