import type { Clock } from '../lib/clock.ts';
import { backoffMs, type BackoffOptions, type Random } from './backoff.ts';

export interface WorkQueueOptions {
  clock: Clock;
  random: Random;
  /** Delays between failures of one key. 1 s to 5 min unless given. */
  backoff?: BackoffOptions;
  /** Keys given out each second in the long run. 1000 unless given. */
  ratePerSecond?: number;
  /** Keys given out at once after a quiet time. 1000 unless given. */
  burst?: number;
}

/** A key for a worker, which must answer with `succeed` or `fail`. */
export interface WorkItem {
  key: string;
  /** How long the key was due before it was taken. */
  waitedMs: number;
}

interface Entry {
  key: string;
  /** Monotonic time at which the key becomes due. */
  runAtMs: number;
  /** Order of arrival, for keys that became due at the same time. */
  sequence: number;
}

const defaultBackoff: BackoffOptions = { baseMs: 1000, maxMs: 300_000, jitter: 0.2 };

/**
 * Decides which key is worked on next. Plain data and a clock: it starts no timer and no work.
 *
 * Invariants:
 * - A key waits at most once; of several times the earliest wins.
 * - A key in work is not given out. Added meanwhile it is parked, and waits once when the work has ended.
 * - After the nth failure in a row the key becomes due after the nth backoff, unless it is added for earlier.
 * - In any time span, at most `burst + ratePerSecond × seconds` keys are given out.
 */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #backoff: BackoffOptions;
  readonly #ratePerMs: number;
  readonly #burst: number;
  /** Binary heap by (runAtMs, sequence). Entries that are not the one in #waiting are stale and skipped. */
  #heap: Entry[] = [];
  readonly #waiting = new Map<string, Entry>();
  /** Keys in work, with the time for which they were parked. */
  readonly #running = new Map<string, number | undefined>();
  readonly #failures = new Map<string, number>();
  #sequence = 0;
  #tokens: number;
  #tokensAtMs: number;

  constructor(options: WorkQueueOptions) {
    this.#clock = options.clock;
    this.#random = options.random;
    this.#backoff = options.backoff ?? defaultBackoff;
    this.#ratePerMs = (options.ratePerSecond ?? 1000) / 1000;
    this.#burst = options.burst ?? 1000;
    this.#tokens = this.#burst;
    this.#tokensAtMs = this.#clock.monotonic();
  }

  /** Keys that wait, due or not; parked keys are not among them. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Keys in work. */
  get running(): number {
    return this.#running.size;
  }

  /** Makes `key` due after `afterMs`, or earlier if it is due earlier already. */
  add(key: string, afterMs = 0): void {
    this.#addAt(key, this.#clock.monotonic() + Math.max(0, afterMs));
  }

  /** Gives out the key that is due for longest, or undefined when none is or the rate does not allow it now. */
  take(): WorkItem | undefined {
    const nowMs = this.#clock.monotonic();
    const entry = this.#first();
    if (entry === undefined || entry.runAtMs > nowMs || this.#tokensAt(nowMs) < 1) return undefined;
    this.#pop();
    this.#waiting.delete(entry.key);
    this.#running.set(entry.key, undefined);
    this.#tokens -= 1;
    return { key: entry.key, waitedMs: nowMs - entry.runAtMs };
  }

  /** Ends the work on `key` and forgets its failures. It becomes due again after `requeueAfterMs`, if given. */
  succeed(key: string, requeueAfterMs?: number): void {
    this.#failures.delete(key);
    this.#finish(key, requeueAfterMs);
  }

  /** Ends the work on `key` after a failure. Gives the delay in milliseconds after which it becomes due. */
  fail(key: string): number {
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    const delayMs = backoffMs(this.#backoff, failures, this.#random);
    this.#finish(key, delayMs);
    return delayMs;
  }

  /** Milliseconds until `take` may give a key; undefined when nothing waits. */
  nextInMs(): number | undefined {
    const entry = this.#first();
    if (entry === undefined) return undefined;
    const nowMs = this.#clock.monotonic();
    const missing = 1 - this.#tokensAt(nowMs);
    return Math.max(0, entry.runAtMs - nowMs, missing > 0 ? missing / this.#ratePerMs : 0);
  }

  #finish(key: string, afterMs: number | undefined): void {
    if (!this.#running.has(key)) throw new Error(`${key} is not in work`);
    const parkedFor = this.#running.get(key);
    this.#running.delete(key);
    if (parkedFor !== undefined) this.#addAt(key, parkedFor);
    if (afterMs !== undefined) this.add(key, afterMs);
  }

  #addAt(key: string, runAtMs: number): void {
    if (this.#running.has(key)) {
      this.#running.set(key, Math.min(runAtMs, this.#running.get(key) ?? Infinity));
      return;
    }
    const waiting = this.#waiting.get(key);
    if (waiting !== undefined && waiting.runAtMs <= runAtMs) return;
    const entry = { key, runAtMs, sequence: this.#sequence++ };
    this.#waiting.set(key, entry);
    this.#push(entry);
  }

  /** Tokens in the bucket at `nowMs`. */
  #tokensAt(nowMs: number): number {
    this.#tokens = Math.min(this.#burst, this.#tokens + (nowMs - this.#tokensAtMs) * this.#ratePerMs);
    this.#tokensAtMs = nowMs;
    return this.#tokens;
  }

  /** The earliest entry that is not stale. */
  #first(): Entry | undefined {
    for (let top = this.#heap[0]; top !== undefined; top = this.#heap[0]) {
      if (this.#waiting.get(top.key) === top) return top;
      this.#pop();
    }
    return undefined;
  }

  #push(entry: Entry): void {
    // Keys that are moved earlier over and over must not make the heap grow without bound.
    if (this.#heap.length > 64 + 2 * this.#waiting.size) this.#heap = [...this.#waiting.values()].toSorted(byTime);
    else siftUp(this.#heap, entry);
  }

  #pop(): void {
    const last = this.#heap.pop();
    if (last !== undefined && this.#heap.length > 0) siftDown(this.#heap, last);
  }
}

function byTime(a: Entry, b: Entry): number {
  return a.runAtMs - b.runAtMs || a.sequence - b.sequence;
}

/** Adds `entry` at the end and moves it up to its place. */
function siftUp(heap: Entry[], entry: Entry): void {
  let at = heap.length;
  heap.push(entry);
  while (at > 0) {
    const parentAt = (at - 1) >> 1;
    const parent = heap[parentAt];
    if (parent === undefined || byTime(parent, entry) <= 0) break;
    heap[at] = parent;
    heap[parentAt] = entry;
    at = parentAt;
  }
}

/** Puts `entry` in the place of the first and moves it down to its place. */
function siftDown(heap: Entry[], entry: Entry): void {
  let at = 0;
  for (;;) {
    const left = heap[2 * at + 1];
    const right = heap[2 * at + 2];
    const childAt = left !== undefined && right !== undefined && byTime(right, left) < 0 ? 2 * at + 2 : 2 * at + 1;
    const child = heap[childAt];
    if (child === undefined || byTime(entry, child) <= 0) break;
    heap[at] = child;
    at = childAt;
  }
  heap[at] = entry;
}
