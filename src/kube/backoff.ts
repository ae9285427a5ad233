/** Exponential delays between attempts. */
export interface BackoffOptions {
  /** Delay after the first failure. */
  baseMs: number;
  /** No delay is longer, before jitter. */
  maxMs: number;
  /** Share of the delay that is random, 0 to 1: 0.2 gives 80 to 120 percent. */
  jitter: number;
}

/** Gives a number in [0, 1). `Math.random` outside tests; it decides delays, never anything secret. */
export type Random = () => number;

/** The delay after the `failures`th failure in a row, counted from 1. */
export function backoffMs(options: BackoffOptions, failures: number, random: Random): number {
  const exponential = options.baseMs * 2 ** Math.min(Math.max(0, failures - 1), 52);
  const delay = Math.min(exponential, options.maxMs);
  return delay * (1 + options.jitter * (2 * random() - 1));
}
