import { setTimeout as sleep } from 'node:timers/promises';
import { KmsClientError } from './kms-client-error.ts';

export interface RetryOptions {
  /** Milliseconds for all attempts together. */
  deadlineMs: number;
  maxAttempts: number;
  /** Whether what failed so is worth another attempt. */
  mayRepeat: (error: unknown) => boolean;
  signal?: AbortSignal | undefined;
  /** From 0 (inclusive) to 1 (exclusive): spreads the waits of many clients. */
  random?: (() => number) | undefined;
}

const firstWaitMs = 100;
const longestWaitMs = 5000;

/** Milliseconds before attempt `attempt` (the first retry is 1): exponential, between half and the whole of it. */
export function retryWaitMs(attempt: number, random: () => number): number {
  const ceiling = Math.min(longestWaitMs, firstWaitMs * 2 ** (attempt - 1));
  return ceiling / 2 + (ceiling / 2) * random();
}

/** `last` is the answer of the last attempt that had one. */
function deadlineExceeded(deadlineMs: number, last: unknown, cause: unknown = last): KmsClientError {
  const told = last instanceof KmsClientError ? ` The last was ${last.code}: ${last.message}` : '';
  return new KmsClientError({
    mayHaveActed: true,
    code: 'DeadlineExceeded',
    message: `No successful answer within ${deadlineMs} ms.${told}`,
    httpStatus: 0,
    retryable: true,
    cause,
  });
}

/**
 * Runs `attempt` until it succeeds, fails for good, or time or attempts run out; then rejects with the last error.
 * Aborting `signal` rejects with the signal's reason.
 */
export async function retrying<T>(options: RetryOptions, attempt: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const deadline = AbortSignal.timeout(options.deadlineMs);
  const signal = options.signal === undefined ? deadline : AbortSignal.any([options.signal, deadline]);
  let last: unknown;
  for (let count = 1; ; count++) {
    options.signal?.throwIfAborted();
    try {
      return await attempt(signal);
    } catch (error) {
      options.signal?.throwIfAborted();
      if (deadline.aborted) throw deadlineExceeded(options.deadlineMs, last, last ?? error);
      last = error;
      if (!options.mayRepeat(error) || count >= options.maxAttempts) throw error;
    }
    const waitMs = retryWaitMs(count, options.random ?? Math.random);
    await sleep(waitMs, undefined, { signal }).catch(() => undefined);
    options.signal?.throwIfAborted();
    if (deadline.aborted) throw deadlineExceeded(options.deadlineMs, last);
  }
}
