import type { Sleep } from '../src/kube/sleep.ts';
import { messageOf } from '../src/lib/errors.ts';
import type { Logger } from '../src/lib/log.ts';

/** Between two looks at a certificate, in milliseconds: also the longest that a fault there lasts. */
const intervalMs = 5_000;

/**
 * Checks the serving certificate until the signal fires. Faults are logged and tried again: the last certificate serves on.
 * `check` takes a new certificate into use, and finds out whether it is trusted.
 */
export async function checkAgainAndAgain(
  check: (signal: AbortSignal) => Promise<void>,
  { sleep, log }: { sleep: Sleep; log: Logger },
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await check(signal);
    } catch (error) {
      if (!signal.aborted) log.warn({ error: messageOf(error) }, 'certificate check failed');
    }
    await sleep(intervalMs, signal);
  }
}
