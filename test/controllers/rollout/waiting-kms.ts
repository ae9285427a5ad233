import { setImmediate as afterIo } from 'node:timers/promises';
import { KmsClientError } from '../../../src/client/kms-client-error.ts';
import type { KmsAnswer, KmsApi } from '../../../src/controllers/kms-api.ts';
import type { ManualTime } from '../../support/manual-time.ts';

interface Asked {
  SecretName: string;
  State?: string;
}

/** A call as the KMS got it. */
export interface WaitCall {
  atMs: number;
  names: string[];
  asked: Asked[];
  waitSeconds: number;
}

export const unavailable: KmsClientError = new KmsClientError({
  code: 'ConnectionFailed',
  message: 'x',
  httpStatus: 0,
  retryable: true,
});
export const refusal: KmsClientError = new KmsClientError({
  code: 'Forbidden.NoPermission',
  message: 'x',
  httpStatus: 403,
  retryable: false,
});

/** The wait of a KMS, by the time of a test, and its failures. */
export class WaitingKms implements KmsApi {
  readonly calls: WaitCall[] = [];
  /** Calls that are not answered. */
  readonly open: Set<WaitCall> = new Set<WaitCall>();
  /** Gives the error of a call; of none unless it is set. */
  failure: (names: readonly string[]) => Error | undefined = () => undefined;
  /** Whether it answers at once, whatever it is told. */
  isImpatient = false;
  readonly #states = new Map<string, string>();
  readonly #time: ManualTime;
  #changed = new AbortController();

  constructor(time: ManualTime) {
    this.#time = time;
  }

  state(name: string): string {
    return this.#states.get(name) ?? 'absent';
  }

  change(name: string, state: string): void {
    this.#states.set(name, state);
    this.#tell();
  }

  /** Ends the calls that are open with the failure. */
  fail(failure: (names: readonly string[]) => Error | undefined): void {
    this.failure = failure;
    this.#tell();
  }

  #tell(): void {
    this.#changed.abort();
    this.#changed = new AbortController();
  }

  async call(action: string, parameters: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<KmsAnswer> {
    if (action !== 'WaitSecretChanges' || parameters['Watch'] !== 'Versions')
      throw new Error(`${action} without a permission`);
    const asked = JSON.parse(String(parameters['Secrets'])) as Asked[];
    const waitSeconds = Number(parameters['WaitSeconds']);
    const call = {
      atMs: this.#time.clock.monotonic(),
      names: asked.map(({ SecretName }) => SecretName),
      asked,
      waitSeconds,
    };
    this.calls.push(call);
    this.open.add(call);
    try {
      return await this.#answer(call, signal);
    } finally {
      this.open.delete(call);
    }
  }

  async #answer({ atMs, names, asked, waitSeconds }: WaitCall, signal: AbortSignal): Promise<KmsAnswer> {
    const untilMs = atMs + waitSeconds * 1000;
    for (;;) {
      // An answer takes its way, too.
      await afterIo();
      signal.throwIfAborted();
      const failure = this.failure(names);
      if (failure !== undefined) throw failure;
      const isDue = asked.some(({ SecretName, State }) => State !== this.state(SecretName));
      const leftMs = untilMs - this.#time.clock.monotonic();
      if (isDue || this.isImpatient || leftMs <= 0) break;
      await this.#time.sleep(leftMs, AbortSignal.any([signal, this.#changed.signal]));
    }
    const Secret = names.map((SecretName) => ({ SecretName, State: this.state(SecretName) }));
    return { Secrets: { Secret } };
  }
}
