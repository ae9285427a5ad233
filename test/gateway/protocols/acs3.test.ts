import { createHash, createHmac, generateKeyPairSync } from 'node:crypto';
import { createRequire } from 'node:module';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { acs3CanonicalRequest, acs3StringToSign } from '../../../src/lib/acs3-canonical.ts';
import { ApiError } from '../../../src/lib/errors.ts';
import { SecretBytes } from '../../../src/lib/secret-bytes.ts';
import { jsonAnswers, xmlAnswers } from '../../../src/gateway/encode.ts';
import { acs3 } from '../../../src/gateway/protocols/acs3.ts';
import type { VerificationKey } from '../../../src/gateway/signature.ts';
import type { WireRequest } from '../../../src/gateway/wire-request.ts';
import { sdkQuery, wireRequest } from '../../support/wire.ts';

const load = createRequire(import.meta.url);
const openApiUtil = load('@alicloud/openapi-util') as {
  default: {
    getAuthorization(request: object, algorithm: string, payloadHash: string, id: string, secret: string): string;
  };
};

const secretText = 'testsecret';
const key: VerificationKey = { kind: 'AccessKey', secret: SecretBytes.fromUtf8(secretText) };
const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const privatePem = privateKey.export({ type: 'pkcs8', format: 'pem' }).trim();

interface Signing {
  algorithm?: string;
  query?: Record<string, string>;
  headers?: Record<string, string>;
  body?: string;
  id?: string;
}

/** A request as `@alicloud/openapi-client` signs it. */
function sdkRequest({
  algorithm = 'ACS3-HMAC-SHA256',
  query = {},
  headers = {},
  body = '',
  id = 'testid',
}: Signing): WireRequest {
  const digest = algorithm.endsWith('SM3') ? 'sm3' : 'sha256';
  const payloadHash = createHash(digest).update(body).digest('hex');
  const all: Record<string, string> = {
    host: 'kms.example:8443',
    'x-acs-version': '2016-01-20',
    'x-acs-action': 'Encrypt',
    'x-acs-date': '2026-01-01T00:00:00Z',
    'x-acs-signature-nonce': 'n1',
    'x-acs-content-sha256': payloadHash,
    ...(body === '' ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
    ...headers,
  };
  const secret = algorithm === 'ACS3-RSA-SHA256' ? privatePem : secretText;
  const authorization = openApiUtil.default.getAuthorization(
    { method: 'POST', pathname: '/', query, headers: all },
    algorithm,
    payloadHash,
    id,
    secret,
  );
  return wireRequest({ query: sdkQuery(query), headers: { ...all, authorization }, body: Buffer.from(body) });
}

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof ApiError) return error.code;
    throw error;
  }
  return 'no error';
}

const textValue = fc.string({
  unit: fc.constantFrom(
    'a',
    'Z',
    '0',
    ' ',
    '+',
    '*',
    '~',
    '!',
    "'",
    '(',
    ')',
    '%',
    '&',
    '=',
    '/',
    '.',
    'é',
    '中',
    '😀',
  ),
});
// Names with reserved characters: the Node SDK signs them unencoded.
const parameterName = fc.stringMatching(/^[A-Z][A-Za-z0-9 +*!/é]{0,10}$/).filter((name) => name.trim() === name);
const query = fc.dictionary(parameterName, textValue, { maxKeys: 8, noNullPrototype: true });

describe('ACS3 signatures', () => {
  test.each(['ACS3-HMAC-SHA256', 'ACS3-HMAC-SM3'])('whatever the SDK signs with %s is verified', (algorithm) => {
    fc.assert(
      fc.property(query, (parameters) => {
        expect(acs3.parse(sdkRequest({ algorithm, query: parameters })).proof?.verify(key)).toBe(true);
      }),
    );
  });

  test('whatever the SDK signs with ACS3-RSA-SHA256 is verified with the public key', () => {
    fc.assert(
      fc.property(query, (parameters) => {
        const { proof } = acs3.parse(sdkRequest({ algorithm: 'ACS3-RSA-SHA256', query: parameters, id: 'KAAP.1' }));
        expect(proof?.verify({ kind: 'ClientKey', publicKey })).toBe(true);
        expect(proof?.verify(key)).toBe(false);
      }),
      { numRuns: 20 },
    );
  });

  test('parameter names signed percent-encoded, as other SDKs do, are verified too', () => {
    const request = sdkRequest({ query: { 'A B': '1' } });
    const headers = Object.entries(request.headers)
      .filter(([name]) => name !== 'authorization')
      .toSorted(([a], [b]) => (a < b ? -1 : 1));
    const canonical = acs3CanonicalRequest(
      {
        method: 'POST',
        path: '/',
        query: [['A B', '1']],
        headers,
        payloadHash: request.headers['x-acs-content-sha256'] ?? '',
      },
      true,
    );
    const signature = createHmac('sha256', secretText)
      .update(acs3StringToSign('ACS3-HMAC-SHA256', 'sha256', canonical))
      .digest('hex');
    const authorization = `ACS3-HMAC-SHA256 Credential=testid,SignedHeaders=${headers.map(([name]) => name).join(';')},Signature=${signature}`;
    expect(acs3.parse({ ...request, headers: { ...request.headers, authorization } }).proof?.verify(key)).toBe(true);
  });

  test('ACS4 signs with a key derived from date, region and product', () => {
    const request = sdkRequest({});
    const headers = Object.entries(request.headers)
      .filter(([name]) => name !== 'authorization')
      .toSorted(([a], [b]) => (a < b ? -1 : 1));
    const payloadHash = request.headers['x-acs-content-sha256'] ?? '';
    const canonical = acs3CanonicalRequest({ method: 'POST', path: '/', query: [], headers, payloadHash }, true);
    const scope = ['20260101', 'center', 'Kms', 'aliyun_v4_request'];
    let signingKey = Buffer.from(`aliyun_v4${secretText}`);
    for (const part of scope) signingKey = createHmac('sha256', signingKey).update(part).digest();
    const signature = createHmac('sha256', signingKey)
      .update(acs3StringToSign('ACS4-HMAC-SHA256', 'sha256', canonical))
      .digest('hex');
    const authorization = `ACS4-HMAC-SHA256 Credential=testid/${scope.join('/')},SignedHeaders=${headers.map(([name]) => name).join(';')},Signature=${signature}`;
    const call = acs3.parse({ ...request, headers: { ...request.headers, authorization } });
    expect(call.protocol).toBe('acs4');
    expect(call.proof?.accessKeyId).toBe('testid');
    expect(call.proof?.verify(key)).toBe(true);
  });

  test('a form body is covered by its digest and its parameters reach the action', () => {
    const call = acs3.parse(sdkRequest({ body: 'KeyId=k&Tag.1.Key=a', query: { DryRun: 'false' } }));
    expect(call.proof?.verify(key)).toBe(true);
    expect(call.parameters).toEqual({ DryRun: 'false', KeyId: 'k', Tag: [{ Key: 'a' }] });
  });
});

