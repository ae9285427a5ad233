import { createHmac, generateKeyPairSync, sign as cryptoSign, type KeyObject } from 'node:crypto';
import * as fc from 'fast-check';
import { exportJWK, SignJWT, UnsecuredJWT, type JSONWebKeySet } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import { ManualClock } from '../../../src/lib/clock.ts';
import type { VerifiedToken } from '../../../src/ports/identity.ts';
import { createJwksVerifier, type JwksSource } from '../../../src/sts/oidc/jwks-verifier.ts';

const clock = new ManualClock(Date.UTC(2026, 0, 1));
const now = clock.now() / 1000;
const audience = 'kaap.dev/access-point/shop';
const issuer = 'https://issuer.example';
const signal = new AbortController().signal;
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 });
const invalid = 'AuthenticationFail.OIDCToken.Invalid';
let keys: JSONWebKeySet;

beforeAll(async () => {
  keys = {
    keys: [
      { ...(await exportJWK(rsa.publicKey)), kid: 'rsa', alg: 'RS256', use: 'sig' },
      { ...(await exportJWK(ec.publicKey)), kid: 'ec', alg: 'ES256', use: 'sig' },
    ],
  };
});

const podClaims = {
  iss: issuer,
  aud: [audience],
  sub: 'system:serviceaccount:shop:web',
  iat: now,
  nbf: now,
  exp: now + 600,
  'kubernetes.io': {
    namespace: 'shop',
    node: { name: 'n1', uid: 'n' },
    pod: { name: 'web-1', uid: 'p1' },
    serviceaccount: { name: 'web', uid: 'u1' },
  },
};

const sign = (claims: object, key: KeyObject = rsa.privateKey, header: object = {}): Promise<string> =>
  new SignJWT(claims as Record<string, unknown>).setProtectedHeader({ alg: 'RS256', kid: 'rsa', ...header }).sign(key);

/** A token with exactly this header and payload text, signed by the RSA key. */
function signText(header: string, payload: string): string {
  const input = `${Buffer.from(header).toString('base64url')}.${Buffer.from(payload).toString('base64url')}`;
  const signature = createSignature(input);
  return `${input}.${signature}`;
}
const createSignature = (input: string): string =>
  cryptoSign('sha256', Buffer.from(input), rsa.privateKey).toString('base64url');

function verify(
  token: string,
  options: { jwks?: JwksSource; audience?: string; algorithms?: string[] } = {},
): Promise<VerifiedToken> {
  const { jwks = { keys }, algorithms } = options;
  const verifier = createJwksVerifier({
    provider: 'gitlab',
    issuer,
    jwks,
    clock,
    ...(algorithms ? { algorithms } : {}),
  });
  return verifier.verify(token, options.audience ?? audience, signal);
}

