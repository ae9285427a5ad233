import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KubeClient } from '../../src/kube/kube-client.ts';
import { KubeClusterApi } from '../../src/kube/kube-cluster-api.ts';
import { isAlreadyExists, isConflict, isExpired, isNotFound, KubeError } from '../../src/kube/kube-error.ts';
import { createTransport, type KubeTransport } from '../../src/kube/transport.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { FakeApiServer, sendJson, sendList, sendStatus } from '../support/fake-api-server.ts';
import { widget, widgetResource } from '../support/widget.ts';

const { signal } = new AbortController();
const ref = { namespace: 'default', name: 'w' };
let server: FakeApiServer;
let transport: KubeTransport;
let client: KubeClient;

beforeEach(async () => {
  server = await FakeApiServer.start((_request, response) => sendJson(response, 200, widget('w')));
  transport = createTransport({ server: server.url, tls: {} });
  client = new KubeClient(transport);
});
afterEach(async () => {
  transport.close();
  await server.stop();
});

describe('list', () => {
  test('collects all pages and gives items their kind', async () => {
    server.answer(({ query }, response) => {
      const { apiVersion: _apiVersion, kind: _kind, ...item } = widget(query.get('continue') ?? 'first');
      sendList(response, '5', [item], query.get('continue') === null ? 'second' : undefined);
    });
    const items = await client.list(widgetResource, { labelSelector: 'a=b', signal });
    expect(items.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual(['Widget first', 'Widget second']);
    expect(server.seen.map(({ query }) => query.toString())).toEqual([
      'labelSelector=a%3Db&limit=500',
      'labelSelector=a%3Db&limit=500&continue=second',
    ]);
  });

  test('whose continue token expires is asked for in one go', async () => {
    server.answer(({ query }, response) => {
      if (query.has('continue')) return sendStatus(response, 410, 'Expired', 'too old');
      sendList(response, '5', [widget('a'), widget('b')], query.has('limit') ? 'more' : undefined);
    });
    expect(await client.list(widgetResource, { signal })).toHaveLength(2);
    expect(server.seen.at(-1)?.query.has('limit')).toBe(false);
  });
});

test('writes say what they are', async () => {
  const options = { fieldManager: 'me', signal };
  await client.create(widgetResource, { metadata: ref, spec: {} }, { signal });
  await client.update(widgetResource, widget('w'), { signal });
  await client.apply(widgetResource, { metadata: ref }, options);
  await client.apply(widgetResource, { metadata: ref }, { ...options, force: false, subresource: 'status' });
  await client.patch(widgetResource, ref, { type: 'merge', value: {} }, { signal });
  await client.patch(widgetResource, ref, { type: 'json', value: [] }, { signal });
  await client.delete(widgetResource, ref, { uid: 'u', signal });
  const path = '/apis/test.kaap.dev/v1/namespaces/default/widgets';
  const seen = server.seen.map(({ method, path: to, query, headers }) => [
    method,
    to,
    query.toString(),
    headers['content-type'],
  ]);
  expect(seen).toEqual([
    ['POST', path, '', 'application/json'],
    ['PUT', `${path}/w`, '', 'application/json'],
    ['PATCH', `${path}/w`, 'fieldManager=me&force=true', 'application/apply-patch+yaml'],
    ['PATCH', `${path}/w/status`, 'fieldManager=me&force=false', 'application/apply-patch+yaml'],
    ['PATCH', `${path}/w`, '', 'application/merge-patch+json'],
    ['PATCH', `${path}/w`, '', 'application/json-patch+json'],
    ['DELETE', `${path}/w`, '', 'application/json'],
  ]);
  expect(JSON.parse(server.seen.at(-1)?.body ?? '')).toMatchObject({ preconditions: { uid: 'u' } });
  expect(JSON.parse(server.seen[2]?.body ?? '')).toMatchObject({ apiVersion: 'test.kaap.dev/v1', kind: 'Widget' });
});

const error = (status: number, reason: string): KubeError => new KubeError(status, reason, '');

test('errors of the API server are told apart', () => {
  expect(isNotFound(error(404, 'NotFound'))).toBe(true);
  expect(isConflict(error(409, 'Conflict'))).toBe(true);
  expect(isConflict(error(409, 'AlreadyExists'))).toBe(false);
  expect(isAlreadyExists(error(409, 'AlreadyExists'))).toBe(true);
  expect(isExpired(error(410, 'Expired'))).toBe(true);
  expect(isExpired(new Error('410'))).toBe(false);
});

describe('an event', () => {
  const event = {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name: 'e', namespace: 'default' },
    eventTime: '',
    reportingController: 'c',
    reportingInstance: 'i',
    action: 'A',
    reason: 'R',
    type: 'Normal' as const,
    regarding: { apiVersion: 'v1', kind: 'K', name: 'n' },
    note: '',
  };
  const series = { count: 2, lastObservedTime: '' };

  test('that is new is created, a series is patched, an expired one written anew', async () => {
    const api = new KubeClusterApi({ transport, log: silentLogger });
    await api.emitEvent(event, { signal });
    await api.emitEvent({ ...event, series }, { signal });
    server.answer(({ method }, response) => {
      if (method === 'PATCH') return sendStatus(response, 404, 'NotFound', 'gone');
      sendStatus(response, 409, 'AlreadyExists', 'there');
    });
    await api.emitEvent({ ...event, series }, { signal });
    expect(server.seen.map(({ method }) => method)).toEqual(['POST', 'PATCH', 'PATCH', 'POST']);
  });
});

describe('a status for one incarnation', () => {
  test('is conditional on what was read', async () => {
    const api = new KubeClusterApi({ transport, log: silentLogger });
    await api.applyStatus(widgetResource, { ...ref, uid: 'uid-w' }, { phase: 'x' }, { fieldManager: 'm', signal });
    expect(JSON.parse(server.seen.at(-1)?.body ?? '')).toMatchObject({ metadata: { resourceVersion: '1' } });
  });

  test('is not sent to another', async () => {
    const api = new KubeClusterApi({ transport, log: silentLogger });
    const late = api.applyStatus(widgetResource, { ...ref, uid: 'old' }, { phase: 'x' }, { fieldManager: 'm', signal });
    await expect(late).rejects.toMatchObject({ status: 409, reason: 'Conflict' });
    expect(server.seen).toHaveLength(1);
  });
});