describe('C6: what an ACS3 signature does not cover is refused', () => {
  const request = sdkRequest({
    query: { KeyId: 'k' },
    body: 'Plaintext=QQ%3D%3D',
    headers: { 'x-acs-security-token': 'token' },
  });
  const verifies = (change: Partial<WireRequest>): boolean | undefined =>
    acs3.parse({ ...request, ...change }).proof?.verify(key);

  test('the request as it was signed is verified', () => {
    expect(verifies({})).toBe(true);
  });

  test.each(['host', 'x-acs-action', 'x-acs-version', 'x-acs-date', 'x-acs-signature-nonce', 'x-acs-security-token'])(
    'another %s breaks the signature',
    (name) => {
      const value = name === 'x-acs-date' ? '2026-01-01T00:00:01Z' : 'other';
      expect(verifies({ headers: { ...request.headers, [name]: value } })).toBe(false);
    },
  );

  test('another method, path or query breaks the signature', () => {
    expect(verifies({ method: 'GET' })).toBe(false);
    expect(verifies({ path: '/x' })).toBe(false);
    expect(verifies({ query: 'KeyId=other' })).toBe(false);
    expect(verifies({ query: '' })).toBe(false);
  });

  test('a swapped body is refused', () => {
    expect(codeOf(() => verifies({ body: Buffer.from('Plaintext=QUE%3D') }))).toBe('SignatureDoesNotMatch');
  });

  test('an x-acs header that is not signed is refused', () => {
    const headers = { ...request.headers, 'x-acs-extra': '1' };
    expect(codeOf(() => verifies({ headers }))).toBe('IncompleteSignature');
  });

  test.each(['host', 'content-type', 'x-acs-date'])('a signature that leaves %s out is refused', (name) => {
    const authorization = (request.headers['authorization'] ?? '').replace(
      new RegExp(`(=|;)${name}(;|,)`),
      (_all, before: string, after: string) => (before === '=' ? '=' : after === ',' ? ',' : ';'),
    );
    expect(authorization).not.toBe(request.headers['authorization']);
    expect(codeOf(() => verifies({ headers: { ...request.headers, authorization } }))).toBe('IncompleteSignature');
  });

  test('signed headers in another order are refused', () => {
    const authorization = (request.headers['authorization'] ?? '').replace(
      /SignedHeaders=([^,]+)/,
      (_all, names: string) => `SignedHeaders=${names.split(';').toReversed().join(';')}`,
    );
    expect(codeOf(() => verifies({ headers: { ...request.headers, authorization } }))).toBe('IncompleteSignature');
  });

  test('an access key id header that differs from the credential is refused', () => {
    expect(codeOf(() => acs3.parse(sdkRequest({ headers: { 'x-acs-accesskey-id': 'other' } })))).toBe(
      'IncompleteSignature',
    );
  });
});

describe('ACS3 requests', () => {
  test.each([
    ['an unreadable Authorization header', 'IncompleteSignature', { authorization: 'ACS3-HMAC-SHA256 Credential=a' }],
    [
      'an unknown algorithm',
      'InvalidSignatureMethod',
      { authorization: 'ACS3-HMAC-MD5 Credential=a,SignedHeaders=host,Signature=00' },
    ],
    ['no action', 'MissingAction', { 'x-acs-action': '' }],
    ['no version', 'MissingVersion', { 'x-acs-version': '' }],
    ['no date', 'MissingTimestamp', { 'x-acs-date': '' }],
    ['no nonce', 'MissingSignatureNonce', { 'x-acs-signature-nonce': '' }],
    ['a date of another form', 'InvalidTimeStamp.Format', { 'x-acs-date': 'Thu, 01 Jan 2026 00:00:00 GMT' }],
  ])('%s is answered with %s', (_what, code, headers) => {
    const request = sdkRequest({});
    expect(codeOf(() => acs3.parse({ ...request, headers: { ...request.headers, ...headers } }))).toBe(code);
  });

  test('an Accept header for XML only is answered with XML', () => {
    expect(acs3.answersFor(wireRequest({ headers: { accept: 'application/xml' } }))).toBe(xmlAnswers);
    expect(acs3.answersFor(wireRequest({ headers: { accept: 'application/json, text/xml' } }))).toBe(jsonAnswers);
  });
});
