import { createSign, generateKeyPairSync } from 'node:crypto';
import { createRequire } from 'node:module';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ApiError } from '../../../src/lib/errors.ts';
import { SecretBytes } from '../../../src/lib/secret-bytes.ts';
import { parseParameters } from '../../../src/gateway/parameters.ts';
import { rpcStringToSign, rpcV1 } from '../../../src/gateway/protocols/rpc-v1.ts';
import type { VerificationKey } from '../../../src/gateway/signature.ts';
import { sdkQuery, wireRequest } from '../../support/wire.ts';

const load = createRequire(import.meta.url);
const rpcUtil = load('@alicloud/rpc-util') as {
  default: { getSignatureV1(parameters: object, method: string, secret: string): string };
};

const secretText = 'testsecret';
const key: VerificationKey = { kind: 'AccessKey', secret: SecretBytes.fromUtf8(secretText) };

const common = {
  AccessKeyId: 'testid',
  Action: 'Encrypt',
  Format: 'json',
  SignatureMethod: 'HMAC-SHA1',
  SignatureNonce: 'n1',
  SignatureVersion: '1.0',
  Timestamp: '2026-01-01T00:00:00Z',
  Version: '2016-01-20',
};

function signed(method: string, parameters: Record<string, string>): Record<string, string> {
  return { ...parameters, Signature: rpcUtil.default.getSignatureV1(parameters, method, secretText) };
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
const businessParameters = fc.dictionary(
  fc.stringMatching(/^[A-Z][A-Za-z]{1,12}(\.[1-9])?$/).map((name) => `X${name}`),
  textValue,
  { maxKeys: 8 },
);

describe('RPC V1 signatures', () => {
  test('the documented example of CreateKey gives the documented signature', () => {
    const { SignatureNonce: _none, ...rest } = common;
    const parameters = {
      ...rest,
      Action: 'CreateKey',
      Timestamp: '2016-03-28T03:13:08Z',
      Signature: '41wk2SSX1GJh7fwnc5eqOfiJPFg=',
    };
    const { proof } = rpcV1.parse(wireRequest({ method: 'GET', query: sdkQuery(parameters) }));
    expect(proof?.verify(key)).toBe(true);
  });

  test('whatever the SDK signs in the query is verified', () => {
    fc.assert(
      fc.property(businessParameters, fc.constantFrom('GET', 'POST'), (business, method) => {
        const query = sdkQuery(signed(method, { ...common, ...business }));
        expect(rpcV1.parse(wireRequest({ method, query })).proof?.verify(key)).toBe(true);
      }),
    );
  });

  test('whatever the SDK signs is verified when it is split over query and body', () => {
    fc.assert(
      fc.property(businessParameters, (business) => {
        const query = sdkQuery(signed('POST', { ...common, ...business })).split('&');
        const half = Math.floor(query.length / 2);
        const request = wireRequest({
          query: query.slice(0, half).join('&'),
          body: Buffer.from(query.slice(half).join('&')),
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
        });
        expect(rpcV1.parse(request).proof?.verify(key)).toBe(true);
      }),
    );
  });

  test('C6: changing any value, adding a parameter or changing the method breaks the signature', () => {
    fc.assert(
      fc.property(businessParameters, fc.nat(), (business, pick) => {
        const parameters = signed('POST', { ...common, ...business });
        const names = Object.keys(parameters).filter(
          (name) => !/^(Signature|SignatureMethod|SignatureVersion|Timestamp)$/.test(name),
        );
        const name = names[pick % names.length] ?? 'Action';
        const changed = { ...parameters, [name]: `${parameters[name]}x` };
        expect(rpcV1.parse(wireRequest({ query: sdkQuery(changed) })).proof?.verify(key)).toBe(false);
        const added = { ...parameters, Added: '1' };
        expect(rpcV1.parse(wireRequest({ query: sdkQuery(added) })).proof?.verify(key)).toBe(false);
        expect(rpcV1.parse(wireRequest({ method: 'GET', query: sdkQuery(parameters) })).proof?.verify(key)).toBe(false);
      }),
    );
  });

  test('a client key signs with SHA256withRSA and SignatureType PRIVATEKEY', () => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const parameters = {
      ...common,
      AccessKeyId: 'KAAP.1',
      SignatureMethod: 'SHA256withRSA',
      SignatureType: 'PRIVATEKEY',
    };
    const text = rpcStringToSign('POST', parseParameters(sdkQuery(parameters)));
    const Signature = createSign('RSA-SHA256').update(text).sign(privateKey, 'base64');
    const { proof } = rpcV1.parse(wireRequest({ query: sdkQuery({ ...parameters, Signature }) }));
    expect(proof?.verify({ kind: 'ClientKey', publicKey })).toBe(true);
    expect(proof?.verify(key)).toBe(false);
  });
});

