import type { Clock } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/log.ts';
import type { Random } from './backoff.ts';
import type { ClusterApi } from './cluster-api.ts';
import { rfc3339Micros } from './conditions.ts';
import { isAlreadyExists, isConflict } from './kube-error.ts';
import type { KubeObject, ResourceType } from './resource.ts';
import type { Sleep } from './sleep.ts';

/** coordination.k8s.io/v1 Lease. */
export interface Lease extends KubeObject {
  spec?: {
    holderIdentity?: string;
    leaseDurationSeconds?: number;
    acquireTime?: string;
    renewTime?: string;
    leaseTransitions?: number;
  };
}

/** Where leases are kept. */
export const leaseResource: ResourceType<Lease> = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
  namespaced: true,
};

export interface LeaderElectorOptions {
  api: Pick<ClusterApi, 'get' | 'create' | 'update'>;
  namespace: string;
  name: string;
  /** Unique for each run of a process: two candidates of one identity would both lead. */
  identity: string;
  clock: Clock;
  sleep: Sleep;
  random: Random;
  log: Logger;
  /** How long others wait after the last change that they saw. 15 s unless given. */
  leaseDurationMs?: number;
  /** How long a leader leads after its last renewal. 10 s unless given; must be shorter than the lease. */
  renewDeadlineMs?: number;
  /** Between attempts. 2 s unless given. */
  retryPeriodMs?: number;
}

/** `held`: ours now. `taken`: another's. `failed`: nobody knows, as after a network error. */
type Attempt = 'held' | 'taken' | 'failed';

/**
 * Leader election by client-go's rules.
 *
 * A candidate never compares a time that another has written with its own clock. It notes, by its own monotonic clock,
 * when it saw the record change, and takes the lease after a full lease duration without a change. A leader counts from
 * the moment before it sent its last successful renewal, and gives up after the shorter renew deadline. So between the
 * end of one leader and the start of the next there are at least (lease duration − renew deadline), as long as the
 * monotonic clocks of both run at about the same speed.
 *
 * On shutdown it goes on renewing until the work has ended, then releases the lease, so that the next starts at once.
 */
export class LeaderElector {
  readonly #options: LeaderElectorOptions;
  readonly #leaseDurationMs: number;
  readonly #renewDeadlineMs: number;
  readonly #retryPeriodMs: number;
  #observed: { lease: Lease; atMs: number } | undefined;
  #leading = false;

