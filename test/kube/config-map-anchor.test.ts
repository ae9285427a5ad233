import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Checkpoint } from '../../src/crypto/record-chain.ts';
import { openConfigMapAnchor, readConfigMapAnchor } from '../../src/kube/config-map-anchor.ts';
import { KubeClient } from '../../src/kube/kube-client.ts';
import { createTransport, type KubeTransport } from '../../src/kube/transport.ts';
import { silentLogger } from '../../src/lib/log.ts';
import type { AuditAnchor } from '../../src/ports/audit-anchor.ts';
import { FakeApiServer, sendJson, sendStatus } from '../support/fake-api-server.ts';

const at = { namespace: 'kaap', name: 'kaap-audit-anchor', key: 'kaap-kms-0' };
const checkpoint = (seq: number): Checkpoint => ({ seq, hash: 'ab'.repeat(32), signature: 'AAAA' });

let data: Record<string, string>;
let server: FakeApiServer;
let transport: KubeTransport;
let client: KubeClient;

// Keeps the data of the one ConfigMap, as the API server does with a merge patch.
beforeEach(async () => {
  data = {};
  server = await FakeApiServer.start(({ method, body }, response) => {
    if (method === 'PATCH') Object.assign(data, (JSON.parse(body) as { data: Record<string, string> }).data);
    sendJson(response, 200, { metadata: { name: at.name }, data });
  });
  transport = createTransport({ server: server.url, tls: {} });
  client = new KubeClient(transport);
});
afterEach(async () => {
  transport.close();
  await server.stop();
});

const open = (): Promise<AuditAnchor> => openConfigMapAnchor({ ...at, client, log: silentLogger, intervalMs: 5 });
const patches = (): number => server.seen.filter(({ method }) => method === 'PATCH').length;

describe('the anchor in a ConfigMap', () => {
  test('H1: keeps the last of many checkpoints under the name of the replica, beside those of others', async () => {
    data['kaap-kms-1'] = JSON.stringify(checkpoint(77));
    const anchor = await open();
    expect(anchor.last).toBeUndefined();
    for (let seq = 1; seq <= 100; seq += 1) anchor.anchor(checkpoint(seq));
    await anchor.flush();
    expect(patches()).toBeLessThan(4);
    expect(await readConfigMapAnchor(client, at)).toEqual(checkpoint(100));
    expect(await readConfigMapAnchor(client, { ...at, key: 'kaap-kms-1' })).toEqual(checkpoint(77));
    expect((await open()).last).toEqual(checkpoint(100));
    const { path, headers } = server.seen.find(({ method }) => method === 'PATCH') ?? { path: '', headers: {} };
    expect(path).toBe('/api/v1/namespaces/kaap/configmaps/kaap-audit-anchor');
    expect(headers['content-type']).toBe('application/merge-patch+json');
  });

  test('is written again until the API server takes it, and says meanwhile that it is not', async () => {
    const anchor = await open();
    server.answer((_request, response) => sendStatus(response, 500, 'InternalError', 'etcd is away'));
    anchor.anchor(checkpoint(5));
    await expect.poll(() => anchor.healthy).toBe(false);
    await expect.poll(patches).toBeGreaterThan(2);
    server.answer(({ body }, response) => {
      Object.assign(data, (JSON.parse(body) as { data: Record<string, string> }).data);
      sendJson(response, 200, { metadata: { name: at.name }, data });
    });
    await expect.poll(() => anchor.healthy).toBe(true);
    expect(JSON.parse(data[at.key] ?? '')).toEqual(checkpoint(5));
  });

  test('fails at the end when the last checkpoint cannot be written', async () => {
    const anchor = await open();
    server.answer((_request, response) => sendStatus(response, 403, 'Forbidden', 'no'));
    anchor.anchor(checkpoint(5));
    await expect(anchor.flush()).rejects.toThrow('no');
  });

  test('H1: is not opened when it cannot be read, is not there, or holds something else', async () => {
    data[at.key] = '{"seq":-1}';
    await expect(open()).rejects.toThrow('holds no checkpoint under kaap-kms-0');
    server.answer((_request, response) => sendStatus(response, 404, 'NotFound', 'not found'));
    await expect(open()).rejects.toThrow('There is no ConfigMap kaap/kaap-audit-anchor');
    server.answer((_request, response) => sendStatus(response, 403, 'Forbidden', 'forbidden'));
    await expect(open()).rejects.toThrow('forbidden');
  });
});
