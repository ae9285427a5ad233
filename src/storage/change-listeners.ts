import { messageOf } from '../lib/errors.ts';
import { silentLogger, type Logger } from '../lib/log.ts';
import type { StoreChange } from '../ports/store.ts';

export type ChangeListener = (changes: readonly StoreChange[]) => void;

/** The listeners of a change feed. One that throws is logged and keeps no other from hearing. */
export class ChangeListeners {
  readonly #listeners = new Map<symbol, ChangeListener>();
  readonly #log: Logger;

  constructor(log: Logger = silentLogger) {
    this.#log = log;
  }

  get size(): number {
    return this.#listeners.size;
  }

  /** Returns what removes it again. */
  add(listener: ChangeListener): () => void {
    const id = Symbol('listener');
    this.#listeners.set(id, listener);
    return () => void this.#listeners.delete(id);
  }

  clear(): void {
    this.#listeners.clear();
  }

  emit(changes: readonly StoreChange[]): void {
    if (changes.length === 0) return;
    for (const listener of this.#listeners.values()) {
      try {
        listener(changes);
      } catch (error) {
        this.#log.error({ error: messageOf(error) }, 'a listener of the change feed failed');
      }
    }
  }
}
