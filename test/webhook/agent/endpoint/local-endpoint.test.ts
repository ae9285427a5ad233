import { readFileSync, statSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { KmsClientError } from '../../../../src/client/kms-client-error.ts';
import type { AgentBinding, AgentConfig, AgentSource } from '../../../../webhook/agent/agent-config.ts';
import {
  startLocalEndpoint,
  type EndpointFactory,
  type RunningEndpoint,
} from '../../../../webhook/agent/endpoint/local-endpoint.ts';
import { readerOf } from '../../../../webhook/agent/kms-reader.ts';
import { runAgent } from '../../../../webhook/agent/run-agent.ts';
import type { SecretReader } from '../../../../webhook/agent/source-value.ts';
import { startTestServer, type TestServer } from '../../../support/kms-server.ts';
import { ManualClock } from '../../../../src/lib/clock.ts';
import { aFolder, aLog, anAgentBinding, anAgentConfig, aReader } from '../../support/agent.ts';

type Read = (source: AgentSource) => string | Buffer | Error;
type Form = NonNullable<AgentConfig['localEndpoint']>['responseType'];

interface Scene {
  /** A real HTTP request to the endpoint, with the token unless headers are given. */
  get: (target: string, headers?: Record<string, string>) => Promise<{ status: number; body: unknown }>;
  clock: ManualClock;
  endpoint: RunningEndpoint;
  token: string;
  log: ReturnType<typeof aLog>;
}

const shop = anAgentBinding({
  sources: [
    { name: 'db', secretName: 'shop/db' },
    { name: 'old', secretName: 'shop/fixed', versionId: 'v1' },
    { name: 'cipher', ciphertextBlob: 'AAAA' },
  ],
});

async function open(
  reader: SecretReader,
  responseType: Form = 'KMS',
  bindings: AgentBinding[] = [shop],
  outageSeconds?: number,
): Promise<Scene> {
  const folder = aFolder();
  const file = join(folder, 'endpoint', 'a', 'token');
  const [clock, log, end] = [new ManualClock(), aLog(), new AbortController()];
  const configured = { port: 0, responseType, cacheSeconds: 300, tokens: [{ file, bindings: ['db'] }] };
  const live = bindings.map((binding) => ({ binding, reader }));
  const outage = outageSeconds === undefined ? {} : { outageSeconds };
  const account = { region: 'local', accountId: '1000000000000000', ...outage };
  const endpoint = await startLocalEndpoint(configured, account, live, { log, clock, signal: end.signal });
  onTestFinished(() => endpoint.close());
  const token = readFileSync(file, 'utf8');
  return {
    clock,
    log,
    endpoint,
    token,
    get: async (target, headers = { 'X-KMS-Token': token }) => {
      const response = await fetch(`http://127.0.0.1:${endpoint.port}${target}`, { headers });
      return { status: response.status, body: await response.json() };
    },
  };
}

const down = (): Error =>
  new KmsClientError({ code: 'ConnectionFailed', message: 'no answer', httpStatus: 0, retryable: true });
const denied = (): Error =>
  new KmsClientError({ code: 'Forbidden.NoPermission', message: 'not yours', httpStatus: 403, retryable: false });

describe('the local endpoint, in front of a real KMS', () => {
  let kms: TestServer;
  beforeAll(async () => {
    kms = await startTestServer();
    await kms.client.createSecret({ SecretName: 'shop/db', SecretData: '{"user":"u","n":1}', VersionId: 'v1' });
    await kms.client.createSecret({
      SecretName: 'shop/fixed',
      SecretData: 'AP8=',
      SecretDataType: 'binary',
      VersionId: 'v1',
    });
  });
  afterAll(() => kms.close());

  test.each(['/v1/shop/db', '/v1/shop%2Fdb', '/secretsmanager/get?secretId=shop/db'])(
    'answers %s as KMS answers GetSecretValue',
    async (target) => {
      const { get } = await open(readerOf(kms.client));
      const { status, body } = await get(target);
      expect(status).toBe(200);
      expect(body).toMatchObject({
        SecretName: 'shop/db',
        SecretData: '{"user":"u","n":1}',
        VersionId: 'v1',
        VersionStages: { VersionStage: ['ACSCurrent'] },
      });
    },
  );

  test('takes an ARN for a name, and the other header for the token', async () => {
    const { get, token } = await open(readerOf(kms.client));
    const arn = encodeURIComponent('acs:kms:local:1000000000000000:secret/shop/db');
    expect((await get(`/secretsmanager/get?secretId=${arn}`, { 'X-Vault-Token': token })).status).toBe(200);
  });

  test('gives the version and the stage that a program names, in the words of its form', async () => {
    await kms.client.putSecretValue({ SecretName: 'shop/db', SecretData: 'second', VersionId: 'v2' });
    const { get } = await open(readerOf(kms.client), 'SecretsManager');
    expect((await get('/v1/shop/db')).body).toMatchObject({
      ARN: 'acs:kms:local:1000000000000000:secret/shop/db',
      Name: 'shop/db',
      SecretString: 'second',
      VersionStages: ['AWSCURRENT'],
    });
    expect((await get('/v1/shop/db?versionStage=AWSPREVIOUS')).body).toMatchObject({ VersionId: 'v1' });
    expect((await get('/v1/shop/db?versionId=v1')).body).toMatchObject({ SecretString: '{"user":"u","n":1}' });
    expect((await get('/v1/shop/fixed')).body).toMatchObject({ SecretBinary: 'AP8=' });
  });

  test('gives fields in the form of Vault, and text that is no object as the field value', async () => {
    const { get } = await open(readerOf(kms.client), 'VaultKV');
    expect((await get('/v1/shop/db?versionId=v1')).body).toMatchObject({
      data: { data: { user: 'u', n: 1 }, metadata: { custom_metadata: { version_id: 'v1' }, destroyed: false } },
    });
    expect((await get('/v1/shop/db?versionId=v2')).body).toMatchObject({ data: { data: { value: 'second' } } });
  });

  test('passes on what KMS refuses, with its code', async () => {
    const { get } = await open(readerOf(kms.client));
    const { status, body } = await get('/v1/shop/db?versionId=none');
    expect([status, body]).toEqual([
      404,
      { Code: 'Forbidden.ResourceNotFound', Message: expect.any(String) as string },
    ]);
  });
});

describe('the local endpoint gives nothing', () => {
  test.each([
    ['without a token', {}],
    ['with a wrong token', { 'X-KMS-Token': 'x'.repeat(43) }],
    ['with an empty token', { 'X-KMS-Token': '' }],
  ])('%s, and does not ask KMS', async (_, headers) => {
    const read = vi.fn<Read>(() => 'canary');
    const { get } = await open(aReader(read));
    const { status, body } = await get('/v1/shop/db', { ...headers });
    expect([status, (body as { Code: string }).Code]).toEqual([403, 'InvalidToken']);
    expect(read).not.toHaveBeenCalled();
  });

  test('to a request that a proxy has passed on, though it has the token', async () => {
    const { get, token } = await open(aReader(() => 'canary'));
    expect((await get('/v1/shop/db', { 'X-KMS-Token': token, 'X-Forwarded-For': '10.0.0.1' })).status).toBe(403);
  });

  test.each(['/v1/shop/other', '/v1/pay/db', '/v1/shop/db/', '/v1/Shop/db', '/v1/shop/fixed?versionId=v2'])(
    'for %s, which is no source of the bindings of the token',
    async (target) => {
      const read = vi.fn<Read>(() => 'canary');
      const others = [shop, anAgentBinding({ name: 'other', sources: [{ name: 'o', secretName: 'shop/other' }] })];
      const { get } = await open(aReader(read), 'KMS', others);
      expect((await get(target)).status).toBe(404);
      expect(read).not.toHaveBeenCalled();
    },
  );

  test.each([
    ['/', 404],
    ['/v1/', 400],
    ['/v1/%zz', 400],
    ['/secretsmanager/get', 400],
    ['/metrics', 404],
  ])('for %s', async (target, status) => {
    const { get } = await open(aReader(() => 'canary'));
    expect((await get(target)).status).toBe(status);
  });

  test('to another method than GET', async () => {
    const { endpoint, token } = await open(aReader(() => 'canary'));
    const headers = { 'X-KMS-Token': token };
    const response = await fetch(`http://127.0.0.1:${endpoint.port}/v1/shop/db`, { method: 'POST', headers });
    expect(response.status).toBe(405);
  });

  test('on any address but the loopback one', async () => {
    const { endpoint } = await open(aReader(() => 'canary'));
    // All of 127.0.0.0/8 is this host: a server on every address would answer here.
    const other = createConnection({ host: '127.0.0.2', port: endpoint.port });
    const [error] = (await once(other, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNREFUSED');
  });
});

describe('the memory of the local endpoint', () => {
  test('spares KMS the next requests until they are too old, or the program wants it anew', async () => {
    let version = 0;
    const read = vi.fn<Read>(() => `value-${++version}`);
    const { get, clock } = await open(aReader(read));
    const ask = async (more = ''): Promise<string> =>
      ((await get(`/v1/shop/db${more}`)).body as { SecretData: string }).SecretData;
    expect([await ask(), await ask()]).toEqual(['value-1', 'value-1']);
    clock.advance(300_001);
    expect(await ask()).toBe('value-2');
    expect(await ask('?refreshNow=true')).toBe('value-3');
    expect(await ask()).toBe('value-3');
    expect(read).toHaveBeenCalledTimes(3);
  });

  test('asks KMS once for all who ask at one time', async () => {
    const read = vi.fn<Read>(() => 'one');
    const { get } = await open(aReader(read));
    await Promise.all(Array.from({ length: 20 }, () => get('/v1/shop/db')));
    expect(read).toHaveBeenCalledOnce();
  });

  test.each([
    ['as old as cacheSeconds without spec.outage', undefined, 299_000, 300_001],
    ['as old as cacheSeconds where spec.outage allows less', 60, 299_000, 300_001],
    ['as old as spec.outage where that allows more', 600, 599_000, 600_001],
  ])('gives answers %s while KMS is away, and no older ones', async (_, outageSeconds, allowedMs, tooOldMs) => {
    let answer: string | Error = 'good';
    const { get, clock, endpoint } = await open(
      aReader(() => answer),
      'KMS',
      [shop],
      outageSeconds,
    );
    await get('/v1/shop/db');
    answer = down();
    endpoint.expire('db');
    clock.advance(allowedMs);
    expect(await get('/v1/shop/db')).toMatchObject({ status: 200, body: { SecretData: 'good' } });
    clock.advance(tooOldMs - allowedMs);
    expect((await get('/v1/shop/db')).status).toBe(503);
  });

  test('holds nothing of a binding that KMS has refused, even while KMS is away', async () => {
    let answer: string | Error = 'good';
    const { get, endpoint } = await open(
      aReader(() => answer),
      'KMS',
      [shop],
      600,
    );
    await get('/v1/shop/db');
    answer = down();
    endpoint.forget('other');
    endpoint.expire('db');
    expect((await get('/v1/shop/db')).status).toBe(200);
    endpoint.forget('db');
    expect((await get('/v1/shop/db')).status).toBe(503);
  });

  test('keeps a good value while KMS is away, and nothing once KMS has refused', async () => {
    let answer: string | Error = 'good';
    const { get, clock } = await open(
      aReader(() => answer),
      'KMS',
      [shop],
      3600,
    );
    await get('/v1/shop/db');
    for (const [next, status] of [
      [down(), 200],
      [denied(), 403],
      [down(), 503],
    ] as const) {
      answer = next;
      clock.advance(300_001);
      const { status: got, body } = await get('/v1/shop/db');
      expect(got).toBe(status);
      if (status === 200) expect(body).toMatchObject({ SecretData: 'good' });
      else expect(JSON.stringify(body)).not.toContain('good');
    }
  });

  test('is full before programs ask, and asks again for a binding whose secrets may have changed', async () => {
    let answer: string | Error = 'first';
    const read = vi.fn<Read>(() => answer);
    const { get, endpoint } = await open(aReader(read));
    await endpoint.warm();
    expect(read).toHaveBeenCalledTimes(2);
    answer = down();
    expect((await get('/v1/shop/db')).body).toMatchObject({ SecretData: 'first' });
    answer = 'second';
    endpoint.expire('db');
    expect((await get('/v1/shop/db')).body).toMatchObject({ SecretData: 'second' });
  });
});

describe('the local endpoint', () => {
  test('tells its health without a token, and no more', async () => {
    const { get } = await open(aReader(() => 'canary'));
    expect(await get('/ping', {})).toEqual({ status: 200, body: 'healthy' });
  });

  test('cuts a client that does not finish its request, and refuses headers that have no end', async () => {
    const { endpoint } = await open(aReader(() => 'canary'));
    const slow = createConnection({ host: '127.0.0.1', port: endpoint.port });
    slow.write('GET /v1/shop/db HTTP/1.1\r\nX-KMS-');
    const flood = createConnection({ host: '127.0.0.1', port: endpoint.port });
    flood.on('error', () => undefined);
    flood.write(`GET / HTTP/1.1\r\nX: ${'a'.repeat(9000)}\r\n`);
    const texts = await Promise.all([slow, flood].map(async (socket) => (await socket.toArray()).join('')));
    expect(texts[0]).toMatch(/^HTTP\/1.1 408/);
    expect(texts[1]).toMatch(/^HTTP\/1.1 431/);
  }, 20_000);

  test('never logs a value or a token', async () => {
    const { get, log, token } = await open(aReader(() => denied()));
    await get('/v1/shop/db');
    await get('/v1/shop/db', { 'X-KMS-Token': 'wrong-token' });
    expect(log.lines).toHaveLength(2);
    expect(log.lines.join('\n')).not.toMatch(new RegExp(`${token}|wrong-token`));
  });

  test('keeps the token of an earlier agent of the pod, in a file for its group', async () => {
    const folder = aFolder();
    const config = { ...anAgentConfig(folder), localEndpoint: endpointIn(folder) };
    const tokens: string[] = [];
    for (let start = 0; start < 2; start += 1) {
      const stop = new AbortController();
      const done = runAgent(config, options(stop));
      await vi.waitFor(() => expect(statSync(config.readyFile).isFile()).toBe(true));
      tokens.push(readFileSync(endpointFile(folder), 'utf8'));
      stop.abort();
      await done;
    }
    expect(tokens[0]).toBe(tokens[1]);
    expect(statSync(endpointFile(folder)).mode & 0o777).toBe(0o440);
  });

  test('ends the agent with what to do when its port is taken', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    onTestFinished(() => void taken.close());
    const folder = aFolder();
    const { port } = taken.address() as { port: number };
    const config = { ...anAgentConfig(folder), localEndpoint: { ...endpointIn(folder), port } };
    await expect(runAgent(config, options(new AbortController()))).rejects.toThrow(/set spec\.localEndpoint\.port/);
  });

  test('gives the new value after a look has found one, and stays when there is nothing to refresh', async () => {
    const folder = aFolder();
    let answer = '{"password":"one"}';
    let port = 0;
    const endpoint: EndpointFactory = async (...configured) => {
      const started = await startLocalEndpoint(...configured);
      ({ port } = started);
      return started;
    };
    const config = anAgentConfig(folder, [{ ...anAgentBinding(), refreshSeconds: 0.02 }]);
    const stop = new AbortController();
    const readers = (): SecretReader => aReader(() => answer);
    const done = runAgent({ ...config, localEndpoint: endpointIn(folder) }, { ...options(stop), endpoint, readers });
    const ask = async (): Promise<unknown> => {
      const headers = { 'X-KMS-Token': readFileSync(endpointFile(folder), 'utf8') };
      const response = await fetch(`http://127.0.0.1:${port}/v1/shop/db`, { headers });
      return ((await response.json()) as { SecretData: string }).SecretData;
    };
    await vi.waitFor(async () => expect(await ask()).toBe(answer));
    answer = '{"password":"two"}';
    await vi.waitFor(async () => expect(await ask()).toBe(answer));
    stop.abort();
    await done;
    await expect(ask()).rejects.toThrow();
  });
});

const endpointFile = (folder: string): string => join(folder, 'endpoint', 'a', 'token');

function endpointIn(folder: string): NonNullable<AgentConfig['localEndpoint']> {
  return {
    port: 0,
    responseType: 'KMS',
    cacheSeconds: 300,
    tokens: [{ file: endpointFile(folder), bindings: ['db'] }],
  };
}

function options(stop: AbortController): Parameters<typeof runAgent>[1] {
  const readers = (): SecretReader => aReader(() => '{"password":"s3cret"}');
  onTestFinished(() => stop.abort());
  return {
    signal: stop.signal,
    log: aLog(),
    readers,
    endpoint: startLocalEndpoint,
    random: () => 0,
    patienceMs: 0,
    settleMs: 0,
  };
}
