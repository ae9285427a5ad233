import type { WatchEvent } from './cluster-api.ts';
import { isExpired, KubeError } from './kube-error.ts';
import type { ListPage } from './kube-client.ts';
import type { KubeObject } from './resource.ts';

/**
 * Where a watcher is.
 *
 * - `Empty`: nothing is known; the first page is to be read.
 * - `InitPage`: in the middle of a listing.
 * - `InitListed`: everything up to `resourceVersion` is known; a watch is to be opened from there.
 * - `Watching`: a watch is open and has moved on to `resourceVersion`.
 */
export type WatchState =
  | { at: 'Empty' }
  | { at: 'InitPage'; continueToken: string }
  | { at: 'InitListed'; resourceVersion: string }
  | { at: 'Watching'; resourceVersion: string };

/** A line of a watch, parsed. */
export type WatchLine<T extends KubeObject> =
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: T }
  | { type: 'BOOKMARK'; resourceVersion: string }
  | { type: 'ERROR'; error: KubeError };

/** What input or output has brought. */
export type WatchInput<T extends KubeObject> =
  | { type: 'Page'; page: ListPage<T> }
  | { type: 'Line'; line: WatchLine<T> }
  | { type: 'Ended' }
  | { type: 'Failed'; error: unknown };

export interface WatchStep<T extends KubeObject> {
  state: WatchState;
  events: WatchEvent<T>[];
  /** Whether the request that brought the input is over, or is to be given up. */
  leave: boolean;
}

/** A watcher that has not begun. */
export const initialState: WatchState = { at: 'Empty' };

/**
 * The next state and what to tell. A place in the history that the server no longer has (410) leads to `Empty`; any
 * other failure leads back to the last place that is certain, so that no event is lost and few come twice.
 */
export function step<T extends KubeObject>(state: WatchState, input: WatchInput<T>): WatchStep<T> {
  if (input.type === 'Page') return onPage(state, input.page);
  if (input.type === 'Line') return onLine(state, input.line);
  const expired = input.type === 'Failed' && isExpired(input.error);
  return { state: expired ? initialState : resting(state), events: [], leave: true };
}

function onPage<T extends KubeObject>(state: WatchState, page: ListPage<T>): WatchStep<T> {
  const events: WatchEvent<T>[] = state.at === 'Empty' ? [{ type: 'Init' }] : [];
  for (const object of page.items) events.push({ type: 'InitApply', object });
  if (page.continueToken !== undefined) {
    return { state: { at: 'InitPage', continueToken: page.continueToken }, events, leave: true };
  }
  events.push({ type: 'InitDone' });
  return { state: { at: 'InitListed', resourceVersion: page.resourceVersion }, events, leave: true };
}

function onLine<T extends KubeObject>(state: WatchState, line: WatchLine<T>): WatchStep<T> {
  if (line.type === 'ERROR') {
    return { state: isExpired(line.error) ? initialState : resting(state), events: [], leave: true };
  }
  if (line.type === 'BOOKMARK') {
    return { state: { at: 'Watching', resourceVersion: line.resourceVersion }, events: [], leave: false };
  }
  const { object } = line;
  const resourceVersion = object.metadata.resourceVersion ?? placeOf(state);
  const type = line.type === 'DELETED' ? 'Delete' : 'Apply';
  return { state: { at: 'Watching', resourceVersion }, events: [{ type, object }], leave: false };
}

/** The state to begin again from when a request is over. */
function resting(state: WatchState): WatchState {
  return state.at === 'Watching' ? { at: 'InitListed', resourceVersion: state.resourceVersion } : state;
}

function placeOf(state: WatchState): string {
  return 'resourceVersion' in state ? state.resourceVersion : '';
}

/** Parses a line of a watch. Throws, without quoting the line, when it is not one. */
export function parseWatchLine<T extends KubeObject>(text: string): WatchLine<T> {
  const { type, object } = parseLine(text);
  if (type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED') return { type, object: object as unknown as T };
  if (type === 'BOOKMARK') return { type, resourceVersion: object.metadata?.resourceVersion ?? '' };
  if (type !== 'ERROR') throw new Error('the watch sent a line of an unknown type');
  return {
    type,
    error: new KubeError(object.code ?? 500, object.reason ?? 'Unknown', object.message ?? 'the watch failed'),
  };
}

interface RawLine {
  type: unknown;
  object: { metadata?: { resourceVersion?: string }; code?: number; reason?: string; message?: string };
}

function parseLine(text: string): RawLine {
  let value: Partial<RawLine> | null;
  try {
    value = JSON.parse(text) as Partial<RawLine> | null;
  } catch {
    throw new Error('the watch sent a line that is not JSON');
  }
  if (typeof value?.object !== 'object' || value.object === null)
    throw new Error('the watch sent a line without an object');
  return { type: value.type, object: value.object };
}
