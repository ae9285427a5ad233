import { describe, expect, test } from 'vitest';
import { KubeError } from '../../src/kube/kube-error.ts';
import { initialState, parseWatchLine, step, type WatchInput, type WatchState } from '../../src/kube/watch-step.ts';
import { widget, type Widget } from '../support/widget.ts';

const a = widget('a', { metadata: { resourceVersion: '7' } });
const page = (items: Widget[], continueToken?: string): WatchInput<Widget> => ({
  type: 'Page',
  page: { items, resourceVersion: '5', continueToken },
});
const expired = new KubeError(410, 'Expired', 'too old resource version');
const broken = new Error('connection reset');
const initPage: WatchState = { at: 'InitPage', continueToken: 'next' };
const initListed: WatchState = { at: 'InitListed', resourceVersion: '5' };
const watching: WatchState = { at: 'Watching', resourceVersion: '6' };
const line = (text: object): WatchInput<Widget> => ({ type: 'Line', line: parseWatchLine(JSON.stringify(text)) });

const rows: [string, WatchState, WatchInput<Widget>, WatchState, string[]][] = [
  ['the first page of several opens a listing', initialState, page([a], 'next'), initPage, ['Init', 'InitApply']],
  [
    'a page in the middle goes on',
    initPage,
    page([a], 'more'),
    { at: 'InitPage', continueToken: 'more' },
    ['InitApply'],
  ],
  ['the last page closes the listing', initPage, page([a]), initListed, ['InitApply', 'InitDone']],
  ['a single empty page is a whole listing', initialState, page([]), initListed, ['Init', 'InitDone']],
  ['a page whose token expired starts from nothing', initPage, { type: 'Failed', error: expired }, initialState, []],
  ['a page that failed is asked for again', initPage, { type: 'Failed', error: broken }, initPage, []],
  ['a first page that failed is asked for again', initialState, { type: 'Failed', error: broken }, initialState, []],
  ['a watch that cannot be opened is opened again', initListed, { type: 'Failed', error: broken }, initListed, []],
  [
    'an expired version on opening starts from nothing',
    initListed,
    { type: 'Failed', error: expired },
    initialState,
    [],
  ],
  [
    'an object that came moves the version',
    initListed,
    line({ type: 'ADDED', object: a }),
    { at: 'Watching', resourceVersion: '7' },
    ['Apply'],
  ],
  [
    'an object that changed moves the version',
    watching,
    line({ type: 'MODIFIED', object: a }),
    { at: 'Watching', resourceVersion: '7' },
    ['Apply'],
  ],
  [
    'an object that went moves the version',
    watching,
    line({ type: 'DELETED', object: a }),
    { at: 'Watching', resourceVersion: '7' },
    ['Delete'],
  ],
  [
    'a bookmark moves the version and tells nothing',
    watching,
    line({ type: 'BOOKMARK', object: { metadata: { resourceVersion: '9' } } }),
    { at: 'Watching', resourceVersion: '9' },
    [],
  ],
  [
    'a 410 within the watch starts from nothing',
    watching,
    line({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' } }),
    initialState,
    [],
  ],
  [
    'another error within the watch resumes from the last version',
    watching,
    line({ type: 'ERROR', object: { kind: 'Status', code: 500, reason: 'InternalError', message: 'etcd' } }),
    { at: 'InitListed', resourceVersion: '6' },
    [],
  ],
  [
    'the end of a watch resumes from the last version',
    watching,
    { type: 'Ended' },
    { at: 'InitListed', resourceVersion: '6' },
    [],
  ],
  [
    'a connection that broke resumes from the last version',
    watching,
    { type: 'Failed', error: broken },
    { at: 'InitListed', resourceVersion: '6' },
    [],
  ],
];

test.each(rows)('%s', (_title, state, input, next, events) => {
  const result = step(state, input);
  expect(result.state).toEqual(next);
  expect(result.events.map(({ type }) => type)).toEqual(events);
});

describe('a line', () => {
  test.each([
    ['that is not JSON is refused without being quoted', '{"type":"ADDED","object":{"data":"c2VjcmV0', 'not JSON'],
    ['without an object is refused', '{"type":"ADDED"}', 'without an object'],
    ['of an unknown type is refused', '{"type":"MOVED","object":{}}', 'unknown type'],
  ])('%s', (_title, text, message) => {
    expect(() => parseWatchLine(text)).toThrow(message);
    expect(() => parseWatchLine(text)).not.toThrow('c2VjcmV0');
  });
});
