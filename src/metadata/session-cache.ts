import { LRUCache } from 'lru-cache';
import type { AssumedRole } from '../client/sts-operations.ts';
import type { Clock } from '../lib/clock.ts';

/** A session as the metadata address hands it out. */
export interface HandedSession {
  readonly credentials: AssumedRole['Credentials'];
  /** Milliseconds since the Unix epoch. */
  readonly obtainedAt: number;
}

interface Entry {
  session?: HandedSession;
  exchange?: Promise<HandedSession>;
}

/**
 * Sessions by a key of the caller's choosing, renewed at half of their life: what is handed out lives for longer than
 * the fifteen minutes below which SDKs ask again. Calls made meanwhile share one exchange. While a renewal fails, the
 * session serves on until it expires.
 */
export class SessionCache {
  readonly #entries = new LRUCache<string, Entry>({ max: 1000 });
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async get(key: string, assume: () => Promise<AssumedRole['Credentials']>): Promise<HandedSession> {
    const entry = this.#entries.get(key) ?? {};
    this.#entries.set(key, entry);
    const { session } = entry;
    const now = this.#clock.now();
    if (session !== undefined && now < halfLife(session)) return session;
    try {
      entry.exchange ??= this.#exchange(assume).finally(() => delete entry.exchange);
      entry.session = await entry.exchange;
      return entry.session;
    } catch (error) {
      if (session !== undefined && now < Date.parse(session.credentials.Expiration)) return session;
      throw error;
    }
  }

  async #exchange(assume: () => Promise<AssumedRole['Credentials']>): Promise<HandedSession> {
    return { credentials: await assume(), obtainedAt: this.#clock.now() };
  }
}

function halfLife({ credentials, obtainedAt }: HandedSession): number {
  return (obtainedAt + Date.parse(credentials.Expiration)) / 2;
}
