import { createServer, type Server } from 'node:https';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { CallerIdentity } from '../../src/ports/caller-identity.ts';
import { createStsCallerIdentity } from '../../src/providers/sts-caller-identity.ts';
import { testAuthority, type TestAuthority } from '../support/tls.ts';

const proof = {
  accessKeyId: 'STS.canary1',
  securityToken: 'canary-token',
  date: '2026-01-01T00:00:00Z',
  nonce: 'ab'.repeat(16),
  signature: 'cd'.repeat(32),
};
const arn = 'acs:ram::1234:assumed-role/shop/session';
const identity = { Arn: arn, AccountId: '1234', IdentityType: 'AssumedRoleUser', RequestId: 'r' };
const outage = { code: 'ServiceUnavailableTemporary' };
const invalid = { code: 'AuthenticationFail.CallerIdentity.Invalid' };

let authority: TestAuthority;
let server: Server | undefined;
beforeAll(() => {
  authority = testAuthority();
});
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

type Handler = (
  response: ServerResponse,
  request: { method?: string; url?: string; headers: IncomingHttpHeaders },
) => void;

/** An STS that misbehaves as told, on loopback. Gives its URL. */
async function listen(handler: Handler): Promise<URL> {
  const { certPem: cert, keyPem: key } = authority.issue();
  const started = createServer({ cert, key }, (request, response) => {
    request.resume();
    request.on('end', () => handler(response, request as Parameters<Handler>[1]));
  });
  server = started;
  await new Promise<void>((done) => started.listen(0, '127.0.0.1', done));
  return new URL(`https://localhost:${(started.address() as AddressInfo).port}/`);
}

function ask(url: URL, options: { caPem?: string; timeoutMs?: number } = {}): Promise<CallerIdentity> {
  const verifier = createStsCallerIdentity({ url, caPem: authority.caPem, audience: 'here', ...options });
  return verifier.identify(proof, new AbortController().signal);
}

const answering = (body: unknown, status = 200): Promise<URL> =>
  listen((response) => response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body)));

