/** Source of time. Everything that decides by time takes one, so that tests can step it. */
export interface Clock {
  /** Wall-clock time in milliseconds since the Unix epoch. May step. */
  now(): number;
  /** Milliseconds from an arbitrary origin. Never goes back; use it for durations and deadlines. */
  monotonic(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};

/** A clock that stands still until it is told to advance. For tests and simulations. */
export class ManualClock implements Clock {
  #nowMs: number;
  #monotonicMs = 0;

  constructor(nowMs: number = Date.UTC(2026, 0, 1)) {
    this.#nowMs = nowMs;
  }

  now(): number {
    return this.#nowMs;
  }

  monotonic(): number {
    return this.#monotonicMs;
  }

  /** Moves both times forward by `ms` milliseconds. */
  advance(ms: number): void {
    this.#nowMs += ms;
    this.#monotonicMs += ms;
  }

  /** Steps the wall clock only, as an operator or NTP may do. */
  stepWallClockTo(nowMs: number): void {
    this.#nowMs = nowMs;
  }
}
