import { messageOf } from '../lib/errors.ts';
import { systemClock, type Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { Random } from './backoff.ts';
import { WorkQueue, type WorkQueueOptions } from './queue.ts';
import type { Reflectors, ReflectOptions } from './reflectors.ts';
import { keyOf, type KubeObject, type ObjectKey, type ResourceType } from './resource.ts';
import { systemSleep, type Sleep } from './sleep.ts';
import type { StoreChange, StoreReader } from './store.ts';

/** Thrown by a reconciler when only a change of the object can help. Logged and counted, never retried. */
export class TerminalError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TerminalError';
  }
}

/** What a reconciliation asks for. Ignored when it throws. */
export interface ReconcileResult {
  /** Look at the object again after this time even if nothing happens to it. */
  requeueAfterMs?: number;
}

export interface ReconcileContext {
  /** Fires when the controller stops. Pass it on to every call. */
  signal: AbortSignal;
  /** Carries the controller's name and the key. */
  log: Logger;
}

/**
 * Brings the world in line with one object. Called with a key, not an event: read the present state, decide, act.
 * Never runs twice at once for one key. `object` is undefined when it is gone. Objects come from a store and are not to
 * be changed. Anything thrown is retried with growing delays, except {@link TerminalError}.
 */
export type Reconcile<T extends KubeObject> = (
  key: ObjectKey,
  object: T | undefined,
  context: ReconcileContext,
) => Promise<ReconcileResult | undefined>;

/** Another kind whose changes concern primary objects. Build it with {@link relate}. */
export interface RelatedResource<P extends KubeObject, R extends KubeObject = KubeObject> {
  resource: ResourceType<R>;
  /** Gives the keys of the primary objects that a changed object concerns. Called with its old and its new state. */
  toKeys(object: R, primary: StoreReader<P>): Iterable<ObjectKey>;
  select?: ReflectOptions;
}

/** Types one row of `related`: the object that `toKeys` gets is that of the resource. */
export function relate<P extends KubeObject, R extends KubeObject>(
  resource: ResourceType<R>,
  toKeys: (object: R, primary: StoreReader<P>) => Iterable<ObjectKey>,
  select: ReflectOptions = {},
): RelatedResource<P> {
  const related: RelatedResource<P, R> = { resource, toKeys, select };
  return related;
}

/** How a reconciliation ended. */
export type ReconcileOutcome = 'success' | 'requeue' | 'error' | 'terminal';

/** Callbacks for whatever keeps metrics. They must not throw. */
export interface ControllerMetrics {
  reconciled?(controller: string, outcome: ReconcileOutcome, seconds: number): void;
  /** How long a key was due before a worker took it. */
  waited?(controller: string, seconds: number): void;
  /** Keys that wait, due or not, and keys in work. */
  depth?(controller: string, waiting: number, running: number): void;
}

export interface ControllerOptions<T extends KubeObject> {
  /** Names the controller in logs and metrics. */
  name: string;
  primary: ResourceType<T>;
  select?: ReflectOptions;
  related?: readonly RelatedResource<T>[];
  reconcile: Reconcile<T>;
  /** Shared watches and stores. They must be running, or the controller waits for ever. */
  reflectors: Reflectors;
  log: Logger;
  /** Reconciliations at once, for different keys. 4 unless given. */
  concurrency?: number;
  /** Says whether a change of a primary object is worth a look. Every change is, unless given. */
  changed?: (previous: T, current: T) => boolean;
  queue?: Partial<Pick<WorkQueueOptions, 'backoff' | 'ratePerSecond' | 'burst'>>;
  metrics?: ControllerMetrics;
  clock?: Clock;
  sleep?: Sleep;
  random?: Random;
}

/** Why a wait ended. Made once: an exception for each change of each object costs more than the look at its key. */
const woken = 'something is to be done';

/** For `changed`: true unless only the status (or bookkeeping of the API server) differs. For kinds with a status subresource. */
export function specOrMetadataChanged(previous: KubeObject, current: KubeObject): boolean {
  return fingerprint(previous) !== fingerprint(current);
}

function fingerprint({ metadata }: KubeObject): string {
  const { uid, generation, deletionTimestamp, labels, annotations, finalizers, ownerReferences } = metadata;
  return JSON.stringify([uid, generation, deletionTimestamp, labels, annotations, finalizers, ownerReferences]);
}

/**
 * Runs a reconciler for every key that something happened to.
 *
 * Guarantees: nothing runs before all stores have synced; one run at a time for a key; a change during a run leads to one
 * run after it; failures are retried with growing delays for ever. Not guaranteed: one run per change, or any order.
 */
