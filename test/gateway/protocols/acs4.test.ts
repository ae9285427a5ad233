import { createHash, createHmac } from 'node:crypto';
import { createRequire } from 'node:module';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SecretBytes } from '../../../src/lib/secret-bytes.ts';
import { acs3 } from '../../../src/gateway/protocols/acs3.ts';
import type { VerificationKey } from '../../../src/gateway/signature.ts';
import type { WireRequest } from '../../../src/gateway/wire-request.ts';
import { sdkQuery, wireRequest } from '../../support/wire.ts';

type Texts = Record<string, string>;

/** Bytes of a key, or what the SDK takes for such: it calls `toString` and gives what comes to `createHmac`. */
type SigningKey = Uint8Array | { toString(): unknown };

/** What signs in `@alicloud/gateway-pop`, which the SDKs use with `signatureVersion: 'v4'`. */
interface Pop {
  getSigningkey(algorithm: string, secret: string, product: string, region: string, date: string): Promise<Uint8Array>;
  getAuthorization(
    pathname: string,
    method: string,
    query: Texts,
    headers: Texts,
    algorithm: string,
    payloadHash: string,
    id: string,
    signingKey: SigningKey,
    product: string,
    region: string,
    date: string,
  ): Promise<string>;
}

const load = createRequire(import.meta.url);
const { default: PopClient } = load('@alicloud/gateway-pop') as { default: new () => Pop };
const pop = new PopClient();

const secret = 'testsecret';
const key: VerificationKey = { kind: 'AccessKey', secret: SecretBytes.fromUtf8(secret) };

/** The key as it is meant to be derived, and as the SDKs of other languages do. */
function derivedKey(algorithm: string, region: string): Buffer {
  const digest = algorithm.endsWith('SM3') ? 'sm3' : 'sha256';
  const parts = ['20260101', region, 'Kms', 'aliyun_v4_request'];
  return parts.reduce(
    (from, part) => createHmac(digest, from).update(part).digest(),
    Buffer.from(`aliyun_v4${secret}`),
  );
}

interface Signing {
  algorithm: string;
  query: Texts;
  region?: string;
  body?: string;
  signingKey?: SigningKey;
}

async function sdkRequest(signing: Signing): Promise<WireRequest> {
  const { algorithm, query, region = 'center', body = '' } = signing;
  const digest = algorithm.endsWith('SM3') ? 'sm3' : 'sha256';
  const payloadHash = createHash(digest).update(body).digest('hex');
  const headers: Texts = {
    host: 'kms.example:8443',
    'x-acs-version': '2016-01-20',
    'x-acs-action': 'Encrypt',
    'x-acs-date': '2026-01-01T00:00:00Z',
    'x-acs-signature-nonce': 'n1',
    [`x-acs-content-${digest}`]: payloadHash,
    ...(body !== '' && { 'content-type': 'application/x-www-form-urlencoded' }),
  };
  const signingKey = signing.signingKey ?? { toString: () => derivedKey(algorithm, region) };
  const scope = ['Kms', region, '20260101'] as const;
  const place = ['/', 'POST', query, headers] as const;
  const authorization = await pop.getAuthorization(...place, algorithm, payloadHash, 'testid', signingKey, ...scope);
  return wireRequest({ query: sdkQuery(query), headers: { ...headers, authorization }, body: Buffer.from(body) });
}

const value = fc.string({
  // The SDK signs ! ' ( ) * as they are, where RFC 3986, which the protocol names, escapes them.
  unit: fc.constantFrom(
    'a',
    'Z',
    '0',
    '-',
    '_',
    '.',
    '~',
    '+',
    ' ',
    '%',
    '&',
    '=',
    '/',
    '?',
    '#',
    '"',
    '\n',
    'é',
    '中',
    '😀',
  ),
  maxLength: 12,
});
const query = fc.dictionary(fc.stringMatching(/^[A-Z][A-Za-z0-9]{0,10}$/), value, {
  maxKeys: 8,
  noNullPrototype: true,
});
const algorithms = fc.constantFrom('ACS4-HMAC-SHA256', 'ACS4-HMAC-SM3');
const regions = fc.constantFrom('center', 'eu-central-1', 'local');

describe('ACS4 signatures', () => {
  test('whatever the SDK signs is verified, in either algorithm and any region', async () => {
    const property = fc.asyncProperty(query, algorithms, regions, async (texts, name, place) => {
      const call = acs3.parse(await sdkRequest({ algorithm: name, query: texts, region: place }));
      expect(call.protocol).toBe('acs4');
      expect(call.proof?.accessKeyId).toBe('testid');
      expect(call.proof?.verify(key)).toBe(true);
      expect(call.proof?.verify({ kind: 'AccessKey', secret: SecretBytes.fromUtf8('another') })).toBe(false);
    });
    await fc.assert(property);
  });

  test('the key that the SDK derives is refused: it takes bytes for text, and many keys become one', async () => {
    const algorithm = 'ACS4-HMAC-SHA256';
    const signingKey = await pop.getSigningkey(algorithm, secret, 'Kms', 'center', '20260101');
    expect(Buffer.from(signingKey).equals(derivedKey(algorithm, 'center'))).toBe(false);
    expect(acs3.parse(await sdkRequest({ algorithm, query: {}, signingKey })).proof?.verify(key)).toBe(false);
  });

  test('a form body is covered', async () => {
    const signed = await sdkRequest({ algorithm: 'ACS4-HMAC-SHA256', query: {}, body: 'KeyId=k' });
    expect(acs3.parse(signed).proof?.verify(key)).toBe(true);
    expect(() => acs3.parse({ ...signed, body: Buffer.from('KeyId=other') }).proof?.verify(key)).toThrow();
  });

  test('C6: any part of what was signed that changes breaks the signature', async () => {
    const signed = await sdkRequest({ algorithm: 'ACS4-HMAC-SHA256', query: { KeyId: 'k' } });
    const changed: WireRequest[] = [
      { ...signed, method: 'GET' },
      wireRequest({ query: 'KeyId=other', headers: signed.headers }),
      ...['x-acs-action', 'x-acs-date', 'x-acs-signature-nonce', 'host'].map((name) => ({
        ...signed,
        headers: { ...signed.headers, [name]: name === 'x-acs-date' ? '2026-01-01T00:00:01Z' : 'changed' },
      })),
      ...[
        ['20260101', '20260102'],
        ['/center/', '/other/'],
        ['/Kms/', '/Sts/'],
        ['ACS4-HMAC-SHA256', 'ACS4-HMAC-SM3'],
      ].map(([from = '', to = '']) => ({
        ...signed,
        headers: { ...signed.headers, authorization: String(signed.headers['authorization']).replace(from, to) },
      })),
    ];
    for (const request of changed) {
      const isVerified = (): boolean => acs3.parse(request).proof?.verify(key) === true;
      expect(attempt(isVerified), JSON.stringify(request.headers)).toBe(false);
    }
  });
});

/** A request that cannot even be read is not verified either. */
function attempt(work: () => boolean): boolean {
  try {
    return work();
  } catch {
    return false;
  }
}
