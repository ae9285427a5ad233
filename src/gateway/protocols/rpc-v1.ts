import { hash } from 'node:crypto';
import { ApiError, type ErrorCode } from '../../lib/errors.ts';
import { percentEncode } from '../../lib/percent-encoding.ts';
import { productVersions } from '../../ports/action.ts';
import { jsonAnswers, xmlAnswers, type AnswerEncoder } from '../encode.ts';
import { groupParameters } from '../parameter-groups.ts';
import { parseParameters, type ParameterMap } from '../parameters.ts';
import { parseTimestamp } from '../request-time.ts';
import { hmacVerifier, rsaVerifier, type SignatureVerifier } from '../signature.ts';
import type { WireRequest } from '../wire-request.ts';
import { formBodyOf } from './form-body.ts';
import type { ApiCall, Proof, Protocol } from './protocol.ts';

/** Parameters of the protocol itself; no action sees them. */
export const commonParameters: ReadonlySet<string> = new Set([
  'AccessKeyId',
  'Action',
  'Format',
  'SecurityToken',
  'Signature',
  'SignatureMethod',
  'SignatureNonce',
  'SignatureType',
  'SignatureVersion',
  'Timestamp',
  'Version',
]);

interface SignatureMethod {
  /** Accepted values of `SignatureType`; absent and empty are the same. */
  readonly types: readonly string[];
  verifier(stringToSign: string, signature: Buffer): SignatureVerifier;
}

const bearerAdvice = 'Bearer tokens are not accepted. Sign with an access key, an STS session or a client key.';

const ampersand = Buffer.from('&');

/** Signature methods of RPC signature version 1.0, by `SignatureMethod`. */
const methods: ReadonlyMap<string, SignatureMethod> = new Map([
  [
    'HMAC-SHA1',
    {
      types: [''],
      verifier: (text, signature) =>
        hmacVerifier('sha1', text, signature, (secret) => Buffer.concat([secret, ampersand])),
    },
  ],
  // An application access point's client key against the shared gateway.
  ['SHA256withRSA', { types: ['PRIVATEKEY'], verifier: rsaVerifier }],
]);

function byName(a: readonly [string, string], b: readonly [string, string]): number {
  return a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0;
}

/** The text that an RPC V1 signature covers: every parameter of query and body but `Signature`. */
export function rpcStringToSign(method: string, parameters: ParameterMap): string {
  const canonical = [...parameters]
    .filter(([name]) => name !== 'Signature')
    .toSorted(byName)
    .map(([name, value]) => `${percentEncode(name)}=${percentEncode(value)}`)
    .join('&');
  return `${method}&%2F&${percentEncode(canonical)}`;
}

function required(parameters: ParameterMap, name: string, code: ErrorCode): string {
  const value = parameters.get(name);
  if (value === undefined || value === '') throw new ApiError(code, `The parameter ${name} is missing.`);
  return value;
}

function signatureMethod(parameters: ParameterMap): SignatureMethod {
  const type = parameters.get('SignatureType') ?? '';
  if (type === 'BEARERTOKEN' || parameters.has('BearerToken')) {
    throw new ApiError('InvalidSignatureMethod', bearerAdvice);
  }
  const version = parameters.get('SignatureVersion') ?? '1.0';
  const method = methods.get(required(parameters, 'SignatureMethod', 'MissingSignatureMethod'));
  if (method === undefined || version !== '1.0' || !method.types.includes(type)) {
    const advice = 'Use SignatureVersion 1.0 with HMAC-SHA1, or with SHA256withRSA and SignatureType PRIVATEKEY.';
    throw new ApiError('InvalidSignatureMethod', advice);
  }
  return method;
}

/**
 * The request's nonce. The documentation's example of KMS 2016-01-20 has none, so early clients of KMS send none: for
 * them the signed text itself is the nonce, and the same call twice within a second is refused like a replay.
 */
