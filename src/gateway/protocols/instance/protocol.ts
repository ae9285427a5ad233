import { hash } from 'node:crypto';
import { ApiError, type ErrorCode } from '../../../lib/errors.ts';
import { productVersions } from '../../../ports/action.ts';
import { equalBytes, rsaVerifier } from '../../signature.ts';
import type { WireHeaders, WireRequest } from '../../wire-request.ts';
import type { ApiCall, Proof, Protocol } from '../protocol.ts';
import { instanceAnswers, migrationHeader, protobufType } from './answers.ts';
import type { InstanceApi } from './api.ts';
import { instanceApis } from './apis.ts';
import type { Fields } from './bytes.ts';
import { decodeMessage, MessageError } from './codec.ts';

const apiVersion = 'dkms-gcs-0.2';
const signatureMethod = 'RSA_PKCS1_SHA_256';
/** Three c's: so it is spelled on the wire. */
const keyIdHeader = 'x-kms-acccesskeyid';

const dateFormat = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/;

function parseDate(text: string): number {
  const time = dateFormat.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time) || new Date(time).toUTCString() !== text) {
    throw new ApiError('InvalidTimeStamp.Format', 'The header date must be an RFC 1123 date in GMT.');
  }
  return time;
}

function required(headers: WireHeaders, name: string, code: ErrorCode): string {
  const value = headers[name];
  if (value === undefined || value === '') throw new ApiError(code, `The header ${name} is missing.`);
  return value;
}

/** The text that the client key signs: method, body digest, type, date, every `x-kms-` header, and the resource `/`. */
export function instanceStringToSign(request: Pick<WireRequest, 'method' | 'headers'>): string {
  const { headers } = request;
  const signed = Object.keys(headers)
    .filter((name) => name.startsWith('x-kms-'))
    .toSorted()
    .map((name) => `${name}:${headers[name]?.trim()}\n`)
    .join('');
  const plain = [request.method, headers['content-sha256'], headers['content-type'], headers['date']];
  return `${plain.map((value) => value ?? '').join('\n')}\n${signed}/`;
}

function checkBodyDigest(request: WireRequest): void {
  const given = required(request.headers, 'content-sha256', 'MissingParameter').toLowerCase();
  if (equalBytes(Buffer.from(given), Buffer.from(hash('sha256', request.body, 'hex')))) return;
  throw new ApiError('InvalidParameter', 'The Param Content-SHA256 is invalid.');
}

function signatureOf(headers: WireHeaders): Buffer {
  const match = /^(?:Bearer|TOKEN) +([A-Za-z0-9+/]+={0,2})$/.exec(headers['authorization'] ?? '');
  if (match === null) throw new ApiError('IncompleteSignature', 'The header authorization must be Bearer <base64>.');
  return Buffer.from(match[1] ?? '', 'base64');
}

/**
 * This protocol has no nonce, and two equal calls of one second are equal in every byte: so a replay within the accepted
 * 15 minutes is not told from a busy client. It reads nothing that its sender could not read again, and changes nothing:
 * only such APIs are in the table.
 */
function proofOf(request: WireRequest): Proof {
  const { headers } = request;
  const accessKeyId = required(headers, keyIdHeader, 'MissingAccessKeyId');
  if (headers['x-kms-signaturemethod'] !== signatureMethod) {
    throw new ApiError('InvalidSignatureMethod', `The header x-kms-signaturemethod must be ${signatureMethod}.`);
  }
  checkBodyDigest(request);
  const { keyKind, verify } = rsaVerifier(instanceStringToSign(request), signatureOf(headers));
  return {
    accessKeyId,
    securityToken: undefined,
    timestamp: parseDate(headers['date'] ?? ''),
    expiredCode: 'IllegalTimestamp',
    nonce: undefined,
    mismatchMessage: 'The signature does not match. Sign with the private key of this client key.',
    keyKind,
    verify,
  };
}

function readMessage(api: InstanceApi, body: Buffer): Fields {
  try {
    return decodeMessage(api.request, body);
  } catch (error) {
    if (error instanceof MessageError) throw new ApiError('ParseRequestParameterException', error.message);
    throw error;
  }
}

/** The key version that the header of migrated ciphertexts names. */
function namedVersion(headers: WireHeaders): Fields {
  const KeyVersionId = headers[migrationHeader];
  return KeyVersionId === undefined || KeyVersionId === '' ? {} : { KeyVersionId };
}

function parse(request: WireRequest): ApiCall {
  const { headers } = request;
  if (request.method !== 'POST') throw new ApiError('UnsupportedHTTPMethod', 'Use POST.');
  if (headers['x-kms-apiversion'] !== apiVersion) {
    throw new ApiError('InvalidVersion', `The header x-kms-apiversion must be ${apiVersion}.`);
  }
  const api = instanceApis.get(headers['x-kms-apiname'] ?? '');
  if (api === undefined) {
    throw new ApiError(
      'InvalidApi.NotFound',
      `The header x-kms-apiname must be one of ${[...instanceApis.keys()].join(', ')}.`,
    );
  }
  const proof = proofOf(request);
  const message = readMessage(api, request.body);
  return {
    protocol: 'instance',
    version: productVersions.Kms,
    action: api.action(message),
    answers: instanceAnswers({ api, request: message }),
    proof,
    parameters: api.parameters(message, namedVersion(headers)),
  };
}

/**
 * The protocol of Alibaba Cloud's KMS instance gateway (dkms-gcs 0.2), for clients that sign with a client key: protobuf
 * messages, one API per request, named in a header.
 */
export const instance: Protocol = {
  name: 'instance',
  recognizes: (request) => request.headers['content-type']?.split(';', 1)[0]?.trim() === protobufType,
  answersFor: () => instanceAnswers(),
  parse,
};
