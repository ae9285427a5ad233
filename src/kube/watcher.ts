import type { Clock } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/log.ts';
import { backoffMs, type BackoffOptions, type Random } from './backoff.ts';
import type { WatchEvent, WatchOptions } from './cluster-api.ts';
import { typed, type KubeClient, type ListPage } from './kube-client.ts';
import { resourceName, type KubeObject, type ObjectMeta, type ResourceType } from './resource.ts';
import type { Sleep } from './sleep.ts';
import { initialState, parseWatchLine, step, type WatchInput, type WatchState } from './watch-step.ts';

export interface WatcherDependencies {
  client: Pick<KubeClient, 'listPage' | 'watchLines'>;
  clock: Clock;
  sleep: Sleep;
  random: Random;
  log: Logger;
  /** Between failures in a row. 0.8 s to 10 s unless given. */
  backoff?: BackoffOptions;
  /**
   * Asked of the server for each watch. 25 s unless given: a watch that falls silent without ending, as behind a load
   * balancer that has lost its back end, is then noticed within 30 s. The bookmark that the server sends before it ends
   * a watch keeps the place in the history fresh, so that to open the next one costs next to nothing.
   */
  timeoutSeconds?: number;
}

/** Silence beyond the server's own timeout after which the connection is taken for dead. */
const idleMarginMs = 5000;
/** A watch that ends within this time without a line has failed, whatever the server says. */
const shortestWatchMs = 5000;
const defaultBackoff: BackoffOptions = { baseMs: 800, maxMs: 10_000, jitter: 0.5 };

/**
 * Follows a collection until the signal fires: lists it by pages, watches from there, resumes where a connection broke,
 * and lists again when the server no longer knows the way. Never ends or throws by itself.
 */
export async function* watch<T extends KubeObject>(
  resource: ResourceType<T>,
  options: WatchOptions,
  dependencies: WatcherDependencies,
): AsyncGenerator<WatchEvent<T>> {
  const { clock, sleep, random, log, backoff = defaultBackoff } = dependencies;
  const { signal } = options;
  let state: WatchState = initialState;
  let failures = 0;
  while (!signal.aborted) {
    let failed = false;
    const startedMs = clock.monotonic();
    for await (const input of perform(state, resource, options, dependencies)) {
      if (signal.aborted) return;
      failed = isFailure(input, state, clock.monotonic() - startedMs);
      // A page is no success yet: a server that expires every listing is to be asked more and more seldom.
      failures = failed ? failures + 1 : input.type === 'Page' ? failures : 0;
      if (input.type === 'Failed') {
        log.warn({ resource: resourceName(resource), state: state.at, error: messageOf(input.error) }, 'watch failed');
      }
      const next = step(state, input);
      state = next.state;
      yield* next.events;
      if (next.leave) break;
    }
    if (failed && !signal.aborted) await sleep(backoffMs(backoff, failures, random), signal);
  }
}

/** Whether the next request has to wait. A watch that ends at once counts, whatever status it ended with. */
function isFailure(input: WatchInput<KubeObject>, state: WatchState, elapsedMs: number): boolean {
  if (input.type === 'Failed') return true;
  if (input.type === 'Line') return input.line.type === 'ERROR';
  return input.type === 'Ended' && state.at === 'InitListed' && elapsedMs < shortestWatchMs;
}

/** The input or output of a state: one page of a listing, or the lines of one watch. Failures are inputs, never thrown. */
async function* perform<T extends KubeObject>(
  state: WatchState,
  resource: ResourceType<T>,
  options: WatchOptions,
  dependencies: WatcherDependencies,
): AsyncGenerator<WatchInput<T>> {
  const { client, timeoutSeconds = 25 } = dependencies;
  try {
    if (state.at === 'Empty' || state.at === 'InitPage') {
      const continueToken = state.at === 'InitPage' ? state.continueToken : undefined;
      const page: ListPage<T> = await client.listPage(resource, { ...options, continueToken });
      yield { type: 'Page', page: { ...page, items: page.items.map(withoutManagers) } };
      return;
    }
    const lines = client.watchLines(resource, {
      ...options,
      resourceVersion: state.resourceVersion,
      timeoutSeconds,
      idleMs: timeoutSeconds * 1000 + idleMarginMs,
    });
    for await (const text of lines) yield { type: 'Line', line: withKind(resource, parseWatchLine<T>(text)) };
    yield { type: 'Ended' };
  } catch (error) {
    yield { type: 'Failed', error };
  }
}

/** Metadata-only answers say PartialObjectMetadata; readers want to know the kind. */
function withKind<T extends KubeObject>(
  resource: ResourceType<T>,
  line: ReturnType<typeof parseWatchLine<T>>,
): ReturnType<typeof parseWatchLine<T>> {
  if (line.type === 'BOOKMARK' || line.type === 'ERROR') return line;
  const object = withoutManagers(line.object);
  return { ...line, object: object.kind === resource.kind ? object : typed(resource, object) };
}

/** Who owns which field is the API server's business, and up to half of an object: stores do without. */
function withoutManagers<T extends KubeObject>(object: T): T {
  const { managedFields: _managers, ...metadata }: ObjectMeta & { managedFields?: unknown } = object.metadata;
  return { ...object, metadata };
}
