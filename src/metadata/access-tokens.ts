import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../lib/clock.ts';

/** Longest life of a token, in seconds (ECS: hardened mode of the metadata server). */
export const maxTokenSeconds = 21_600;

/**
 * The tokens of the hardened mode. They are worth something to the pod that asked and to nobody else, and not after this
 * process: its key is in memory only.
 */
export class AccessTokens {
  readonly #key: Buffer;
  readonly #clock: Clock;

  constructor(key: Buffer, clock: Clock) {
    this.#key = key;
    this.#clock = clock;
  }

  /** A token for the pod of that uid. */
  issue(podUid: string, seconds: number): string {
    const expiresAt = Math.floor(this.#clock.now() / 1000) + seconds;
    return `${expiresAt}.${this.#sign(expiresAt, podUid).toString('base64url')}`;
  }

  accepts(token: string, podUid: string): boolean {
    const [, time = '', signature = ''] = /^([0-9]{1,12})\.([A-Za-z0-9_-]{43})$/.exec(token) ?? [];
    if (time === '') return false;
    const expiresAt = Number(time);
    const genuine = timingSafeEqual(this.#sign(expiresAt, podUid), Buffer.from(signature, 'base64url'));
    return genuine && this.#clock.now() < expiresAt * 1000;
  }

  #sign(expiresAt: number, podUid: string): Buffer {
    return createHmac('sha256', this.#key).update(`${expiresAt}\n${podUid}`).digest();
  }
}

/** Life of a token as a request asks for it; `undefined` for anything but 1 to 21600. */
export function tokenSeconds(header: string | undefined): number | undefined {
  const seconds = /^[0-9]{1,5}$/.test(header ?? '') ? Number(header) : 0;
  return seconds >= 1 && seconds <= maxTokenSeconds ? seconds : undefined;
}
