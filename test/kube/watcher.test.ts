import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { WatchEvent } from '../../src/kube/cluster-api.ts';
import { EventBuffer } from '../../src/kube/event-buffer.ts';
import { KubeClient } from '../../src/kube/kube-client.ts';
import { createTransport, type KubeTransport } from '../../src/kube/transport.ts';
import { watch } from '../../src/kube/watcher.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { FakeApiServer, sendLine, sendList, sendStatus, type SeenRequest } from '../support/fake-api-server.ts';
import { widget, widgetResource, type Widget } from '../support/widget.ts';

let server: FakeApiServer;
let transport: KubeTransport;
const naps: number[] = [];

beforeEach(async () => {
  naps.length = 0;
  server = await FakeApiServer.start(() => undefined);
  transport = createTransport({ server: server.url, tls: {} });
});

afterEach(async () => {
  transport.close();
  await server.stop();
});

type Answer = (response: ServerResponse, request: SeenRequest) => void;

/** Answers the lists and the watches with one of these after the other, the last one again and again. */
function script(lists: Answer[], watches: Answer[]): void {
  server.answer((request, response) => {
    const answers = request.query.get('watch') === 'true' ? watches : lists;
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    answer?.(response, request);
  });
}

/** Follows until `enough` says so, or after so many pauses. */
async function follow(enough: (events: string[]) => boolean, maxNaps = Infinity): Promise<string[]> {
  const stop = new AbortController();
  const events: string[] = [];
  const sleep = (ms: number): Promise<void> => {
    if (naps.push(Math.round(ms)) >= maxNaps) stop.abort();
    return Promise.resolve();
  };
  const dependencies = {
    client: new KubeClient(transport),
    clock: systemClock,
    sleep,
    random: () => 0.5,
    log: silentLogger,
  };
  for await (const event of watch(widgetResource, { signal: stop.signal }, dependencies)) {
    events.push(nameOf(event));
    if (enough(events)) stop.abort();
  }
  return events;
}

function nameOf(event: WatchEvent<Widget>): string {
  return 'object' in event ? `${event.type} ${event.object.metadata.name}` : event.type;
}

const at = (name: string, resourceVersion: string): Widget => widget(name, { metadata: { resourceVersion } });
const down: Answer = (response) => sendStatus(response, 500, 'InternalError', 'etcd is away');
const emptyList: Answer = (response) => sendList(response, '5', []);
const until =
  (last: string) =>
  (events: string[]): boolean =>
    events.at(-1) === last;

/** Versions from which watches were opened. */
function openedFrom(): (string | null)[] {
  return server.seen
    .filter(({ query }) => query.get('watch') === 'true')
    .map(({ query }) => query.get('resourceVersion'));
}

describe('listing', () => {
  test('goes page by page, and the watch starts where the list was taken', async () => {
    script(
      [
        (response) => sendList(response, '5', [at('a', '1')], 'page-2'),
        (response, { query }) => sendList(response, '5', query.get('continue') === 'page-2' ? [at('b', '2')] : []),
      ],
      [(response) => sendLine(response, 'ADDED', at('c', '6'))],
    );
    const events = await follow(until('Apply c'));
    expect(events).toEqual(['Init', 'InitApply a', 'InitApply b', 'InitDone', 'Apply c']);
    expect(server.seen[0]?.query.get('limit')).toBe('500');
    expect(openedFrom()).toEqual(['5']);
  });

  test('starts anew when a continue token has expired', async () => {
    script(
      [
        (response) => sendList(response, '5', [at('a', '1')], 'page-2'),
        (response) => sendStatus(response, 410, 'Expired', 'The provided continue parameter is too old'),
        (response) => sendList(response, '8', [at('b', '7')]),
      ],
      [],
    );
    const events = await follow(until('InitDone'));
    expect(events).toEqual(['Init', 'InitApply a', 'Init', 'InitApply b', 'InitDone']);
  });

  test('goes on from the same page after an error, with growing pauses', async () => {
    script([(response) => sendList(response, '5', [], 'page-2'), down, down, down, emptyList], []);
    await follow(until('InitDone'));
    expect(server.seen.map(({ query }) => query.get('continue'))).toEqual([null, ...Array<string>(4).fill('page-2')]);
    expect(naps).toEqual([800, 1600, 3200]);
  });
});

