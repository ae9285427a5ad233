import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fileToken } from '../../src/kube/token-source.ts';
import {
  createTransport,
  type KubeRequest,
  type KubeTransport,
  type TransportOptions,
} from '../../src/kube/transport.ts';
import { ManualClock } from '../../src/lib/clock.ts';
import { FakeApiServer, sendJson, sendStatus } from '../support/fake-api-server.ts';

let server: FakeApiServer;
let transport: KubeTransport;
const naps: number[] = [];
const stop = new AbortController();
const canary = 'canary-5f2e';

const sleep = (ms: number): Promise<void> => Promise.resolve(void naps.push(ms));

function connect(options: TransportOptions = {}): KubeTransport {
  const token = { token: (refresh: boolean) => Promise.resolve(refresh ? 'fresh' : canary) };
  return createTransport({ server: server.url, tls: {}, token }, { sleep, ...options });
}

function get(path: string, fields: Partial<KubeRequest> = {}): Promise<unknown> {
  return transport.request({ method: 'GET', path, signal: stop.signal, ...fields });
}

async function linesFrom(fields: Partial<KubeRequest> = {}): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of transport.stream({ method: 'GET', path: '/w', signal: stop.signal, ...fields }))
    lines.push(line);
  return lines;
}

beforeEach(async () => {
  naps.length = 0;
  server = await FakeApiServer.start((_request, response) => sendJson(response, 200, { ok: true }));
  transport = connect();
});

afterEach(async () => {
  transport.close();
  await server.stop();
});

describe('a request', () => {
  test('carries the token, the query and a JSON body', async () => {
    await get('/a', { method: 'POST', body: { x: 1 }, query: { a: 'b c', none: undefined, yes: true } });
    const [seen] = server.seen;
    expect(seen?.headers.authorization).toBe(`Bearer ${canary}`);
    expect(seen?.headers['content-type']).toBe('application/json');
    expect([seen?.query.toString(), seen?.body]).toEqual(['a=b+c&yes=true', '{"x":1}']);
  });

  test('uses a connection that is open already', async () => {
    for (let call = 0; call < 20; call += 1) await get('/a');
    expect(server.connections).toBe(1);
  });

  test('is repeated when the kept connection had been closed', async () => {
    await get('/a');
    let cut = false;
    server.answer((_request, response) => {
      if (cut) return sendJson(response, 200, { ok: true });
      cut = true;
      response.destroy();
    });
    expect(await get('/a')).toEqual({ ok: true });
  });

  test('that creates is not repeated on a broken connection', async () => {
    await get('/a');
    server.answer((_request, response) => void response.destroy());
    await expect(get('/a', { method: 'POST', body: {} })).rejects.toThrow('POST /a');
    expect(server.seen).toHaveLength(2);
  });

  test('ends with its signal, for the signal’s reason', async () => {
    server.answer(() => undefined);
    const own = new AbortController();
    const pending = get('/a', { signal: own.signal });
    setTimeout(() => own.abort(new Error('shutting down')), 20);
    await expect(pending).rejects.toThrow('shutting down');
  });

  test('ends with its timeout, also when the answer stalls halfway', async () => {
    server.answer((_request, response) => void response.write('{"half":'));
    await expect(get('/a', { timeoutMs: 50 })).rejects.toThrow('GET /a: no answer within 50 ms');
  });

  test('whose answer is too long is given up', async () => {
    transport.close();
    transport = connect({ maxBodyBytes: 1000 });
    server.answer((_request, response) => sendJson(response, 200, { long: 'x'.repeat(2000) }));
    await expect(get('/a')).rejects.toThrow('more than 1000 bytes');
  });

  test('reads the server version, also of vendors who add a plus', async () => {
    server.answer((_request, response) =>
      sendJson(response, 200, { major: '1', minor: '36+', gitVersion: 'v1.36.3-x' }),
    );
    expect(await transport.serverVersion({ signal: stop.signal })).toEqual({
      major: 1,
      minor: 36,
      gitVersion: 'v1.36.3-x',
    });
  });
});

describe('patience', () => {
  test.each([429, 503])('%i with Retry-After is asked again after that time', async (status) => {
    let failures = 2;
    server.answer((_request, response) => {
      if (failures === 0) return sendJson(response, 200, { ok: true });
      failures -= 1;
      sendStatus(response, status, 'TooManyRequests', 'slow down', { 'retry-after': '3' });
    });
    expect(await get('/a')).toEqual({ ok: true });
    expect(naps).toEqual([3000, 3000]);
  });

  test('has an end', async () => {
    server.answer((_request, response) => sendStatus(response, 429, 'TooManyRequests', 'no', { 'retry-after': '1' }));
    await expect(get('/a')).rejects.toMatchObject({ status: 429, reason: 'TooManyRequests', retryAfterSeconds: 1 });
    expect(server.seen).toHaveLength(5);
  });

  test('is not asked for without Retry-After, nor for a long one', async () => {
    server.answer((_request, response) => sendStatus(response, 503, 'ServiceUnavailable', 'down'));
    await expect(get('/a')).rejects.toMatchObject({ status: 503 });
    server.answer((_request, response) => sendStatus(response, 503, 'X', 'down', { 'retry-after': '600' }));
    await expect(get('/a')).rejects.toMatchObject({ retryAfterSeconds: 600 });
    expect(server.seen).toHaveLength(2);
  });
});