  constructor(options: LeaderElectorOptions) {
    this.#options = options;
    this.#leaseDurationMs = options.leaseDurationMs ?? 15_000;
    this.#renewDeadlineMs = options.renewDeadlineMs ?? 10_000;
    this.#retryPeriodMs = options.retryPeriodMs ?? 2000;
    if (this.#renewDeadlineMs >= this.#leaseDurationMs)
      throw new Error('the renew deadline must be shorter than the lease');
    if (this.#retryPeriodMs >= this.#renewDeadlineMs)
      throw new Error('the retry period must be shorter than the renew deadline');
  }

  /** Whether this process leads now. */
  get isLeading(): boolean {
    return this.#leading;
  }

  /** Who leads as far as this process has seen. */
  get leader(): string | undefined {
    return this.#observed?.lease.spec?.holderIdentity || undefined;
  }

  /**
   * Waits for the lease and runs `lead` with a signal that fires when the lease is lost or `signal` fires. After a loss
   * it becomes a candidate again. Resolves when `signal` has fired, or `lead` has ended by itself.
   */
  async run(signal: AbortSignal, lead: (signal: AbortSignal) => Promise<void>): Promise<void> {
    while (!signal.aborted) {
      const heldSinceMs = await this.#acquire(signal);
      if (heldSinceMs === undefined) return;
      const lost = await this.#lead(signal, lead, heldSinceMs);
      if (!lost) return;
    }
  }

  async #acquire(signal: AbortSignal): Promise<number | undefined> {
    const { sleep, clock, random } = this.#options;
    while (!signal.aborted) {
      const startedMs = clock.monotonic();
      if ((await this.#attemptWithin(this.#renewDeadlineMs)) === 'held') {
        if (clock.monotonic() - startedMs < this.#renewDeadlineMs) return startedMs;
      }
      await sleep(this.#retryPeriodMs * (1 + 1.2 * random()), signal);
    }
    return undefined;
  }

  /** Gives whether the lease was lost. */
  async #lead(
    signal: AbortSignal,
    lead: (signal: AbortSignal) => Promise<void>,
    heldSinceMs: number,
  ): Promise<boolean> {
    const { log, identity } = this.#options;
    const leading = new AbortController();
    const ended = new AbortController();
    const onAbort = (): void => leading.abort(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    log.info({ identity }, 'leading');
    this.#leading = true;
    const work = lead(leading.signal).finally(() => ended.abort());
    // Awaited below; a failure while the lease is being renewed must not count as unhandled.
    work.catch(() => undefined);
    const kept = await this.#renewUntil(ended.signal, heldSinceMs);
    this.#leading = false;
    signal.removeEventListener('abort', onAbort);
    if (!kept) {
      log.error({ identity, leader: this.leader }, 'lease lost');
      leading.abort(new Error('the lease was lost'));
    }
    try {
      await work;
    } finally {
      if (kept) await this.#release();
    }
    return !kept;
  }

  /** Renews until the work has ended: true. False when the lease can no longer be taken for ours. */
  async #renewUntil(ended: AbortSignal, heldSinceMs: number): Promise<boolean> {
    const { clock, sleep } = this.#options;
    let renewedMs = heldSinceMs;
    while (!ended.aborted) {
      const leftMs = renewedMs + this.#renewDeadlineMs - clock.monotonic();
      await sleep(Math.min(this.#retryPeriodMs, leftMs), ended);
      if (ended.aborted) return true;
      const startedMs = clock.monotonic();
      const attempt = await this.#attemptWithin(renewedMs + this.#renewDeadlineMs - startedMs);
      if (clock.monotonic() - renewedMs >= this.#renewDeadlineMs || attempt === 'taken') return false;
      if (attempt === 'held') renewedMs = startedMs;
    }
    return true;
  }

  /** One attempt that has to be over after `ms`, even when the call does not heed its signal. */
  async #attemptWithin(ms: number): Promise<Attempt> {
    if (ms <= 0) return 'failed';
    const call = new AbortController();
    const timer = new AbortController();
    const timeout = this.#options.sleep(ms, timer.signal).then((): Attempt => 'failed');
    const attempt = this.#attempt(call.signal).catch((error: unknown): Attempt => {
      this.#options.log.warn({ error: messageOf(error) }, 'lease attempt failed');
      return 'failed';
    });
    const result = await Promise.race([attempt, timeout]);
    timer.abort();
    call.abort(new Error('the attempt took too long'));
    return result;
  }

  async #attempt(signal: AbortSignal): Promise<Attempt> {
    const { api, namespace, name, identity } = this.#options;
    // As long as nobody interfered, a renewal is a single update of what was written last.
    if (this.#leading && this.#observed !== undefined) {
      const attempt = await this.#write(this.#observed.lease, signal);
      if (attempt === 'held') return attempt;
    }
    const lease = await api.get(leaseResource, { namespace, name }, { signal });
    if (lease === undefined) return this.#write(undefined, signal);
    this.#observe(lease);
    const holder = lease.spec?.holderIdentity ?? '';
    if (holder !== identity && holder !== '' && this.#isValid()) return 'taken';
    return this.#write(lease, signal);
  }

  /** Writes the lease in our name over `previous`; `taken` when somebody was quicker. */
  async #write(previous: Lease | undefined, signal: AbortSignal): Promise<Attempt> {
    const { api, namespace, name, identity, clock } = this.#options;
    const now = rfc3339Micros(clock.now());
    const ours = previous?.spec?.holderIdentity === identity;
    const spec: Lease['spec'] = {
      ...previous?.spec,
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(this.#leaseDurationMs / 1000),
      acquireTime: (ours ? previous.spec?.acquireTime : undefined) ?? now,
      renewTime: now,
      leaseTransitions: (previous?.spec?.leaseTransitions ?? 0) + (ours || previous === undefined ? 0 : 1),
    };
    try {
      const lease =
        previous === undefined
          ? await api.create(leaseResource, { metadata: { name, namespace }, spec }, { signal })
          : await api.update(leaseResource, { ...previous, spec }, { signal });
      this.#observe(lease);
      return 'held';
    } catch (error) {
      // While leading a lost race says nothing yet: the record may have been touched by somebody who is no candidate.
      if (isConflict(error) || isAlreadyExists(error)) return this.#leading ? 'failed' : 'taken';
      throw error;
    }
  }

  #observe(lease: Lease): void {
    const known = this.#observed?.lease;
    const same = known !== undefined && JSON.stringify(known.spec) === JSON.stringify(lease.spec);
    const atMs = same ? (this.#observed?.atMs ?? 0) : this.#options.clock.monotonic();
    this.#observed = { lease, atMs };
  }

  /** Whether the observed holder may still lead, by our own clock only. */
  #isValid(): boolean {
    if (this.#observed === undefined) return false;
    const { lease, atMs } = this.#observed;
    const durationMs = Math.max((lease.spec?.leaseDurationSeconds ?? 0) * 1000, 1);
    return this.#options.clock.monotonic() < atMs + durationMs;
  }

  /** Gives the lease away, after the work has ended. */
  async #release(): Promise<void> {
    const { api, identity, log, clock } = this.#options;
    const lease = this.#observed?.lease;
    if (lease?.spec?.holderIdentity !== identity) return;
    const now = rfc3339Micros(clock.now());
    const spec = { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1, acquireTime: now, renewTime: now };
    const call = new AbortController();
    const timer = new AbortController();
    void this.#options.sleep(this.#retryPeriodMs, timer.signal).then(() => call.abort());
    try {
      this.#observe(await api.update(leaseResource, { ...lease, spec }, { signal: call.signal }));
      log.info({ identity }, 'lease released');
    } catch (error) {
      log.warn({ error: messageOf(error) }, 'lease not released');
    } finally {
      timer.abort();
    }
  }
}
