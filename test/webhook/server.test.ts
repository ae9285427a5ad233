import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { createWebhookHandler, maxReviewBytes } from '../../webhook/server.ts';
import { aBinding, aContext, aPod, installation } from './support/fixtures.ts';

interface Answer {
  response: {
    uid: string;
    allowed: boolean;
    patch?: string;
    patchType?: string;
    warnings?: string[];
    status?: { code: number; message: string };
  };
}

let synced = true;
let broken = false;
let server: Server;

beforeAll(async () => {
  const directory = {
    bindingsIn: (namespace: string) => {
      if (broken) throw new Error('broken');
      return namespace === 'shop' ? [aBinding()] : [];
    },
    accessPoints: aContext().accessPoints,
    hasSynced: () => synced,
  };
  const metrics = { count: () => undefined, observe: () => undefined };
  const handler = createWebhookHandler({
    directory,
    installation: () => installation,
    metrics,
    clock: systemClock,
    log: silentLogger,
  });
  server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

function post(body: string, path = '/mutate'): Promise<Response> {
  const { port } = server.address() as AddressInfo;
  return fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', body });
}

/** Sends the beginning of a request that never ends, and gives the first that comes back. */
function sendUntilAnswered(header: string, body: string): Promise<string> {
  const { port } = server.address() as AddressInfo;
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(`POST /mutate HTTP/1.1\r\nhost: x\r\n${header}\r\n\r\n${body}`);
    });
    socket.setTimeout(5000, () => socket.destroy(new Error('no answer')));
    socket.once('error', reject);
    socket.once('data', (data) => {
      resolve(data.toString('utf8'));
      socket.destroy();
    });
  });
}

function aReview(request: Record<string, unknown> = {}): string {
  return JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: 'u-1',
      kind: { group: '', version: 'v1', kind: 'Pod' },
      resource: { group: '', version: 'v1', resource: 'pods' },
      namespace: 'shop',
      operation: 'CREATE',
      object: aPod(),
      ...request,
    },
  });
}

async function ask(request: Record<string, unknown> = {}): Promise<Answer['response']> {
  const response = await post(aReview(request));
  expect(response.status).toBe(200);
  return ((await response.json()) as Answer).response;
}

describe('a review', () => {
  test('is answered with a JSON patch for the uid that was asked', async () => {
    const answer = await ask();
    expect(answer).toMatchObject({ uid: 'u-1', allowed: true, patchType: 'JSONPatch' });
    const patch = JSON.parse(Buffer.from(answer.patch ?? '', 'base64').toString()) as { path: string }[];
    expect(patch.map(({ path }) => path)).toContain('/spec/initContainers');
  });

  test('A13: of a dry run is answered with the same patch', async () => {
    expect(await ask({ dryRun: true })).toEqual(await ask());
  });

  test('of a pod that cannot be injected is a denial with the reason', async () => {
    const answer = await ask({ object: aPod({ serviceAccountName: 'api' }) });
    expect(answer).toMatchObject({ allowed: false, status: { code: 403 } });
    expect(answer.status?.message).toMatch(/^kaap: The access point shop does not list/);
  });

  test('sees bindings of the namespace of the request, whatever the pod says', async () => {
    const answer = await ask({ namespace: 'other', object: aPod({}, { namespace: 'shop' }) });
    expect(answer.status?.message).toContain('no SecretBinding in the namespace other');
  });

  test.each([
    ['an update', { operation: 'UPDATE' }],
    ['an ephemeral container', { operation: 'UPDATE', subResource: 'ephemeralcontainers' }],
    ['another kind', { kind: { group: 'apps', version: 'v1', kind: 'Deployment' }, object: {} }],
  ])('A3: of %s passes untouched', async (_, request) => {
    expect(await ask(request)).toEqual({ uid: 'u-1', allowed: true });
  });

  test('before the first listing is a denial that asks to try again', async () => {
    synced = false;
    const answer = await ask();
    synced = true;
    expect(answer).toMatchObject({ allowed: false, status: { code: 503 } });
    expect(answer.status?.message).toContain('Try again');
  });

  test('that fails inside is a denial, not a pod without secrets', async () => {
    broken = true;
    const answer = await ask();
    broken = false;
    expect(answer).toMatchObject({ allowed: false, status: { code: 500 } });
    expect(answer.status?.message).not.toContain('broken');
  });
});

describe('A6: bounds', () => {
  test('a body over 3 MiB is refused, with its length given or not', async () => {
    expect(await sendUntilAnswered(`content-length: ${maxReviewBytes + 1}`, '')).toContain(' 413 ');
    const chunk = `100000\r\n${'x'.repeat(0x100000)}\r\n`;
    expect(await sendUntilAnswered('transfer-encoding: chunked', chunk.repeat(4))).toContain(' 413 ');
  });

  test('deep nesting is refused before anything is built of it, in strings it does not count', async () => {
    const started = performance.now();
    expect((await post('['.repeat(1_500_000))).status).toBe(400);
    expect(performance.now() - started).toBeLessThan(2000);
    const object = aPod({}, { annotations: { note: `"\\${'{['.repeat(1000)}` } });
    expect((await ask({ object })).allowed).toBe(true);
  });

  const names = Array.from({ length: 100_000 }, (_, index) => ({ name: `c${index}` }));
  const texts = Object.fromEntries(names.map(({ name }) => [name, '']));

  test.each([
    ['100,000 containers', aPod({ containers: names }), 'more than 500 containers'],
    ['100,000 init containers', aPod({ initContainers: names }), 'more than 500 containers'],
    ['100,000 volumes', aPod({ volumes: names }), undefined],
    ['100,000 variables', aPod({ containers: [{ name: 'app', env: names }] }), undefined],
    [
      '60,000 mounts',
      aPod({
        containers: [
          { name: 'app', volumeMounts: names.slice(0, 60_000).map(({ name }) => ({ name, mountPath: name })) },
        ],
      }),
      undefined,
    ],
    ['100,000 annotations', aPod({}, { annotations: texts }), undefined],
    ['100,000 labels', aPod({}, { labels: texts }), undefined],
  ])('a pod of %s is answered in bounded time and memory', async (_, object, refusal) => {
    const [started, resident] = [performance.now(), process.memoryUsage.rss()];
    const answer = await ask({ object });
    if (refusal === undefined) expect(answer.allowed).toBe(true);
    else expect(answer.status?.message).toContain(refusal);
    expect(performance.now() - started).toBeLessThan(2000);
    expect(process.memoryUsage.rss() - resident).toBeLessThan(256 * 2 ** 20);
  });

  test.each(['', 'x', 'null', '[]', '{}', '{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}'])(
    'the body %j is no review and answered with 400',
    async (body) => {
      expect((await post(body)).status).toBe(400);
    },
  );

  test.each([
    ['no uid', { uid: '' }],
    ['no pod', { object: null }],
    ['a pod without spec', { object: { metadata: {} } }],
    ['containers that are no list', { object: { metadata: {}, spec: { containers: {} } } }],
    ['a container that is no object', { object: { metadata: {}, spec: { containers: [1] } } }],
  ])('a request with %s is answered with 400', async (_, request) => {
    expect((await post(aReview(request))).status).toBe(400);
  });

  test('other paths and methods are not there', async () => {
    const { port } = server.address() as AddressInfo;
    expect((await post(aReview(), '/')).status).toBe(404);
    expect((await fetch(`http://127.0.0.1:${port}/mutate`)).status).toBe(405);
  });
});
