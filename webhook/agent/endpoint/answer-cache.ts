import type { Clock } from '../../../src/lib/clock.ts';
import { SecretBytes } from '../../../src/lib/secret-bytes.ts';
import { mayPass } from '../fetch.ts';

interface Entry {
  body: SecretBytes;
  /** When KMS gave it, by the monotonic clock, in milliseconds. */
  readAt: number;
  /** Only for outages: the secret may have changed. */
  isExpired: boolean;
}

/** As many as the KMS Agent keeps. */
const maxEntries = 1000;

export interface AnswerCacheOptions {
  clock: Pick<Clock, 'monotonic'>;
  ttlMs: number;
  /** How old an answer may be while the KMS does not answer, where that is more than `ttlMs`. */
  outageMs?: number;
}

/**
 * Answers in memory, as they go over the wire. An answer that is too old is asked for again, once for all who wait; where the
 * KMS does not answer then, the old one is given while it is not too old for an outage, and where it refuses, it is gone.
 */
export class AnswerCache {
  readonly #options: AnswerCacheOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #fetching = new Map<string, Promise<Buffer>>();

  constructor(options: AnswerCacheOptions) {
    this.#options = options;
  }

  /** The answer for a key: from memory while it is fresh, else of `fetch`. A copy, the caller's to wipe. */
  async get(key: string, fetch: () => Promise<Buffer>, refreshNow = false): Promise<Buffer> {
    const entry = this.#entries.get(key);
    if (!refreshNow && entry?.isExpired === false && this.#ageMs(entry) < this.#options.ttlMs) {
      return Buffer.from(entry.body.reveal());
    }
    const running = this.#fetching.get(key) ?? this.#refresh(key, fetch);
    this.#fetching.set(key, running);
    return Buffer.from(await running);
  }

  /** Answers of these keys are asked for again when they are wanted next; until then they stand by for outages. */
  expire(isMeant: (key: string) => boolean): void {
    for (const [key, entry] of this.#entries) if (isMeant(key)) entry.isExpired = true;
  }

  /** Forgets the answers of these keys; everything unless told which. */
  clear(isMeant: (key: string) => boolean = () => true): void {
    for (const key of this.#entries.keys()) if (isMeant(key)) this.#drop(key);
  }

  #ageMs({ readAt }: Entry): number {
    return this.#options.clock.monotonic() - readAt;
  }

  async #refresh(key: string, fetch: () => Promise<Buffer>): Promise<Buffer> {
    const { clock, ttlMs, outageMs = 0 } = this.#options;
    try {
      // As old as the question: the value may have changed while the answer was on its way.
      const readAt = clock.monotonic();
      const body = await fetch();
      this.#drop(key);
      const [oldest] = this.#entries.keys();
      if (oldest !== undefined && this.#entries.size >= maxEntries) this.#drop(oldest);
      this.#entries.set(key, { body: new SecretBytes(body), readAt, isExpired: false });
      return body;
    } catch (error) {
      const stale = this.#entries.get(key);
      const serves = stale !== undefined && mayPass(error) && this.#ageMs(stale) <= Math.max(ttlMs, outageMs);
      if (serves) return stale.body.reveal();
      this.#drop(key);
      throw error;
    } finally {
      this.#fetching.delete(key);
    }
  }

  #drop(key: string): void {
    this.#entries.get(key)?.body.wipe();
    this.#entries.delete(key);
  }
}
