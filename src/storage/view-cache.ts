import { LRUCache } from 'lru-cache';
import type { Decode, StoreChange } from '../ports/store.ts';
import type { ChangeFollower } from './change-feed.ts';

/** A record as readers share it; without one where the store has no value. */
interface View {
  readonly decode: Decode<object>;
  readonly record: object | undefined;
}

/** What a view takes besides its record, and how much longer a record is than its stored form, roughly. */
const entryBytes = 256;
const growth = 3;

/**
 * Opened records of a store. The invariant: a record that is found here is what the store held at the last revision that
 * the cache was told of. So whoever lets the store catch up first (`SealableStore.catchUp`) and finds a record sees what
 * was there at some moment after he asked.
 *
 * Why it holds: a change is told before it can be forgotten that it was made, and takes its record out. A record is put
 * in only if nothing was told while it was being read; so a change that it does not show is told later, and takes it out.
 */
export class ViewCache implements ChangeFollower {
  readonly #views: LRUCache<string, View>;
  #round = 0;

  /** `maxBytes`: memory for records, estimated from the size of their stored form. */
  constructor(maxBytes: number) {
    this.#views = new LRUCache({ maxSize: maxBytes });
  }

  /** Grows with everything that is told. */
  get round(): number {
    return this.#round;
  }

  find(bucket: string, key: string, decode: Decode<object>): View | undefined {
    const view = this.#views.get(idOf(bucket, key));
    return view?.decode === decode ? view : undefined;
  }

  /** Puts in what was read, unless something was told since `round`. `bytes`: length of the stored form. */
  keep(bucket: string, key: string, view: View, read: { round: number; bytes: number }): void {
    if (read.round !== this.#round) return;
    this.#views.set(idOf(bucket, key), view, { size: entryBytes + growth * (key.length + read.bytes) });
  }

  changed(changes: readonly StoreChange[]): void {
    this.#round += 1;
    for (const { bucket, key } of changes) this.#views.delete(idOf(bucket, key));
  }

  lostTrack(): void {
    this.#round += 1;
    this.#views.clear();
  }
}

/** Neither has NUL in it. */
function idOf(bucket: string, key: string): string {
  return `${bucket}\0${key}`;
}
