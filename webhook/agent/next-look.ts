import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../src/lib/clock.ts';
import { isKmsClientError } from '../../src/client/kms-client-error.ts';
import type { AgentBinding, AgentSecretSource } from './agent-config.ts';
import type { KnownState, SecretReader } from './source-value.ts';

export interface LookOptions {
  signal: AbortSignal;
  clock: Clock;
  /** From 0 (inclusive) to 1 (exclusive). */
  random: () => number;
}

/** Longest single wait for an announcement, in seconds: below the idle time-outs of what is between here and there. */
const longestWaitSeconds = 45;

/** Pods that hear of one change ask for the value spread over this time, in milliseconds. */
const spreadMs = 1500;

/** Waits after looks that failed, in milliseconds. */
const firstRetryMs = 500;
const longestRetryMs = 30_000;

/** Before a KMS is listened to again that could not be reached, in milliseconds. */
const unheardMs = 3000;

/**
 * When to look at one binding again: as soon as the KMS announces a change, a little later when the last look failed, and
 * in any case after its interval. Where announcements are not to be had, the interval alone counts.
 */
export class NextLook {
  readonly #sources: readonly AgentSecretSource[];
  readonly #intervalMs: number;
  readonly #wait: SecretReader['waitForChange'];
  readonly #options: LookOptions;
  #known: KnownState = new Map();
  #failures = 0;
  #announced: boolean;

  constructor(binding: AgentBinding, reader: SecretReader, options: LookOptions) {
    // A fixed version never changes.
    this.#sources = binding.sources.filter(
      (source): source is AgentSecretSource => 'secretName' in source && source.versionId === undefined,
    );
    this.#intervalMs = (binding.refreshSeconds ?? 0) * 1000;
    this.#wait = reader.waitForChange?.bind(reader);
    this.#options = options;
    this.#announced = this.#wait !== undefined && this.#sources.length > 0;
  }

  /** Tells how the look went that {@link next} gave rise to. After a failure nothing counts as known. */
  note(outcome: 'succeeded' | 'failed'): void {
    this.#failures = outcome === 'failed' ? this.#failures + 1 : 0;
    if (outcome === 'failed') this.#known = new Map();
  }

  /** Resolves when it is time to look, or when the signal has fired. */
  async next(): Promise<void> {
    const { clock, random, signal } = this.#options;
    const due = clock.monotonic() + jittered(this.#intervalMs, random);
    if (this.#failures > 0) return this.#pause(Math.min(this.#retryMs(), due - clock.monotonic()));
    while (!signal.aborted && clock.monotonic() < due) {
      if (!this.#announced) return this.#pause(due - clock.monotonic());
      if (await this.#hears(due)) return this.#pause(spreadMs * random());
    }
  }

  /** Waits for an announcement once. A KMS that cannot be asked is asked again later, one that has no such call never. */
  async #hears(due: number): Promise<boolean> {
    const { clock, signal } = this.#options;
    const seconds = Math.max(1, Math.min(longestWaitSeconds, Math.ceil((due - clock.monotonic()) / 1000)));
    try {
      const { changed, known } = (await this.#wait?.(this.#sources, this.#known, seconds, signal)) ?? noChange;
      this.#known = known;
      return changed;
    } catch (error) {
      if (isKmsClientError(error, 'InvalidApi.NotFound')) this.#announced = false;
      const isBusy = isKmsClientError(error, 'Rejected.Throttling');
      const waitMs = isBusy ? longestRetryMs : jittered(unheardMs, this.#options.random);
      await this.#pause(Math.min(waitMs, due - clock.monotonic()));
      return false;
    }
  }

  #retryMs(): number {
    const ceilingMs = Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(this.#failures, 10));
    return ceilingMs * (0.5 + 0.5 * this.#options.random());
  }

  async #pause(ms: number): Promise<void> {
    await sleep(Math.max(0, ms), undefined, { signal: this.#options.signal }).catch(() => undefined);
  }
}

const noChange = { changed: false, known: new Map<string, string>() };

/** Between nine tenths and eleven tenths: pods that started together do not ask together for long. */
export function jittered(intervalMs: number, random: () => number): number {
  return intervalMs * (0.9 + 0.2 * random());
}