describe('RPC V1 requests', () => {
  const parse = (parameters: Record<string, string>): unknown =>
    rpcV1.parse(wireRequest({ query: sdkQuery(parameters) }));

  test.each([
    ['no action', 'MissingAction', { Action: '' }],
    ['no version', 'MissingVersion', { Version: '' }],
    ['no timestamp', 'MissingTimestamp', { Timestamp: '' }],
    ['no access key id', 'MissingAccessKeyId', { AccessKeyId: '' }],
    ['no signature', 'MissingSignature', { Signature: '' }],
    ['no signature method', 'MissingSignatureMethod', { SignatureMethod: '' }],
    ['a timestamp of another form', 'InvalidTimeStamp.Format', { Timestamp: '2026-01-01 00:00:00' }],
    ['an unknown signature method', 'InvalidSignatureMethod', { SignatureMethod: 'HMAC-MD5' }],
    ['an unknown signature version', 'InvalidSignatureMethod', { SignatureVersion: '2.0' }],
    ['a client key method without its type', 'InvalidSignatureMethod', { SignatureMethod: 'SHA256withRSA' }],
    ['a bearer token', 'InvalidSignatureMethod', { SignatureType: 'BEARERTOKEN', BearerToken: 'x' }],
    ['no nonce, outside KMS', 'MissingSignatureNonce', { SignatureNonce: '', Version: '2015-04-01' }],
  ])('%s is answered with %s', (_what, code, change) => {
    expect(codeOf(() => parse({ ...common, Signature: 'x', ...change }))).toBe(code);
  });

  test('a KMS request without a nonce counts by its signed text, however its signature is spelled', () => {
    const nonceOf = (change: Record<string, string>): string | undefined =>
      rpcV1.parse(wireRequest({ query: sdkQuery({ ...common, SignatureNonce: '', Signature: 'QUJD', ...change }) }))
        .proof?.nonce;
    expect(nonceOf({})).toBe(nonceOf({ Signature: 'QUJD====' }));
    expect(nonceOf({})).not.toBe(nonceOf({ Timestamp: '2026-01-01T00:00:01Z' }));
  });

  test('fractional seconds are read', () => {
    const { proof } = rpcV1.parse(
      wireRequest({ query: sdkQuery({ ...common, Signature: 'x', Timestamp: '2026-01-01T00:00:00.123456789Z' }) }),
    );
    expect(proof?.timestamp).toBe(Date.UTC(2026, 0, 1, 0, 0, 0, 123));
  });

  test('I1: a parameter that is in the query and in the body is refused', () => {
    const request = wireRequest({
      query: sdkQuery({ ...common, Signature: 'x', KeyId: 'a' }),
      body: Buffer.from('KeyId=b'),
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect(codeOf(() => rpcV1.parse(request))).toBe('ParseRequestParameterException');
  });

  test('C8: a JSON body is refused', () => {
    const request = wireRequest({ body: Buffer.from('{}'), headers: { 'content-type': 'application/json' } });
    expect(codeOf(() => rpcV1.parse(request))).toBe('ParseRequestParameterException');
  });

  test('H4: the message of a mismatch holds no parameter', () => {
    const query = sdkQuery({ ...common, Signature: 'x', Plaintext: 'canary-1', SecurityToken: 'canary-2' });
    const message = rpcV1.parse(wireRequest({ query })).proof?.mismatchMessage ?? '';
    expect(message).toContain('server string to sign is:');
    expect(message).not.toContain('canary');
  });

  test('an unsigned request may name its action in headers', () => {
    const headers = { 'x-acs-action': 'AssumeRoleWithOIDC', 'x-acs-version': '2015-04-01' };
    expect(rpcV1.parse(wireRequest({ headers }))).toMatchObject({
      action: 'AssumeRoleWithOIDC',
      version: '2015-04-01',
    });
  });

  test('a signed request may not name its action in unsigned headers', () => {
    const headers = { 'x-acs-action': 'Decrypt', 'x-acs-version': '2016-01-20' };
    const query = sdkQuery({ ...common, Action: '', Signature: 'x' });
    expect(codeOf(() => rpcV1.parse(wireRequest({ headers, query })))).toBe('MissingAction');
  });

  test('a bearer token header is refused clearly', () => {
    const headers = { 'x-acs-action': 'Decrypt', 'x-acs-version': '2016-01-20', 'x-acs-bearer-token': 'x' };
    expect(codeOf(() => rpcV1.parse(wireRequest({ headers })))).toBe('InvalidSignatureMethod');
  });
});
