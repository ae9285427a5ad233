import type { Clock } from '../../../src/lib/clock.ts';
import { SecretBytes } from '../../../src/lib/secret-bytes.ts';
import { mayPass } from '../fetch.ts';

interface Entry {
  body: SecretBytes;
  /** By the monotonic clock, in milliseconds; in the past when it is only for outages. */
  freshUntil: number;
}

/** As many as the KMS Agent keeps. */
const maxEntries = 1000;

export interface AnswerCacheOptions {
  clock: Pick<Clock, 'monotonic'>;
  ttlMs: number;
}

/**
 * Answers in memory, as they go over the wire. An answer that is too old is asked for again, once for all who wait; where the
 * KMS does not answer then, the old one is given, and where it refuses, the old one is gone.
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
    if (!refreshNow && entry !== undefined && entry.freshUntil > this.#options.clock.monotonic()) {
      return Buffer.from(entry.body.reveal());
    }
    const running = this.#fetching.get(key) ?? this.#refresh(key, fetch);
    this.#fetching.set(key, running);
    return Buffer.from(await running);
  }

  /** Answers of these keys are asked for again when they are wanted next; until then they stand by for outages. */
  expire(isMeant: (key: string) => boolean): void {
    for (const [key, entry] of this.#entries) if (isMeant(key)) entry.freshUntil = Number.NEGATIVE_INFINITY;
  }

  /** Forgets everything. */
  clear(): void {
    for (const key of this.#entries.keys()) this.#drop(key);
  }

  async #refresh(key: string, fetch: () => Promise<Buffer>): Promise<Buffer> {
    try {
      const body = await fetch();
      this.#drop(key);
      const [oldest] = this.#entries.keys();
      if (oldest !== undefined && this.#entries.size >= maxEntries) this.#drop(oldest);
      const freshUntil = this.#options.clock.monotonic() + this.#options.ttlMs;
      this.#entries.set(key, { body: new SecretBytes(body), freshUntil });
      return body;
    } catch (error) {
      const stale = this.#entries.get(key);
      if (stale !== undefined && mayPass(error)) return stale.body.reveal();
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
