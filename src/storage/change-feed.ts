import { messageOf } from '../lib/errors.ts';
import { silentLogger, type Logger } from '../lib/log.ts';
import type { StoreChange } from '../ports/store.ts';

export type ChangeListener = (changes: readonly StoreChange[]) => void;

/** A cache over a store. It is told of changes before their writers are, and must not throw. */
export interface ChangeFollower {
  /** These keys changed, in this order. */
  changed(changes: readonly StoreChange[]): void;
  /** Something changed, and what it was cannot be told any more. */
  lostTrack(): void;
}

/**
 * Tells whoever follows a store what was committed: each change once, in the order of revisions, whether it was learnt
 * from an own commit or by looking at what others committed.
 */
export class ChangeFeed {
  readonly #listeners = new Map<symbol, ChangeListener>();
  readonly #followers = new Set<ChangeFollower>();
  readonly #log: Logger;
  #told: number;

  /** `told`: the revision up to which nobody needs to be told. */
  constructor(log: Logger = silentLogger, told = 0) {
    this.#log = log;
    this.#told = told;
  }

  /** Revision up to which all changes were told. */
  get told(): number {
    return this.#told;
  }

  /** Whether anybody waits for changes, as opposed to being told when it asks. */
  get isWatched(): boolean {
    return this.#listeners.size > 0;
  }

  /** Returns what removes it again. One that throws is logged and keeps no other from hearing. */
  add(listener: ChangeListener): () => void {
    const id = Symbol('listener');
    this.#listeners.set(id, listener);
    return () => void this.#listeners.delete(id);
  }

  /** Returns what removes it again. */
  follow(follower: ChangeFollower): () => void {
    this.#followers.add(follower);
    return () => void this.#followers.delete(follower);
  }

  clear(): void {
    this.#listeners.clear();
    this.#followers.clear();
  }

  /** Takes changes in the order of their revisions, those that were told before among them. */
  tell(changes: readonly StoreChange[]): void {
    const fresh = changes.filter(({ revision }) => revision > this.#told);
    const last = fresh.at(-1);
    if (last === undefined) return;
    this.#told = last.revision;
    for (const follower of this.#followers) follower.changed(fresh);
    this.#emit(fresh);
  }

  /** Goes on from a revision: not all that happened up to there could be told. */
  loseTrack(revision: number): void {
    this.#told = revision;
    for (const follower of this.#followers) follower.lostTrack();
  }

  #emit(changes: readonly StoreChange[]): void {
    for (const listener of this.#listeners.values()) {
      try {
        listener(changes);
      } catch (error) {
        this.#log.error({ error: messageOf(error) }, 'a listener of the change feed failed');
      }
    }
  }
}
