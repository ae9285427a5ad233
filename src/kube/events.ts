import type { Clock } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/log.ts';
import type { Random } from './backoff.ts';
import type { ClusterApi, KubeEvent } from './cluster-api.ts';
import { rfc3339Micros, type Condition } from './conditions.ts';
import type { KubeObject } from './resource.ts';

/** What happened, in the reconciler's words. */
export interface EventDetails {
  type: 'Normal' | 'Warning';
  /** Why: PascalCase, the condition's reason where there is one. At most 128 characters. */
  reason: string;
  /** What was done or tried: PascalCase verb, `Reconcile`, `Rotate`. At most 128 characters. */
  action: string;
  /** For people. Cut to 1024 bytes. Never a secret. */
  note: string;
}

export interface EventRecorderOptions {
  api: Pick<ClusterApi, 'emitEvent'>;
  /** Name of the reporting controller, `kaap.dev/operator`. */
  controller: string;
  /** Name of this process among its replicas, such as the pod's. */
  instance: string;
  clock: Clock;
  random: Random;
  log: Logger;
}

interface Series {
  event: KubeEvent;
  count: number;
  seenAtMs: number;
  writtenAtMs: number;
}

/** The API server's limit for a note. */
const maxNoteBytes = 1024;
/** A repeat after a longer quiet time is a new event; client-go uses the same. */
const seriesEndsAfterMs = 6 * 60_000;
/** A series that grows is written this often at most: the API server is not a counter. */
const seriesWriteEveryMs = 30_000;
/** Series remembered at once; the ones not seen for longest are forgotten, and those that have ended. */
const maxSeries = 4096;

/**
 * Events of type Normal that are written in a row, and then each second. A cluster full of objects that become Ready at
 * once would get as many events as writes that matter; the objects' conditions say the same. Warnings are all written.
 */
const normalBurst = 200;
const normalPerSecond = 10;

/** Whether a condition's change deserves an event: its status or reason is new. A repeat or a new message does not. */
export function isTransition(previous: Condition | undefined, next: Pick<Condition, 'status' | 'reason'>): boolean {
  return previous?.status !== next.status || previous.reason !== next.reason;
}

/**
 * Writes events about objects. Repeats become one event with a series, and of very many good news some are left out. A
 * failure to write is logged and forgotten.
 */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  /** By what repeats; in the order in which they were last seen. */
  readonly #series = new Map<string, Series>();
  /** Events of type Normal that may be written at `atMs`, by the monotonic clock. */
  #allowance: { events: number; atMs: number };

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#allowance = { events: normalBurst, atMs: options.clock.monotonic() };
  }

  /** Series that are remembered, so that a repeat of theirs grows them. */
  get series(): number {
    return this.#series.size;
  }

  /** Never rejects: an event is a courtesy, and the reconciliation that it tells of must not fail for it. */
  async record(object: KubeObject, details: EventDetails, options: { signal: AbortSignal }): Promise<void> {
    const event = this.#next(object, { ...details, note: cutUtf8(details.note, maxNoteBytes) });
    if (event === undefined) return;
    try {
      await this.#options.api.emitEvent(event, options);
    } catch (error) {
      this.#options.log.warn({ reason: details.reason, error: messageOf(error) }, 'event not written');
    }
  }

  /** The event to write now, or undefined when a growing series was written shortly before. */
  #next(object: KubeObject, details: EventDetails): KubeEvent | undefined {
    const nowMs = this.#options.clock.monotonic();
    const id = JSON.stringify([object.kind, object.metadata.uid ?? object.metadata.name, details]);
    const known = this.#series.get(id);
    this.#series.delete(id);
    if (known === undefined || nowMs - known.seenAtMs > seriesEndsAfterMs) {
      if (details.type === 'Normal' && !this.#takesNormal(nowMs)) return undefined;
      const event = this.#event(object, details);
      this.#remember(id, { event, count: 1, seenAtMs: nowMs, writtenAtMs: -Infinity });
      return event;
    }
    const series = { ...known, count: known.count + 1, seenAtMs: nowMs };
    const due = nowMs - known.writtenAtMs >= seriesWriteEveryMs;
    this.#remember(id, due ? { ...series, writtenAtMs: nowMs } : series);
    if (!due) return undefined;
    const lastObservedTime = rfc3339Micros(this.#options.clock.now());
    return { ...known.event, series: { count: series.count, lastObservedTime } };
  }

  /** Whether one more event of type Normal may be written now. */
  #takesNormal(nowMs: number): boolean {
    const { events, atMs } = this.#allowance;
    const left = Math.min(normalBurst, events + ((nowMs - atMs) / 1000) * normalPerSecond);
    const takes = left >= 1;
    this.#allowance = { events: takes ? left - 1 : left, atMs: nowMs };
    return takes;
  }

  /** Forgets what has ended, too: where pods come and go, nothing of most events is ever seen again. */
  #remember(id: string, series: Series): void {
    this.#series.set(id, series);
    for (const [oldest, { seenAtMs }] of this.#series) {
      if (this.#series.size <= maxSeries && series.seenAtMs - seenAtMs <= seriesEndsAfterMs) return;
      this.#series.delete(oldest);
    }
  }

  #event(object: KubeObject, details: EventDetails): KubeEvent {
    const { controller, instance, clock, random } = this.#options;
    const { name, namespace, uid, resourceVersion } = object.metadata;
    const suffix = `${clock.now().toString(16)}${Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0')}`;
    return {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      // Events of cluster-scoped objects live in `default`.
      metadata: { name: `${name.slice(0, 200)}.${suffix}`, namespace: namespace ?? 'default' },
      eventTime: rfc3339Micros(clock.now()),
      reportingController: controller,
      reportingInstance: instance.slice(0, 128),
      ...details,
      regarding: {
        apiVersion: object.apiVersion,
        kind: object.kind,
        name,
        ...(namespace === undefined ? {} : { namespace }),
        ...(uid === undefined ? {} : { uid }),
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
      },
    };
  }
}

/** The longest beginning of `text` that has at most `maxBytes` bytes in UTF-8, with an ellipsis when it was cut. */
function cutUtf8(text: string, maxBytes: number): string {
  if (Buffer.byteLength(text) <= maxBytes) return text;
  let cut = '';
  let bytes = Buffer.byteLength('…');
  for (const character of text) {
    bytes += Buffer.byteLength(character);
    if (bytes > maxBytes) break;
    cut += character;
  }
  return `${cut}…`;
}
