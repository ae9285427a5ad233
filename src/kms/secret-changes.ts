import { ApiError } from '../lib/errors.ts';
import type { Store } from '../ports/store.ts';
import { secretTable } from './records/secret.ts';

export interface WaitOptions {
  timeoutMs: number;
  /** Ends the wait early, as its time-out would. */
  signal: AbortSignal;
}

/** Waits that may be open at a time. Each holds a connection and a few hundred bytes. */
const defaultMaxWaits = 8_000;

/**
 * Who waits for which secret. Listens to the store's change feed while anybody waits, so that a change by another replica
 * wakes waiters here, and costs nothing while nobody does.
 */
export class SecretChanges {
  readonly #store: Pick<Store, 'watch'>;
  readonly #maxWaits: number;
  readonly #wakers = new Map<string, Set<() => void>>();
  #waits = 0;
  #stopListening: (() => void) | undefined;

  constructor(store: Pick<Store, 'watch'>, maxWaits: number = defaultMaxWaits) {
    this.#store = store;
    this.#maxWaits = maxWaits;
  }

  /** Waits that are open now. */
  get waits(): number {
    return this.#waits;
  }

  /**
   * Resolves with true when one of the secrets changed, or may have, and with false when the time is over. `isDue` is asked
   * once listening has begun: a change just before is not missed. Throws `Rejected.Throttling` when too many wait already.
   */
  async wait(names: readonly string[], isDue: () => Promise<boolean>, options: WaitOptions): Promise<boolean> {
    if (this.#waits >= this.#maxWaits) {
      throw new ApiError(
        'Rejected.Throttling',
        'Too many calls wait for changes. Ask for the value again later instead.',
      );
    }
    const changed = Promise.withResolvers<boolean>();
    const wake = (): void => changed.resolve(true);
    const giveUp = (): void => changed.resolve(false);
    const timer = setTimeout(giveUp, options.timeoutMs);
    options.signal.addEventListener('abort', giveUp, { once: true });
    const unsubscribe = this.#subscribe(names, wake);
    try {
      if (options.signal.aborted) return false;
      return (await isDue()) || (await changed.promise);
    } finally {
      unsubscribe();
      clearTimeout(timer);
      options.signal.removeEventListener('abort', giveUp);
    }
  }

  #subscribe(names: readonly string[], wake: () => void): () => void {
    this.#waits++;
    this.#stopListening ??= this.#store.watch((changes) => {
      for (const { bucket, key } of changes) {
        if (bucket === secretTable.bucket) for (const waker of this.#wakers.get(key) ?? []) waker();
      }
    });
    for (const name of names) {
      const wakers = this.#wakers.get(name) ?? new Set();
      this.#wakers.set(name, wakers.add(wake));
    }
    return () => this.#unsubscribe(names, wake);
  }

  #unsubscribe(names: readonly string[], wake: () => void): void {
    for (const name of names) {
      const wakers = this.#wakers.get(name);
      wakers?.delete(wake);
      if (wakers?.size === 0) this.#wakers.delete(name);
    }
    if (--this.#waits > 0) return;
    this.#stopListening?.();
    this.#stopListening = undefined;
  }
}