async function codeOf(verified: Promise<unknown>): Promise<string> {
  try {
    await verified;
    return 'verified';
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}

describe('a token of an OIDC provider', () => {
  test('is verified by the provider’s keys, and tells its pod', async () => {
    expect(await verify(await sign(podClaims))).toEqual({
      issuer,
      subject: 'system:serviceaccount:shop:web',
      audiences: [audience],
      issuedAt: clock.now(),
      expiresAt: clock.now() + 600_000,
      serviceAccount: {
        provider: 'gitlab',
        namespace: 'shop',
        name: 'web',
        uid: 'u1',
        podName: 'web-1',
        podUid: 'p1',
      },
    });
  });

  test('may be signed with an elliptic curve, and may be of no pod', async () => {
    const { 'kubernetes.io': _omitted, ...claims } = { ...podClaims, sub: 'repo:shop/web', aud: audience };
    const verified = await verify(await sign(claims, ec.privateKey, { alg: 'ES256', kid: 'ec' }));
    expect(verified).toMatchObject({ subject: 'repo:shop/web', audiences: [audience] });
    expect(verified.serviceAccount).toBeUndefined();
  });

  test.each([
    ['another namespace', { namespace: 'bank' }],
    ['another service account', { serviceaccount: { name: 'admin', uid: 'u' } }],
    ['no service account', { serviceaccount: undefined }],
    ['a text', 'shop/web'],
  ])('has no pod when its claim kubernetes.io tells %s', async (_title, change) => {
    const claim = typeof change === 'string' ? change : { ...podClaims['kubernetes.io'], ...change };
    const verified = await verify(await sign({ ...podClaims, 'kubernetes.io': claim }));
    expect(verified.serviceAccount).toBeUndefined();
  });

  test.each([
    ['C1: another audience', { aud: ['https://kubernetes.default.svc'] }],
    ['C1: no audience', { aud: undefined }],
    ['C1: an audience that only begins alike', { aud: `${audience}2` }],
    ['C1: another issuer', { iss: 'https://other.example' }],
    ['C1: an issuer with a slash more', { iss: `${issuer}/` }],
    ['no issuer', { iss: undefined }],
    ['no subject', { sub: undefined }],
    ['no expiry', { exp: undefined }],
    ['no time of issue', { iat: undefined }],
    ['an expiry that is a text', { exp: '9999999999' }],
    ['a start in the future', { nbf: now + 60 }],
  ])('is refused with %s', async (_title, change) => {
    expect(await codeOf(verify(await sign({ ...podClaims, ...change })))).toBe(invalid);
  });

  test('D7: is refused once it has expired, with five seconds for the difference of clocks', async () => {
    expect(await codeOf(verify(await sign({ ...podClaims, exp: now - 4 })))).toBe('verified');
    expect(await codeOf(verify(await sign({ ...podClaims, exp: now - 5 })))).toBe(
      'AuthenticationFail.OIDCToken.Expired',
    );
  });

  test('C2: is refused without a signature', async () => {
    const token = new UnsecuredJWT(podClaims).encode();
    expect(await codeOf(verify(token))).toBe(invalid);
    expect(await codeOf(verify(`${token}AAAA`))).toBe(invalid);
  });

  test('C2: is refused when the public key served as an HMAC key', async () => {
    const spki = rsa.publicKey.export({ type: 'spki', format: 'pem' });
    for (const kid of ['rsa', undefined]) {
      const header = Buffer.from(JSON.stringify({ alg: 'HS256', kid })).toString('base64url');
      const input = `${header}.${Buffer.from(JSON.stringify(podClaims)).toString('base64url')}`;
      const token = `${input}.${createHmac('sha256', spki).update(input).digest('base64url')}`;
      expect(await codeOf(verify(token))).toBe(invalid);
    }
  });

  test('C2: is refused with an unknown key, or a known key id and another key', async () => {
    expect(await codeOf(verify(await sign(podClaims, stranger.privateKey, { kid: 'stranger' })))).toBe(invalid);
    expect(await codeOf(verify(await sign(podClaims, stranger.privateKey)))).toBe(invalid);
  });

  test('C2: is refused with an algorithm that was not agreed', async () => {
    expect(await codeOf(verify(await sign(podClaims), { algorithms: ['ES256'] }))).toBe(invalid);
    expect(await codeOf(verify(await sign(podClaims, rsa.privateKey, { alg: 'PS256' })))).toBe(invalid);
  });

  test('C2: is refused with a key in its own header', async () => {
    const jwk = await exportJWK(stranger.publicKey);
    expect(await codeOf(verify(await sign(podClaims, stranger.privateKey, { jwk, kid: 'x' })))).toBe(invalid);
  });

  test('C2: is refused when it is huge, before anything is computed', async () => {
    const huge = await sign({ ...podClaims, padding: 'x'.repeat(20_000) });
    expect(huge.length).toBeGreaterThan(16_384);
    expect(await codeOf(verify(huge))).toBe(invalid);
    expect(await codeOf(verify('x.'.repeat(5_000_000)))).toBe(invalid);
  });

  test('C2: is refused when a claim occurs twice, although it is signed', async () => {
    const header = '{"alg":"RS256","kid":"rsa"}';
    const payload = JSON.stringify(podClaims);
    expect(await codeOf(verify(signText(header, payload)))).toBe('verified');
    const twice = payload.replace('{', '{"sub":"system:serviceaccount:shop:admin",');
    expect(await codeOf(verify(signText(header, twice)))).toBe(invalid);
    expect(await codeOf(verify(signText('{"alg":"RS256","kid":"x","kid":"rsa"}', payload)))).toBe(invalid);
  });

  test('C2: is refused with a critical header that nobody understands', async () => {
    expect(
      await codeOf(verify(signText('{"alg":"RS256","kid":"rsa","crit":["x"],"x":1}', JSON.stringify(podClaims)))),
    ).toBe(invalid);
  });

  test('C2: is refused with any character changed, and no error shows a part of it', async () => {
    const token = await sign(podClaims);
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: token.length - 2 }),
        fc.constantFrom('A', '.', '*', ' '),
        async (at, character) => {
          const changed = token.slice(0, at) + character + token.slice(at + 1);
          const error: unknown = await verify(changed).catch((caught: unknown) => caught);
          // The last characters of a base64url part may spell the same bytes twice; those are the same token.
          const samePayload = changed
            .split('.')
            .map((part) => Buffer.from(part, 'base64url').toString('hex'))
            .join();
          const original = token
            .split('.')
            .map((part) => Buffer.from(part, 'base64url').toString('hex'))
            .join();
          fc.pre(samePayload !== original);
          expect(error).toMatchObject({ code: invalid });
          expect((error as Error).message).not.toContain(token.slice(0, 10));
          expect((error as Error).cause).toBeUndefined();
        },
      ),
      { numRuns: 60 },
    );
  });

  test('C1: is refused for an empty audience', async () => {
    expect(await codeOf(verify(await sign({ ...podClaims, aud: '' }), { audience: '' }))).toBe(invalid);
  });
});

