import { createHmac, randomBytes, sign } from 'node:crypto';
import { acs3CanonicalRequest, acs3StringToSign } from '../lib/acs3-canonical.ts';
import { acs3Authorization, acs3CallHeaders } from '../lib/acs3-headers.ts';
import type { RequestCredential } from './credentials.ts';

export interface UnsignedRequest {
  host: string;
  /** API version such as `2016-01-20`. */
  version: string;
  action: string;
  /** `application/x-www-form-urlencoded`; empty when the action has no parameters. */
  body: string;
  /** Milliseconds since the Unix epoch. */
  time: number;
  userAgent: string;
}

const algorithms: Readonly<Record<RequestCredential['kind'], string>> = {
  AccessKey: 'ACS3-HMAC-SHA256',
  ClientKey: 'ACS3-RSA-SHA256',
};

function signatureOf(credential: RequestCredential, stringToSign: string): string {
  return credential.kind === 'AccessKey'
    ? createHmac('sha256', credential.accessKeySecret).update(stringToSign).digest('hex')
    : sign('sha256', Buffer.from(stringToSign), credential.privateKey).toString('hex');
}

/** A time as ACS3 writes it: UTC, whole seconds. */
export function acs3Date(time: number): string {
  return new Date(time).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** Hexadecimal signature of a `POST` to `/` whose headers are all covered. */
export function signHeaders(headers: Readonly<Record<string, string>>, credential: RequestCredential): string {
  const signed = Object.entries(headers).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const payloadHash = headers['x-acs-content-sha256'] ?? '';
  const canonical = acs3CanonicalRequest({ method: 'POST', path: '/', query: [], headers: signed, payloadHash }, true);
  return signatureOf(credential, acs3StringToSign(algorithms[credential.kind], 'sha256', canonical));
}

/**
 * The headers of a POST to `/`, signed as ACS3-HMAC-SHA256 with an access key or ACS3-RSA-SHA256 with a client key; all
 * of them but accept and user-agent are covered. Without a credential, the same headers unsigned.
 */
export function signRequest(
  request: UnsignedRequest,
  credential: RequestCredential | undefined,
): Record<string, string> {
  const nonce = randomBytes(16).toString('hex');
  const session = credential?.kind === 'AccessKey' ? credential : {};
  const headers = acs3CallHeaders({ ...session, ...request, date: acs3Date(request.time), nonce });
  const unsigned = { accept: 'application/json', 'user-agent': request.userAgent };
  if (credential === undefined) return { ...headers, ...unsigned };
  const keyId = credential.kind === 'AccessKey' ? credential.accessKeyId : credential.keyId;
  const signature = signHeaders(headers, credential);
  return {
    ...headers,
    ...unsigned,
    authorization: acs3Authorization(algorithms[credential.kind], keyId, headers, signature),
  };
}
