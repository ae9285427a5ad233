import { readFile } from 'node:fs/promises';
import type { Clock } from '../lib/clock.ts';

/** Gives the bearer token for the next request. */
export interface TokenSource {
  /** @param refresh - true after a 401: do not answer from a cache. */
  token(refresh: boolean): Promise<string>;
}

/** The kubelet rotates projected tokens well before they end; a minute is soon enough to notice. */
const rereadAfterMs = 60_000;

/** A token that is rotated in its file: read again after a minute, and at once after a 401. */
export function fileToken(path: string, clock: Clock): TokenSource {
  let cached: { token: string; readAtMs: number } | undefined;
  return {
    async token(refresh) {
      const nowMs = clock.monotonic();
      if (cached !== undefined && !refresh && nowMs - cached.readAtMs < rereadAfterMs) return cached.token;
      cached = { token: (await readFile(path, 'utf8')).trim(), readAtMs: nowMs };
      return cached.token;
    },
  };
}

/** A token that never changes. */
export function staticToken(token: string): TokenSource {
  return { token: () => Promise.resolve(token.trim()) };
}