export class Controller<T extends KubeObject> {
  readonly name: string;
  readonly primary: StoreReader<T>;
  readonly #options: ControllerOptions<T>;
  readonly #related: { source: RelatedResource<T>; store: StoreReader<KubeObject> }[];
  readonly #queue: WorkQueue;
  readonly #clock: Clock;
  readonly #sleep: Sleep;
  #wake: AbortController = new AbortController();

  constructor(options: ControllerOptions<T>) {
    this.name = options.name;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#sleep = options.sleep ?? systemSleep;
    this.#queue = new WorkQueue({ ...options.queue, clock: this.#clock, random: options.random ?? Math.random });
    this.primary = options.reflectors.store(options.primary, options.select);
    this.#related = (options.related ?? []).map((source) => ({
      source,
      store: options.reflectors.store(source.resource, source.select),
    }));
  }

  /** Asks for a reconciliation of `key`, as from a timer or an outside event. May be called before and during {@link run}. */
  enqueue(key: ObjectKey, afterMs = 0): void {
    this.#queue.add(key, afterMs);
    this.#wakeUp();
  }

  /** Works until the signal fires and what is running has ended. May run again later, as after losing a lease. */
  async run(signal: AbortSignal): Promise<void> {
    const stores = [this.primary, ...this.#related.map(({ store }) => store)];
    try {
      await Promise.all(stores.map((store) => store.synced(signal)));
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
    const unsubscribe = this.#subscribe();
    const onAbort = (): void => this.#wakeUp();
    signal.addEventListener('abort', onAbort, { once: true });
    for (const key of this.primary.keys()) this.#queue.add(key);
    try {
      await this.#work(signal);
    } finally {
      signal.removeEventListener('abort', onAbort);
      for (const stop of unsubscribe) stop();
    }
  }

  #subscribe(): (() => void)[] {
    return [
      this.primary.subscribe((change) => this.#onPrimary(change)),
      ...this.#related.map(({ source, store }) => store.subscribe((change) => this.#onRelated(source, change))),
    ];
  }

  #onPrimary(change: StoreChange<T>): void {
    if (change.type === 'Apply' && change.previous !== undefined) {
      if (this.#options.changed?.(change.previous, change.object) === false) return;
    }
    this.enqueue(change.key);
  }

  #onRelated(source: RelatedResource<T>, change: StoreChange<KubeObject>): void {
    const previous = change.type === 'Apply' ? change.previous : undefined;
    for (const object of previous === undefined ? [change.object] : [previous, change.object]) {
      try {
        for (const key of source.toKeys(object, this.primary)) this.enqueue(key);
      } catch (error) {
        this.#options.log.error(
          { controller: this.name, object: keyOf(object), error: messageOf(error) },
          'toKeys failed',
        );
      }
    }
  }

  async #work(signal: AbortSignal): Promise<void> {
    const running = new Set<Promise<void>>();
    const concurrency = this.#options.concurrency ?? 4;
    while (!signal.aborted) {
      const wake = new AbortController();
      this.#wake = wake;
      while (running.size < concurrency) {
        const item = this.#queue.take();
        if (item === undefined) break;
        this.#options.metrics?.waited?.(this.name, item.waitedMs / 1000);
        const run = this.#reconcile(item.key, signal).finally(() => {
          running.delete(run);
          this.#wakeUp();
        });
        running.add(run);
      }
      this.#options.metrics?.depth?.(this.name, this.#queue.waiting, running.size);
      const waitMs = running.size < concurrency ? this.#queue.nextInMs() : undefined;
      await this.#sleep(waitMs ?? Number.MAX_SAFE_INTEGER, wake.signal);
    }
    await Promise.all(running);
  }

  #wakeUp(): void {
    this.#wake.abort(woken);
  }

  async #reconcile(key: ObjectKey, signal: AbortSignal): Promise<void> {
    const startedMs = this.#clock.monotonic();
    const log = this.#options.log.child({ controller: this.name, key });
    let outcome: ReconcileOutcome;
    try {
      const result = await this.#options.reconcile(key, this.primary.get(key), { signal, log });
      outcome = result?.requeueAfterMs === undefined ? 'success' : 'requeue';
      this.#queue.succeed(key, result?.requeueAfterMs);
    } catch (error) {
      outcome = this.#fail(key, error, log, signal);
    }
    this.#options.metrics?.reconciled?.(this.name, outcome, (this.#clock.monotonic() - startedMs) / 1000);
  }

  #fail(key: ObjectKey, error: unknown, log: Logger, signal: AbortSignal): ReconcileOutcome {
    if (error instanceof TerminalError) {
      this.#queue.succeed(key);
      log.error({ error: messageOf(error) }, 'reconciliation failed for good');
      return 'terminal';
    }
    const retryInMs = Math.round(this.#queue.fail(key));
    if (!signal.aborted) log.warn({ error: messageOf(error), retryInMs }, 'reconciliation failed');
    return 'error';
  }
}
