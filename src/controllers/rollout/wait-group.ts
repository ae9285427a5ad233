import { KmsClientError } from '../../client/kms-client-error.ts';
import { backoffMs, type BackoffOptions, type Random } from '../../kube/backoff.ts';
import type { Sleep } from '../../kube/sleep.ts';
import { messageOf } from '../../lib/errors.ts';
import type { Logger } from '../../lib/log.ts';
import type { KmsAnswer, KmsApi } from '../kms-api.ts';

export interface WaitGroupOptions {
  /** KMS over connections of its own: a wait holds one until it is answered. */
  waits: KmsApi;
  /** Told of each secret that is not in the state of before, or whose state is known for the first time. Must not throw. */
  onChange: (name: string) => void;
  /** Told of all secrets when changes of them are no longer noticed. Must not throw. */
  onLost: (names: readonly string[]) => void;
  /** Told when KMS has refused the call for half a minute: one of the secrets is enough for that. Must not throw. */
  onRefused: (names: readonly string[]) => void;
  random: Random;
  sleep: Sleep;
  log: Logger;
}

/** What one call of WaitSecretChanges takes. */
const maxSecrets = 32;
/** How long one call waits. */
const waitSeconds = 30;
/** Before each call: names that come together are asked about together, and no answer makes calls follow at once. */
const settleMs = 250;
const backoff: BackoffOptions = { baseMs: 1000, maxMs: 60_000, jitter: 0.2 };
/** Failures in a row after which every other group has asked again: who is refused then is refused alone, or all are. */
const failuresUntilTold = 6;

/** Milliseconds that a call of {@link WaitGroupOptions.waits} needs: the wait, and what a busy KMS may take to answer. */
export const waitDeadlineMs: number = waitSeconds * 1000 + 15_000;

/**
 * Up to 32 secrets whose versions one call after another waits for. Nothing is lost between two calls: each says what is
 * known of a secret, and KMS answers at once where that is not how it is.
 */
export class WaitGroup {
  /** Set while something is wrong with one of the secrets: no others are to suffer from that. Ends with the next answer. */
  isApart = false;
  readonly #options: WaitGroupOptions;
  /** What KMS last said of each secret; undefined until it has said something. */
  readonly #states = new Map<string, string | undefined>();
  readonly #ending = new AbortController();
  #isAnswered = false;
  /** Ends the call that waits, where one does that is not answered at once. */
  #interrupt: AbortController | undefined;

  constructor(options: WaitGroupOptions) {
    this.#options = options;
  }

  get hasRoom(): boolean {
    return this.#states.size < maxSecrets && !this.isApart;
  }

  /** Whether the last call was answered. */
  get isAnswered(): boolean {
    return this.#isAnswered;
  }

  get isEmpty(): boolean {
    return this.#states.size === 0;
  }

  /** Waits for changes of one more secret from now on. */
  add(name: string): void {
    this.#states.set(name, undefined);
    this.#interrupt?.abort();
  }

  /** A group that has lost its last secret ends. */
  delete(name: string): void {
    this.#states.delete(name);
    if (this.isEmpty) this.#ending.abort();
  }

  /** Whether a change of the secret would be noticed: the last call was answered, and said something of it. */
  isLive(name: string): boolean {
    return this.#isAnswered && this.#states.get(name) !== undefined;
  }

  /** Waits until the signal fires, or no secret is left. */
  async run(signal: AbortSignal): Promise<void> {
    const { sleep, random } = this.#options;
    const end = AbortSignal.any([signal, this.#ending.signal]);
    for (let failures = 0; ;) {
      await sleep(failures === 0 ? settleMs : backoffMs(backoff, failures, random), end);
      if (end.aborted) break;
      try {
        this.#take(await this.#ask(end));
        failures = 0;
      } catch (error) {
        if (end.aborted) break;
        if (this.#interrupt?.signal.aborted === true) continue;
        failures += 1;
        this.#lose(error, failures);
        if (failures >= failuresUntilTold && isRefusal(error)) this.#options.onRefused([...this.#states.keys()]);
      } finally {
        this.#interrupt = undefined;
      }
    }
    this.#isAnswered = false;
  }

  async #ask(signal: AbortSignal): Promise<readonly SecretState[]> {
    const asked = [...this.#states].map(([SecretName, State]) => ({ SecretName, State }));
    const interrupt = new AbortController();
    // After a failure the question is how things are, and whether KMS answers.
    const isWait = this.#isAnswered && asked.every(({ State }) => State !== undefined);
    if (isWait) this.#interrupt = interrupt;
    const WaitSeconds = isWait ? waitSeconds : 0;
    const parameters = { Secrets: JSON.stringify(asked), WaitSeconds, Watch: 'Versions' };
    const either = AbortSignal.any([signal, interrupt.signal]);
    const states = statesOf(await this.#options.waits.call('WaitSecretChanges', parameters, either));
    if (states.length < asked.length) throw new Error('KMS did not answer about each of the secrets');
    return states;
  }

  #take(states: readonly SecretState[]): void {
    this.#isAnswered = true;
    this.isApart = false;
    for (const { SecretName: name, State } of states) {
      if (!this.#states.has(name) || this.#states.get(name) === State) continue;
      this.#states.set(name, State);
      this.#options.onChange(name);
    }
  }

  #lose(error: unknown, failures: number): void {
    const names = [...this.#states.keys()];
    const fields = { secrets: names.length, failures, error: messageOf(error) };
    if (failures === 1) this.#options.log.warn(fields, 'KMS does not tell of new versions: it is asked instead');
    if (!this.#isAnswered) return;
    this.#isAnswered = false;
    this.#options.onLost(names);
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof KmsClientError && !error.retryable;
}

interface SecretState {
  SecretName: string;
  State: string;
}

function statesOf(answer: KmsAnswer): readonly SecretState[] {
  return ((answer['Secrets'] ?? {}) as { Secret?: SecretState[] }).Secret ?? [];
}