describe('watching', () => {
  test('resumes from the last object after a connection was cut within a line', async () => {
    script(
      [emptyList],
      [
        (response) => {
          sendLine(response, 'ADDED', at('a', '6'));
          response.write('{"type":"ADDED","object":{"metadata":{"name":"ha');
          setTimeout(() => response.destroy(), 20);
        },
        (response) => sendLine(response, 'ADDED', at('half', '7')),
      ],
    );
    expect(await follow(until('Apply half'))).toEqual(['Init', 'InitDone', 'Apply a', 'Apply half']);
    expect(openedFrom()).toEqual(['5', '6']);
    expect(naps).toEqual([800]);
  });

  test('resumes from the last bookmark after the server ended the watch', async () => {
    script(
      [emptyList],
      [
        (response) => {
          sendLine(response, 'BOOKMARK', { kind: 'Widget', metadata: { resourceVersion: '40' } });
          response.end();
        },
        (response) => sendLine(response, 'DELETED', at('a', '41')),
      ],
    );
    expect(await follow(until('Delete a'))).toEqual(['Init', 'InitDone', 'Delete a']);
    expect(openedFrom()).toEqual(['5', '40']);
    expect(naps).toEqual([]);
  });

  test.each<[string, Answer]>([
    ['as an answer', (response) => sendStatus(response, 410, 'Expired', 'too old')],
    ['as a line', (response) => sendLine(response, 'ERROR', { kind: 'Status', code: 410, reason: 'Expired' })],
  ])('lists anew after a 410 %s', async (_title, expired) => {
    script([emptyList, (response) => sendList(response, '9', [at('b', '8')])], [expired, () => undefined]);
    let done = 0;
    const events = await follow((seen) => seen.at(-1) === 'InitDone' && ++done === 2);
    expect(events).toEqual(['Init', 'InitDone', 'Init', 'InitApply b', 'InitDone']);
  });

  test('asks a server that expires every listing more and more seldom', async () => {
    script([emptyList], [(response) => sendStatus(response, 410, 'Expired', 'too old')]);
    await follow((events) => events.length === 10);
    expect(naps).toEqual([800, 1600, 3200, 6400]);
  });

  test('does not spin on a server that ends every watch at once', async () => {
    script([emptyList], [(response) => void response.writeHead(200).end()]);
    await follow(() => false, 4);
    expect(naps).toEqual([800, 1600, 3200, 6400]);
  });

  test('survives a server that is away for a while', async () => {
    script([(response) => void response.destroy(), (response) => void response.destroy(), emptyList], []);
    expect(await follow(until('InitDone'))).toEqual(['Init', 'InitDone']);
    expect(naps).toHaveLength(2);
  });

  test('asks for bookmarks and a timeout that is shorter than its own patience', async () => {
    script([emptyList], [(response) => sendLine(response, 'ADDED', at('a', '6'))]);
    await follow(until('Apply a'));
    const query = server.seen.at(-1)?.query;
    expect([query?.get('allowWatchBookmarks'), query?.get('timeoutSeconds')]).toEqual(['true', '25']);
    const seen: number[] = [];
    const stop = new AbortController();
    const client = {
      listPage: () => Promise.resolve({ items: [], resourceVersion: '5', continueToken: undefined }),
      watchLines: (_resource: unknown, { idleMs }: { idleMs: number }) => {
        seen.push(idleMs);
        stop.abort();
        return new EventBuffer<string>(stop.signal);
      },
    };
    const dependencies = {
      client,
      clock: systemClock,
      sleep: () => Promise.resolve(),
      random: () => 0,
      log: silentLogger,
    };
    await Array.fromAsync(watch(widgetResource, { signal: stop.signal }, dependencies));
    expect(seen).toEqual([30_000]);
  });
});
