import { z } from 'zod';
import type { Clock } from '../lib/clock.ts';
import type { Store } from '../ports/store.ts';

const bucket = 'system/leases';

const leaseSchema = z.strictObject({ holder: z.string(), beat: z.int() });

export interface StoreLeaseOptions {
  store: Store;
  /** What the lease is for. */
  name: string;
  /** Name of this process, unlike that of every other that runs. */
  holder: string;
  clock: Clock;
  /** Milliseconds without a beat of the holder after which another takes over. */
  durationMs: number;
}

/**
 * Lets one of several processes do something. Nobody's clock is compared with another's: who wants the lease watches
 * whether its beat still moves, by his own monotonic clock. Two may hold it when one stood still for longer than the
 * duration, so what they do must be harmless done twice.
 */
export class StoreLease {
  readonly #options: StoreLeaseOptions;
  #seen: { beat: number; holder: string; at: number } | undefined;

  constructor(options: StoreLeaseOptions) {
    this.#options = options;
  }

  /** Renews the lease, or takes it when its holder has stopped. Tells whether this process has it. */
  async hold(): Promise<boolean> {
    const { store, name, holder, clock, durationMs } = this.#options;
    const now = clock.monotonic();
    const found = await store.transact(async (transaction) => {
      const stored = await transaction.get(bucket, name);
      const lease = stored && leaseSchema.parse(JSON.parse(Buffer.from(stored.value).toString('utf8')));
      if (lease !== undefined && lease.holder !== holder && !this.#isOver(lease, now, durationMs)) return lease;
      const next = { holder, beat: (lease?.beat ?? 0) + 1 };
      await transaction.put(bucket, name, Buffer.from(JSON.stringify(next)));
      return next;
    });
    if (found.beat !== this.#seen?.beat || found.holder !== this.#seen.holder) this.#seen = { ...found, at: now };
    return found.holder === holder;
  }

  #isOver(lease: { holder: string; beat: number }, now: number, durationMs: number): boolean {
    const seen = this.#seen;
    return seen?.holder === lease.holder && seen.beat === lease.beat && now - seen.at >= durationMs;
  }
}
