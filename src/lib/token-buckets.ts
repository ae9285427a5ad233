import { LRUCache } from 'lru-cache';
import type { Clock } from './clock.ts';

export interface BucketLimits {
  /** Requests that may come at once. */
  readonly burst: number;
  /** Requests per second in the long run. */
  readonly perSecond: number;
}

interface Bucket {
  tokens: number;
  filledAt: number;
}

/** A token bucket for each caller: one that asks too often waits, and takes nothing from the others. */
export class TokenBuckets {
  readonly #buckets = new LRUCache<string, Bucket>({ max: 10_000 });
  readonly #limits: BucketLimits;
  readonly #clock: Clock;

  constructor(limits: BucketLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Whether the caller may go on now. */
  take(caller: string): boolean {
    const { burst, perSecond } = this.#limits;
    const now = this.#clock.monotonic();
    const bucket = this.#buckets.get(caller) ?? { tokens: burst, filledAt: now };
    const tokens = Math.min(burst, bucket.tokens + ((now - bucket.filledAt) / 1000) * perSecond);
    const taken = tokens >= 1;
    this.#buckets.set(caller, { tokens: taken ? tokens - 1 : tokens, filledAt: now });
    return taken;
  }
}
