import { createHmac, randomBytes, sign } from 'node:crypto';
import { acs3CanonicalRequest, acs3Hash, acs3StringToSign } from '../lib/acs3-canonical.ts';
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

function plainHeaders(request: UnsignedRequest): Record<string, string> {
  return {
    'content-type': 'application/x-www-form-urlencoded',
    host: request.host,
    'x-acs-action': request.action,
    'x-acs-content-sha256': acs3Hash('sha256', request.body),
    'x-acs-date': new Date(request.time).toISOString().replace(/\.\d+Z$/, 'Z'),
    'x-acs-signature-nonce': randomBytes(16).toString('hex'),
    'x-acs-version': request.version,
  };
}

/**
 * The headers of a POST to `/`, signed as ACS3-HMAC-SHA256 with an access key or ACS3-RSA-SHA256 with a client key; all
 * of them but accept and user-agent are covered. Without a credential, the same headers unsigned.
 */
export function signRequest(
  request: UnsignedRequest,
  credential: RequestCredential | undefined,
): Record<string, string> {
  const headers = plainHeaders(request);
  if (credential?.kind === 'AccessKey' && credential.securityToken !== undefined) {
    headers['x-acs-accesskey-id'] = credential.accessKeyId;
    headers['x-acs-security-token'] = credential.securityToken;
  }
  const unsigned = { accept: 'application/json', 'user-agent': request.userAgent };
  if (credential === undefined) return { ...headers, ...unsigned };
  const signed = Object.entries(headers).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const canonical = acs3CanonicalRequest(
    { method: 'POST', path: '/', query: [], headers: signed, payloadHash: headers['x-acs-content-sha256'] ?? '' },
    true,
  );
  const algorithm = algorithms[credential.kind];
  const signature = signatureOf(credential, acs3StringToSign(algorithm, 'sha256', canonical));
  const keyId = credential.kind === 'AccessKey' ? credential.accessKeyId : credential.keyId;
  const names = signed.map(([name]) => name).join(';');
  const authorization = `${algorithm} Credential=${keyId},SignedHeaders=${names},Signature=${signature}`;
  return { ...headers, ...unsigned, authorization };
}
