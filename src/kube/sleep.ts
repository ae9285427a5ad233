/** Waits. Resolves after `ms` milliseconds, or at once when the signal fires: the caller looks at the signal. */
export type Sleep = (ms: number, signal: AbortSignal) => Promise<void>;

/** Longest delay that Node's timers take; longer waits are cut to it, and the caller looks again. */
const maxTimerMs = 2 ** 31 - 1;

/** {@link Sleep} by Node's timers. */
export const systemSleep: Sleep = (ms, signal) =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const finish = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', finish);
      resolve();
    };
    const timer = setTimeout(finish, Math.min(Math.max(0, ms), maxTimerMs));
    signal.addEventListener('abort', finish, { once: true });
  });