describe('an STS that is asked who signed', () => {
  test('C8: gets a request whose address, method, action and version are ours, and of the caller five values', async () => {
    const got: Parameters<Handler>[1][] = [];
    const url = await listen((response, request) => {
      got.push({ ...request, method: request.method ?? '', url: request.url ?? '', headers: request.headers });
      response.end(JSON.stringify(identity));
    });
    expect(await ask(url)).toEqual({ arn, accountId: '1234', roleName: 'shop' });
    expect(got).toHaveLength(1);
    const [{ method, url: path, headers } = { headers: {} }] = got;
    expect([method, path]).toEqual(['POST', '/']);
    expect(headers).toEqual({
      accept: 'application/json',
      'user-agent': 'kaap',
      connection: 'close',
      'content-length': '0',
      'content-type': 'application/x-www-form-urlencoded',
      host: url.host,
      'x-acs-accesskey-id': 'STS.canary1',
      'x-acs-action': 'GetCallerIdentity',
      'x-acs-content-sha256': 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
      'x-acs-date': proof.date,
      'x-acs-security-token': 'canary-token',
      'x-acs-signature-nonce': proof.nonce,
      'x-acs-version': '2015-04-01',
      authorization:
        'ACS3-HMAC-SHA256 Credential=STS.canary1,SignedHeaders=content-type;host;x-acs-accesskey-id;x-acs-action;' +
        `x-acs-content-sha256;x-acs-date;x-acs-security-token;x-acs-signature-nonce;x-acs-version,Signature=${proof.signature}`,
    });
  });

  test.each<[string, Handler]>([
    ['an error of its own', (response) => response.writeHead(500).end(JSON.stringify(identity))],
    ['too many requests', (response) => response.writeHead(429).end(JSON.stringify({ Code: 'Throttling' }))],
    ['a redirect', (response) => response.writeHead(302, { location: '/' }).end(JSON.stringify(identity))],
    ['XML', (response) => response.end(`<GetCallerIdentityResponse><Arn>${arn}</Arn></GetCallerIdentityResponse>`)],
    ['nothing', (response) => response.end()],
    ['null', (response) => response.end('null')],
    ['half of an answer', (response) => response.end(JSON.stringify({ Arn: arn, IdentityType: 'AssumedRoleUser' }))],
    ['a list for a text', (response) => response.end(JSON.stringify({ ...identity, Arn: [arn] }))],
    ['another account than its ARN', (response) => response.end(JSON.stringify({ ...identity, AccountId: '5678' }))],
    ['a refusal that is not of its form', (response) => response.writeHead(403).end('<html>proxy</html>')],
    ['more than 16 KiB', (response) => response.end(JSON.stringify(identity).padEnd(20_000))],
    ['a cut connection', (response) => response.destroy()],
    [
      'half an answer and no more',
      (response) => response.writeHead(200, { 'content-length': 500 }).end('{', () => response.destroy()),
    ],
  ])('C4: proves nobody by %s, and the error quotes nothing', async (_, handler) => {
    const error: unknown = await ask(await listen(handler)).catch((reason: unknown) => reason);
    expect(error).toMatchObject(outage);
    expect((error as Error).message).not.toMatch(/canary|1234/);
  });

  test('C4: proves nobody when it is late, when another authority vouches for it, or when nobody listens', async () => {
    const silent = await listen(() => undefined);
    await expect(ask(silent, { timeoutMs: 50 })).rejects.toMatchObject(outage);
    await expect(ask(silent, { caPem: testAuthority().caPem })).rejects.toMatchObject(outage);
    server?.closeAllConnections();
    server?.close();
    await expect(ask(silent)).rejects.toMatchObject(outage);
  });

  test('C4: is asked 64 times at once at most', async () => {
    const url = await listen(() => undefined);
    const verifier = createStsCallerIdentity({ url, caPem: authority.caPem, audience: 'here' });
    const giveUp = new AbortController();
    const asked = Array.from({ length: 64 }, () => verifier.identify(proof, giveUp.signal).catch(() => 'given up'));
    await expect(verifier.identify(proof, giveUp.signal)).rejects.toMatchObject(outage);
    giveUp.abort();
    expect(new Set(await Promise.all(asked))).toEqual(new Set(['given up']));
  });

  test('refuses a proof that the STS refuses', async () => {
    const url = await answering({ Code: 'SignatureDoesNotMatch', Message: 'canary' }, 400);
    await expect(ask(url)).rejects.toMatchObject(invalid);
  });

  test.each([
    ['a user', { ...identity, Arn: 'acs:ram::1234:user/shop', IdentityType: 'RAMUser' }],
    ['a role', { ...identity, Arn: 'acs:ram::1234:role/shop/session' }],
    ['a path', { ...identity, Arn: 'acs:ram::1234:assumed-role/team/shop/session' }],
    ['a session name with a slash', { ...identity, Arn: `${arn}/x` }],
    ['a session name with a wildcard', { ...identity, Arn: 'acs:ram::1234:assumed-role/shop/*' }],
    ['a role name with a wildcard', { ...identity, Arn: 'acs:ram::1234:assumed-role/*/session' }],
    ['any account', { ...identity, Arn: 'acs:ram::*:assumed-role/shop/session', AccountId: '*' }],
    ['a region', { ...identity, Arn: 'acs:ram:eu:1234:assumed-role/shop/session' }],
    ['something before it', { ...identity, Arn: `x ${arn}` }],
    ['a line after it', { ...identity, Arn: `${arn}\nacs` }],
    ['another type', { ...identity, IdentityType: 'RAMUser' }],
  ])('C7: takes nothing but the session of a role: not %s', async (_, body) => {
    await expect(ask(await answering(body))).rejects.toMatchObject(invalid);
  });

  test('is reached over https only', () => {
    const options = { url: new URL('http://localhost/'), caPem: '', audience: 'here' };
    expect(() => createStsCallerIdentity(options)).toThrow(/https/);
  });
});
