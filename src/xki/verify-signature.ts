import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import {
  parseAmzDate,
  parseSigV4Authorization,
  signSigV4,
  type SigV4Authorization,
  type SigV4Credential,
} from '../crypto/sigv4.ts';
import { ProxyError } from './proxy-error.ts';

/** Whose signatures a prefix takes. */
export interface SignaturePolicy {
  /** One or two: the second while the first is being replaced. */
  readonly credentials: readonly SigV4Credential[];
  readonly region: string;
}

const service = 'kms-xks-proxy';
const maxSkewMs = 5 * 60_000;
/** Stands in for the secret of an unknown access key, so that it takes as long as a known one. */
const nobody: SigV4Credential = { accessKeyId: 'NOBODY', secretAccessKey: 'x'.repeat(43) };

/**
 * Verifies the SigV4 signature of a request: the headers that it says it signed, as they arrived. Gives the access key id.
 * Throws `AuthenticationFailedException` whatever is wrong, without saying what: only the clock is named, which no secret
 * depends on.
 */
export async function verifySignature(
  request: Pick<IncomingMessage, 'method' | 'url' | 'headers'>,
  body: Uint8Array,
  policy: SignaturePolicy,
  now: number,
): Promise<string> {
  const authorization = parseSigV4Authorization(request.headers.authorization ?? '');
  const amzDate = textOf(request.headers['x-amz-date']);
  const time = parseAmzDate(amzDate ?? '');
  if (authorization === undefined || time === undefined || amzDate === undefined) throw refused();
  if (!isAddressed(authorization, policy.region, amzDate)) throw refused();
  if (Math.abs(now - time) > maxSkewMs) {
    throw new ProxyError('AuthenticationFailedException', 'The date of the request is more than five minutes off.');
  }
  const known = policy.credentials.find(({ accessKeyId }) => accessKeyId === authorization.accessKeyId);
  const expected = await signatureOf(request, body, known ?? nobody, authorization, time);
  const given = Buffer.from(authorization.signature, 'hex');
  const matches = expected !== undefined && timingSafeEqual(expected, given);
  if (known === undefined || !matches) throw refused();
  return known.accessKeyId;
}

function isAddressed({ date, scope, signedHeaders }: SigV4Authorization, region: string, amzDate: string): boolean {
  const names = new Set(signedHeaders);
  const covers = names.has('host') && names.has('x-amz-date') && names.size === signedHeaders.length;
  return covers && date === amzDate.slice(0, 8) && scope.region === region && scope.service === service;
}

/** The signature that the request should have; `undefined` when a header it says it signed has not arrived. */
async function signatureOf(
  request: Pick<IncomingMessage, 'method' | 'url' | 'headers'>,
  body: Uint8Array,
  credential: SigV4Credential,
  authorization: SigV4Authorization,
  time: number,
): Promise<Buffer | undefined> {
  const headers: Record<string, string> = {};
  for (const name of authorization.signedHeaders) {
    const value = textOf(request.headers[name]);
    if (value === undefined) return undefined;
    headers[name] = value;
  }
  const host = headers['host'] ?? '';
  const signable = { method: request.method ?? '', host, path: request.url ?? '', headers, body };
  const signed = await signSigV4(signable, credential, authorization.scope, time);
  const again = parseSigV4Authorization(signed['authorization'] ?? '');
  return again === undefined ? undefined : Buffer.from(again.signature, 'hex');
}

function textOf(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function refused(): ProxyError {
  return new ProxyError('AuthenticationFailedException', 'The signature of the request does not verify.');
}