function nonceOf(parameters: ParameterMap, textDigest: string): string {
  const nonce = parameters.get('SignatureNonce');
  if (nonce !== undefined && nonce !== '') return nonce;
  if (parameters.get('Version') === productVersions.Kms) return `text:${textDigest}`;
  throw new ApiError('MissingSignatureNonce', 'The parameter SignatureNonce is missing. Send a new one each time.');
}

function proofOf(method: string, parameters: ParameterMap): Proof {
  const algorithm = signatureMethod(parameters);
  const accessKeyId = required(parameters, 'AccessKeyId', 'MissingAccessKeyId');
  const timestamp = parseTimestamp(required(parameters, 'Timestamp', 'MissingTimestamp'));
  const signature = Buffer.from(required(parameters, 'Signature', 'MissingSignature'), 'base64');
  const stringToSign = rpcStringToSign(method, parameters);
  const textDigest = hash('sha256', stringToSign, 'hex');
  const { keyKind, verify } = algorithm.verifier(stringToSign, signature);
  return {
    accessKeyId,
    securityToken: parameters.get('SecurityToken') || undefined,
    timestamp,
    expiredCode: 'InvalidTimeStamp.Expired',
    nonce: nonceOf(parameters, textDigest),
    // The text holds every parameter, Plaintext and SecurityToken too, and error messages end up in logs: so its digest.
    mismatchMessage: `Specified signature is not matched with our calculation. SHA-256 of the server string to sign is:${textDigest}`,
    keyKind,
    verify,
  };
}

function isSigned(parameters: ParameterMap): boolean {
  return parameters.has('Signature') || parameters.has('AccessKeyId') || parameters.has('BearerToken');
}

/** An unsigned request may name its action in headers, as the SDKs of ACS3 do for AssumeRoleWithOIDC. */
function unsignedName(request: WireRequest, parameters: ParameterMap, name: string, header: string): string {
  const value = parameters.get(name) ?? request.headers[header];
  if (value !== undefined && value !== '') return value;
  const code = name === 'Action' ? 'MissingAction' : 'MissingVersion';
  throw new ApiError(code, `The parameter ${name} is missing.`);
}

function parseUnsigned(request: WireRequest, parameters: ParameterMap): Pick<ApiCall, 'action' | 'version'> {
  if (
    request.headers['x-acs-bearer-token'] !== undefined ||
    request.headers['x-acs-zero-trust-idtoken'] !== undefined
  ) {
    throw new ApiError('InvalidSignatureMethod', bearerAdvice);
  }
  return {
    action: unsignedName(request, parameters, 'Action', 'x-acs-action'),
    version: unsignedName(request, parameters, 'Version', 'x-acs-version'),
  };
}

function answersIn(format: string | undefined): AnswerEncoder {
  return format?.toUpperCase() === 'XML' ? xmlAnswers : jsonAnswers;
}

function parse(request: WireRequest): ApiCall {
  const parameters = parseParameters(request.query, formBodyOf(request));
  const call = {
    protocol: 'rpc-v1',
    answers: answersIn(parameters.get('Format')),
    parameters: groupParameters(parameters, commonParameters),
  };
  if (!isSigned(parameters)) return { ...call, ...parseUnsigned(request, parameters) };
  return {
    ...call,
    action: required(parameters, 'Action', 'MissingAction'),
    version: required(parameters, 'Version', 'MissingVersion'),
    proof: proofOf(request.method, parameters),
  };
}

/**
 * Alibaba Cloud's RPC protocol with signature version 1.0: everything is a parameter, in the query, in an urlencoded body,
 * or in both. Unsigned requests are of this protocol too. Answers are JSON unless `Format=XML`.
 */
export const rpcV1: Protocol = {
  name: 'rpc-v1',
  recognizes: () => true,
  answersFor: (request) => answersIn(/(?:^|&)Format=(\w+)/.exec(request.query)?.[1]),
  parse,
};
