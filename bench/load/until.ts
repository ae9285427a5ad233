import { setTimeout as sleep } from 'node:timers/promises';

type Told = string | (() => string);

/** Waits until something holds. Throws after ten minutes, with what it was. */
export async function until(holds: () => boolean | Promise<boolean>, what: Told): Promise<void> {
  const deadline = performance.now() + 600_000;
  while (!(await holds())) {
    if (performance.now() > deadline)
      throw new Error(`${typeof what === 'string' ? what : what()}: not within ten minutes`);
    await sleep(50);
  }
}

/** Seconds that pass until something holds. */
export async function secondsUntil(holds: () => boolean | Promise<boolean>, what: Told): Promise<number> {
  const started = performance.now();
  await until(holds, what);
  return (performance.now() - started) / 1000;
}
