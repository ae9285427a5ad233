import { setImmediate as afterIo } from 'node:timers/promises';
import type { Sleep } from '../../src/kube/sleep.ts';
import { ManualClock } from '../../src/lib/clock.ts';

interface Timer {
  atMs: number;
  fire: () => void;
}

/** A clock and the sleeping by it. `advance` wakes sleepers in order and lets each do its work before time goes on. */
export class ManualTime {
  readonly clock: ManualClock = new ManualClock();
  readonly #timers = new Set<Timer>();

  readonly sleep: Sleep = (ms, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const finish = (): void => {
        this.#timers.delete(timer);
        signal.removeEventListener('abort', finish);
        resolve();
      };
      const timer: Timer = { atMs: this.clock.monotonic() + Math.max(0, ms), fire: finish };
      this.#timers.add(timer);
      signal.addEventListener('abort', finish, { once: true });
    });

  /** Who sleeps now. */
  get sleepers(): number {
    return this.#timers.size;
  }

  /** Lets everything run that does not wait for time. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 5; turn += 1) await afterIo();
  }

  async advance(ms: number): Promise<void> {
    const untilMs = this.clock.monotonic() + ms;
    await this.settle();
    for (let next = this.#next(untilMs); next !== undefined; next = this.#next(untilMs)) {
      this.clock.advance(Math.max(0, next.atMs - this.clock.monotonic()));
      next.fire();
      await this.settle();
    }
    this.clock.advance(untilMs - this.clock.monotonic());
  }

  #next(untilMs: number): Timer | undefined {
    const due = [...this.#timers].filter((timer) => timer.atMs <= untilMs);
    return due.toSorted((a, b) => a.atMs - b.atMs)[0];
  }
}
