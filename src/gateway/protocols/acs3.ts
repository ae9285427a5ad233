import { createHmac } from 'node:crypto';
import {
  acs3CanonicalRequest,
  acs3Hash,
  acs3StringToSign,
  type Acs3Digest,
  type Acs3Request,
} from '../../lib/acs3-canonical.ts';
import { ApiError, type ErrorCode } from '../../lib/errors.ts';
import { jsonAnswers, xmlAnswers, type AnswerEncoder } from '../encode.ts';
import { groupParameters } from '../parameter-groups.ts';
import { parseParameters, type ParameterMap } from '../parameters.ts';
import { parseTimestamp } from '../request-time.ts';
import { equalBytes, hmacVerifier, rsaVerifier, type SignatureVerifier } from '../signature.ts';
import type { WireHeaders, WireRequest } from '../wire-request.ts';
import { formBodyOf } from './form-body.ts';
import type { ApiCall, Proof, Protocol } from './protocol.ts';

interface Authorization {
  algorithm: string;
  accessKeyId: string;
  /** What follows the key id in an ACS4 credential: date, region, product, `aliyun_v4_request`. */
  scope: readonly string[];
  signedHeaders: readonly string[];
  signature: Buffer;
}

interface Algorithm {
  digest: Acs3Digest;
  /** Number of parts of the credential's scope. */
  scopeLength: number;
  verifier(stringToSign: string, authorization: Authorization): SignatureVerifier;
}

/** ACS4's signing key: a chain of HMACs over the scope, from `aliyun_v4` + secret (gateway-pop). */
function derivedKey(digest: Acs3Digest, scope: readonly string[]): (secret: Buffer) => Buffer {
  return (secret) =>
    scope.reduce<Buffer>(
      (key, part) => createHmac(digest, key).update(part).digest(),
      Buffer.concat([Buffer.from('aliyun_v4'), secret]),
    );
}

function hmac(digest: Acs3Digest): Algorithm {
  return {
    digest,
    scopeLength: 0,
    verifier: (text, { signature }) => hmacVerifier(digest, text, signature),
  };
}

function derivedHmac(digest: Acs3Digest): Algorithm {
  return {
    digest,
    scopeLength: 4,
    verifier: (text, { scope, signature }) => hmacVerifier(digest, text, signature, derivedKey(digest, scope)),
  };
}

/** Signature algorithms by the name that begins the Authorization header. */
const algorithms: ReadonlyMap<string, Algorithm> = new Map([
  ['ACS3-HMAC-SHA256', hmac('sha256')],
  ['ACS3-HMAC-SM3', hmac('sm3')],
  // With an application access point's client key.
  [
    'ACS3-RSA-SHA256',
    {
      digest: 'sha256',
      scopeLength: 0,
      verifier: (text: string, { signature }: Authorization) => rsaVerifier(text, signature),
    },
  ],
  ['ACS4-HMAC-SHA256', derivedHmac('sha256')],
  ['ACS4-HMAC-SM3', derivedHmac('sm3')],
]);

const authorizationFormat =
  /^(ACS[34]-[A-Z0-9-]+) +Credential=([^,\s]+), *SignedHeaders=([a-z0-9;_-]+), *Signature=([0-9a-f]{2,2048})$/;

function parseAuthorization(text: string): Authorization {
  const match = authorizationFormat.exec(text);
  if (match === null) {
    const advice = 'Write Authorization: ACS3-HMAC-SHA256 Credential=<id>,SignedHeaders=<a;b>,Signature=<hex>.';
    throw new ApiError('IncompleteSignature', advice);
  }
  const [, algorithm = '', credential = '', signedHeaders = '', signature = ''] = match;
  const [accessKeyId = '', ...scope] = credential.split('/');
  return {
    algorithm,
    accessKeyId,
    scope,
    signedHeaders: signedHeaders.split(';'),
    signature: Buffer.from(signature, 'hex'),
  };
}

function algorithmOf(authorization: Authorization): Algorithm {
  const algorithm = algorithms.get(authorization.algorithm);
  if (algorithm === undefined || algorithm.scopeLength !== authorization.scope.length) {
    throw new ApiError('InvalidSignatureMethod', `Sign with one of ${[...algorithms.keys()].join(', ')}.`);
  }
  return algorithm;
}

function requiredHeader(headers: WireHeaders, name: string, code: ErrorCode = 'MissingParameter'): string {
  const value = headers[name];
  if (value === undefined || value === '') throw new ApiError(code, `The header ${name} is missing.`);
  return value;
}

/** Headers that change what a request means must be signed: `host`, every `x-acs-*`, and a body's content type. */
function mustBeSigned(name: string, hasBody: boolean): boolean {
  return name.startsWith('x-acs-') || name === 'host' || (hasBody && name === 'content-type');
}

function checkSignedHeaders(request: WireRequest, signedHeaders: ReadonlySet<string>): void {
  for (const name of Object.keys(request.headers)) {
    if (mustBeSigned(name, request.body.length > 0) && !signedHeaders.has(name)) {
      throw new ApiError('IncompleteSignature', `The header ${name.slice(0, 64)} must be among SignedHeaders.`);
    }
  }
  requiredHeader(request.headers, 'host');
}

