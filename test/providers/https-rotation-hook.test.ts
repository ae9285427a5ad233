import { createHmac, randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ManualClock } from '../../src/lib/clock.ts';
import { HttpsRotationHook, mayBeHook } from '../../src/providers/https-rotation-hook.ts';
import { testAuthority, type TestAuthority } from '../support/tls.ts';

const key = randomBytes(32);
const clock = new ManualClock();
const request = { secretName: 's', secretType: 'Rds', extendedConfig: {}, versionId: 'v2', pending: '{"canary":1}' };
const confirmed = JSON.stringify({ versionId: 'v2', status: 'Confirmed' });

let authority: TestAuthority;
let server: Server | undefined;
beforeAll(() => {
  authority = testAuthority();
});
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

type Handler = (body: string, message: IncomingMessage, response: ServerResponse) => void;

/** A hook's server on loopback. Gives its URL. */
async function listen(handler: Handler): Promise<URL> {
  const { certPem: cert, keyPem } = authority.issue();
  const started = createServer({ cert, key: keyPem }, (message, response) => {
    const parts: Buffer[] = [];
    message.on('data', (part: Buffer) => parts.push(part));
    message.on('end', () => handler(Buffer.concat(parts).toString('utf8'), message, response));
  });
  server = started;
  await new Promise<void>((done) => started.listen(0, '127.0.0.1', done));
  return new URL(`https://localhost:${(started.address() as AddressInfo).port}/rotate`);
}

const ask = async (url: URL, ca = authority.caPem, timeoutMs = 10_000): Promise<string> => {
  const hook = new HttpsRotationHook({ url, ca, key, clock, timeoutMs });
  return hook.apply(request, new AbortController().signal).then(
    () => 'confirmed',
    (error: Error) => error.message,
  );
};

describe('a rotation hook', () => {
  it('gets a signed request, and confirms by naming the version', async () => {
    const got: { body: string; path: string | undefined; headers: IncomingMessage['headers'] }[] = [];
    const url = await listen((body, { url: path, headers }, response) => {
      got.push({ body, path, headers });
      response.end(confirmed);
    });
    expect(await ask(url)).toBe('confirmed');
    const [{ body, path, headers } = { body: '', path: '', headers: {} }] = got;
    expect(JSON.parse(body)).toEqual(request);
    expect(path).toBe('/rotate');
    const timestamp = String(headers['x-kaap-timestamp']);
    expect(Number(timestamp)).toBe(clock.now() / 1000);
    const signature = createHmac('sha256', key).update(`${timestamp}.${body}`).digest('hex');
    expect(headers['x-kaap-signature']).toBe(`v1=${signature}`);
  });

  it.each<[string, Handler]>([
    ['another status', (_, __, response) => response.writeHead(500).end(confirmed)],
    ['another version', (_, __, response) => response.end(JSON.stringify({ versionId: 'v1', status: 'Confirmed' }))],
    ['no JSON', (_, __, response) => response.end('canary')],
    ['null', (_, __, response) => response.end('null')],
    ['a redirect', (_, __, response) => response.writeHead(302, { location: 'https://localhost:1/' }).end(confirmed)],
    ['a long answer', (_, __, response) => response.end(confirmed.padEnd(8192))],
    ['a broken connection', (_, __, response) => response.destroy()],
  ])('does not confirm by %s, and the error tells nothing of what was sent', async (_, handler) => {
    const message = await ask(await listen(handler));
    expect(message).toMatch(/^The rotation hook did not change the credential/);
    expect(message).not.toContain('canary');
  });

  it('does not confirm by an answer that comes too late', async () => {
    const url = await listen(() => undefined);
    expect(await ask(url, authority.caPem, 100)).toContain('cannot be reached');
  });

  it('is believed only under the authority of the configuration', async () => {
    const url = await listen((_, __, response) => response.end(confirmed));
    expect(await ask(url, testAuthority().caPem)).toContain('cannot be reached');
  });

  it.each([
    '169.254.169.254',
    '100.100.100.200',
    '0.0.0.0',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    'fe80::1',
    '::ffff:169.254.169.254',
  ])('F4: is never at %s', async (address) => {
    expect(mayBeHook(address)).toBe(false);
    const host = address.includes(':') ? `[${address}]` : address;
    expect(await ask(new URL(`https://${host}/`))).toContain('ADDRESS_FORBIDDEN');
  });

  it.each(['10.0.0.1', '127.0.0.1', '192.168.1.1', '8.8.8.8', 'fd00::1'])('may be at %s', (address) => {
    expect(mayBeHook(address)).toBe(true);
  });

  it('is reached over https with a key of 32 bytes', () => {
    const options = { url: new URL('https://localhost/'), ca: authority.caPem, key, clock };
    expect(() => new HttpsRotationHook({ ...options, url: new URL('http://localhost/') })).toThrow(RangeError);
    expect(() => new HttpsRotationHook({ ...options, key: randomBytes(31) })).toThrow(RangeError);
  });
});