const untilTimeout = (fetching: AbortSignal): Promise<Response> =>
  new Promise((_resolve, reject) => {
    fetching.addEventListener('abort', () => reject(fetching.reason as Error));
  });

const answering = (answer: (signal: AbortSignal) => Response | Promise<Response>, timeoutMs = 200): JwksSource => ({
  url: 'https://issuer.example/keys',
  fetch: async (_url, init) => answer(init.signal),
  timeoutMs,
});

describe('the keys of an OIDC provider', () => {
  test('are fetched from its URL', async () => {
    const jwks = answering(() => Response.json(keys));
    expect(await codeOf(verify(await sign(podClaims), { jwks }))).toBe('verified');
  });

  test.each([
    ['cannot be reached', () => Promise.reject(new TypeError('fetch failed'))],
    ['have a certificate that nobody trusts', () => Promise.reject(new TypeError('self-signed certificate'))],
    ['answer an error', () => new Response('no', { status: 500 })],
    ['redirect', () => new Response('', { status: 302, headers: { location: 'https://evil.example' } })],
    ['answer something else', () => new Response('<html>')],
    ['answer no key set', () => Response.json({ kids: [] })],
    ['do not answer', untilTimeout],
  ])('C4: make every token refused when they %s, and the call worth a retry', async (_title, answer) => {
    const jwks = answering(answer);
    const error: unknown = await verify(await sign(podClaims), { jwks }).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'ServiceUnavailableTemporary', retryable: true });
    expect((error as Error).cause).toBeUndefined();
  });

  test('C4: refuse the token of a caller who gives up before they answer', async () => {
    const jwks = answering(() => new Promise<Response>(() => undefined), 60_000);
    const verifier = createJwksVerifier({ provider: 'gitlab', issuer, jwks, clock });
    const verified = verifier.verify(await sign(podClaims), audience, AbortSignal.timeout(20));
    expect(await codeOf(verified)).toBe('ServiceUnavailableTemporary');
  });

  test('C4: are not fetched over plain HTTP', () => {
    const options = { provider: 'p', issuer, clock, jwks: { url: 'http://issuer.example/keys' } };
    expect(() => createJwksVerifier(options)).toThrow(/https/);
  });

  test('make every token refused when there are none', async () => {
    expect(await codeOf(verify(await sign(podClaims), { jwks: { keys: { keys: [] } } }))).toBe(invalid);
  });
});