/** The signed headers in the order of SignedHeaders, which must be ascending: one request has one canonical form. */
function signedHeaderPairs(request: WireRequest, names: readonly string[]): Acs3Request['headers'] {
  let previous = '';
  return names.map((name): readonly [string, string] => {
    if (name <= previous) throw new ApiError('IncompleteSignature', 'SignedHeaders must be ascending and unique.');
    previous = name;
    return [name, request.headers[name] ?? ''];
  });
}

/** With SM3 some SDKs name the header after it (gateway-pop), and others do not (openapi-util). */
function payloadHash({ headers, body }: WireRequest, digest: Acs3Digest): string {
  const isNamed = digest === 'sm3' && headers['x-acs-content-sm3'] !== undefined;
  const header = isNamed ? 'x-acs-content-sm3' : 'x-acs-content-sha256';
  const given = requiredHeader(headers, header).toLowerCase();
  const actual = acs3Hash(digest, body);
  if (!equalBytes(Buffer.from(given), Buffer.from(actual))) {
    throw new ApiError('SignatureDoesNotMatch', `The header ${header} is not the digest of the body.`);
  }
  return actual;
}

function anyOf(verifiers: readonly [SignatureVerifier, ...SignatureVerifier[]]): SignatureVerifier {
  return {
    keyKind: verifiers[0].keyKind,
    verify: (key) => verifiers.some((verifier) => verifier.verify(key)),
  };
}

/**
 * Alibaba's Node SDK signs parameter names unencoded, its other SDKs encode them; with ACS4 it leaves the `=` out where there
 * is no value. Mostly all are the same.
 */
function stringsToSign(request: WireRequest, authorization: Authorization, digest: Acs3Digest): [string, ...string[]] {
  const canonical: Acs3Request = {
    method: request.method,
    path: request.path,
    query: [...parseParameters(request.query)],
    headers: signedHeaderPairs(request, authorization.signedHeaders),
    payloadHash: payloadHash(request, digest),
  };
  const text = (encodeNames: boolean, bareNames?: boolean): string =>
    acs3StringToSign(authorization.algorithm, digest, acs3CanonicalRequest(canonical, encodeNames, bareNames));
  const encoded = text(true);
  const namesArePlain = canonical.query.every(([name]) => /^[\w.~-]*$/.test(name));
  const isBare = authorization.scope.length > 0 && canonical.query.some(([, value]) => value === '');
  return [encoded, ...(namesArePlain ? [] : [text(false)]), ...(isBare ? [text(true, true)] : [])];
}

function checkedKeyId(headers: WireHeaders, authorization: Authorization): string {
  const repeated = headers['x-acs-accesskey-id'];
  if (repeated !== undefined && repeated !== authorization.accessKeyId) {
    throw new ApiError('IncompleteSignature', 'The header x-acs-accesskey-id differs from the Credential.');
  }
  return authorization.accessKeyId;
}

function proofOf(request: WireRequest): Proof {
  const { headers } = request;
  const authorization = parseAuthorization(headers['authorization'] ?? '');
  const algorithm = algorithmOf(authorization);
  checkSignedHeaders(request, new Set(authorization.signedHeaders));
  const texts = stringsToSign(request, authorization, algorithm.digest);
  const [first, ...others] = texts;
  const verifier = anyOf([
    algorithm.verifier(first, authorization),
    ...others.map((text) => algorithm.verifier(text, authorization)),
  ]);
  return {
    accessKeyId: checkedKeyId(headers, authorization),
    securityToken: headers['x-acs-security-token'],
    timestamp: parseTimestamp(requiredHeader(headers, 'x-acs-date', 'MissingTimestamp')),
    expiredCode: 'InvalidTimeStamp.Expired',
    nonce: requiredHeader(headers, 'x-acs-signature-nonce', 'MissingSignatureNonce'),
    // ACS3's string to sign is an algorithm name and a digest: it gives nothing away.
    mismatchMessage: `Specified signature does not match our calculation. server StringToSign is ${first}`,
    keyKind: verifier.keyKind,
    verify: verifier.verify,
  };
}

function parametersOf(request: WireRequest): ParameterMap {
  return parseParameters(request.query, formBodyOf(request));
}

function answersFor(request: WireRequest): AnswerEncoder {
  const accept = request.headers['accept'] ?? '';
  return accept.includes('xml') && !accept.includes('json') ? xmlAnswers : jsonAnswers;
}

function parse(request: WireRequest): ApiCall {
  return {
    protocol: request.headers['authorization']?.startsWith('ACS4-') === true ? 'acs4' : 'acs3',
    action: requiredHeader(request.headers, 'x-acs-action', 'MissingAction'),
    version: requiredHeader(request.headers, 'x-acs-version', 'MissingVersion'),
    answers: answersFor(request),
    parameters: groupParameters(parametersOf(request)),
    proof: proofOf(request),
  };
}

/**
 * Alibaba Cloud's signature V3 (ACS3) and its variant with a derived key (ACS4): action, version, date and nonce are
 * headers, parameters are in the query or in an urlencoded body.
 */
export const acs3: Protocol = {
  name: 'acs3',
  recognizes: (request) => /^ACS[34]-/.test(request.headers['authorization'] ?? ''),
  answersFor,
  parse,
};