describe('a refusal', () => {
  test('becomes an error with status, reason and the server’s message', async () => {
    server.answer((_request, response) => sendStatus(response, 409, 'AlreadyExists', 'widgets "a" already exists'));
    const expected = { name: 'KubeError', status: 409, reason: 'AlreadyExists', message: 'widgets "a" already exists' };
    await expect(get('/a')).rejects.toMatchObject(expected);
  });

  test('by something that is no API server is an error all the same', async () => {
    server.answer((_request, response) => void response.writeHead(502).end('<html>bad gateway</html>'));
    await expect(get('/a')).rejects.toMatchObject({ status: 502, reason: 'Unknown' });
  });

  test('of a Secret does not repeat what the server quoted of it', async () => {
    server.answer((_request, response) => sendStatus(response, 422, 'Invalid', `data: Invalid value: "${canary}"`));
    const refused = get('/api/v1/namespaces/a/secrets/b', { method: 'PUT', body: { data: canary } });
    await expect(refused).rejects.toMatchObject({ status: 422, message: 'the API server answered 422 Invalid' });
  });

  test('401 makes the token be read again, once', async () => {
    server.answer(({ headers }, response) => {
      if (headers.authorization === 'Bearer fresh') return sendJson(response, 200, { ok: true });
      sendStatus(response, 401, 'Unauthorized', 'Unauthorized');
    });
    expect(await get('/a')).toEqual({ ok: true });
    server.answer((_request, response) => sendStatus(response, 401, 'Unauthorized', 'Unauthorized'));
    await expect(get('/a')).rejects.toMatchObject({ status: 401 });
    expect(server.seen).toHaveLength(4);
  });
});

test('no error text holds the token, a body sent or a body received', async () => {
  const texts: string[] = [];
  const note = (error: unknown): void => {
    for (let cause = error; cause instanceof Error; cause = cause.cause)
      texts.push(`${cause.message} ${cause.stack ?? ''}`);
  };
  const body = { data: canary };
  server.answer((_request, response) => void response.writeHead(200).end(`{"data":"${canary}`));
  await get('/a').catch(note);
  server.answer((_request, response) => void response.destroy());
  await get('/a', { method: 'POST', body }).catch(note);
  server.answer(() => undefined);
  await get('/a', { method: 'POST', body, timeoutMs: 20 }).catch(note);
  await server.stop();
  await get('/a', { method: 'PUT', body }).catch(note);
  server = await FakeApiServer.start(() => undefined);
  expect(texts.length).toBeGreaterThanOrEqual(4);
  expect(texts.join('\n')).not.toContain(canary);
});

describe('a stream', () => {
  test('yields whole lines, however they were cut into packets', async () => {
    const bytes = Buffer.from('{"a":"ä€😀"}\n{"b":2}\n\n{"c":3}\n');
    server.answer(async (_request, response) => {
      for (const byte of bytes) {
        response.write(Buffer.of(byte));
        await new Promise(setImmediate);
      }
      response.end();
    });
    expect(await linesFrom()).toEqual(['{"a":"ä€😀"}', '{"b":2}', '{"c":3}']);
  });

  test('that is cut within a line fails after the lines before', async () => {
    const seen: string[] = [];
    server.answer((_request, response) => {
      response.write('{"a":1}\n{"b":');
      setTimeout(() => response.destroy(), 20);
    });
    const read = async (): Promise<void> => {
      for await (const line of transport.stream({ method: 'GET', path: '/w', signal: stop.signal })) seen.push(line);
    };
    await expect(read()).rejects.toThrow('aborted');
    expect(seen).toEqual(['{"a":1}']);
  });

  test('that ends within a line fails', async () => {
    server.answer((_request, response) => void response.end('{"a":1}\n{"b":'));
    await expect(linesFrom()).rejects.toThrow('ended within a line');
  });

  test('that falls silent fails after the idle time', async () => {
    server.answer((_request, response) => void response.write('{"a":1}\n'));
    await expect(linesFrom({ timeoutMs: 1000 })).rejects.toThrow('nothing was heard for 1000 ms');
  });

  test('does not count the time in which its reader is busy', async () => {
    server.answer((_request, response) => {
      response.write('1\n');
      setTimeout(() => response.end('2\n'), 1200);
    });
    const seen: string[] = [];
    for await (const line of transport.stream({ method: 'GET', path: '/w', timeoutMs: 1000, signal: stop.signal })) {
      seen.push(line);
      await new Promise((resolve) => setTimeout(resolve, 1500));
    }
    expect(seen).toEqual(['1', '2']);
  });

  test('with an endless line is given up', async () => {
    transport.close();
    transport = connect({ maxBodyBytes: 1000 });
    server.answer((_request, response) => void response.write('x'.repeat(5000)));
    await expect(linesFrom()).rejects.toThrow('a line of the answer has more than 1000 bytes');
  });

  test('closes its connection when the reader leaves or the signal fires', async () => {
    let closed = 0;
    server.answer((_request, response) => {
      response.on('close', () => (closed += 1));
      response.write('{"a":1}\n');
    });
    for await (const line of transport.stream({ method: 'GET', path: '/w', signal: stop.signal })) {
      expect(line).toBe('{"a":1}');
      break;
    }
    const own = new AbortController();
    const reading = linesFrom({ signal: own.signal });
    setTimeout(() => own.abort(new Error('enough')), 30);
    await expect(reading).rejects.toThrow('enough');
    await expect.poll(() => closed).toBe(2);
  });
});

describe('a token file', () => {
  test('is read again after a minute, and at once after a 401', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'token-'));
    const path = join(folder, 'token');
    const clock = new ManualClock();
    const source = fileToken(path, clock);
    await writeFile(path, 'one\n');
    expect(await source.token(false)).toBe('one');
    await writeFile(path, 'two\n');
    clock.advance(59_999);
    expect(await source.token(false)).toBe('one');
    clock.advance(1);
    expect(await source.token(false)).toBe('two');
    await writeFile(path, 'three\n');
    expect(await source.token(true)).toBe('three');
    await rm(folder, { recursive: true });
  });
});
