import { createHash, hash } from 'node:crypto';
import { percentEncode } from './percent-encoding.ts';

/** A digest that ACS3 signatures use, by its node:crypto name. */
export type Acs3Digest = 'sha256' | 'sm3';

/** What an ACS3 signature covers. */
export interface Acs3Request {
  method: string;
  path: string;
  /** Decoded query parameters; names are unique. */
  query: readonly (readonly [name: string, value: string])[];
  /** Lower-case header names in ascending order, each with its trimmed value. */
  headers: readonly (readonly [name: string, value: string])[];
  /** Hexadecimal digest of the body. */
  payloadHash: string;
}

/** Hexadecimal digest of `data`. */
export function acs3Hash(digest: Acs3Digest, data: string | Uint8Array): string {
  // crypto.hash refuses SM3 in some builds of OpenSSL; createHash has both.
  return digest === 'sha256' ? hash('sha256', data, 'hex') : createHash(digest).update(data).digest('hex');
}

function byName(a: readonly [string, string], b: readonly [string, string]): number {
  return a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0;
}

/**
 * The query as it is signed: names ascending by UTF-16 code unit, values percent-encoded. Alibaba's Node SDK signs names
 * as they are, its other SDKs percent-encode them: `encodeNames` says which. With ACS4 a name without a value has no `=`
 * (gateway-pop): `bareNames`.
 */
export function acs3CanonicalQuery(query: Acs3Request['query'], encodeNames: boolean, bareNames = false): string {
  return query
    .toSorted(byName)
    .map(([name, value]) => {
      const written = encodeNames ? percentEncode(name) : name;
      return bareNames && value === '' ? written : `${written}=${percentEncode(value)}`;
    })
    .join('&');
}

/** The canonical request of "Request syntax and signature method V3". */
export function acs3CanonicalRequest(request: Acs3Request, encodeNames: boolean, bareNames = false): string {
  const headers = request.headers.map(([name, value]) => `${name}:${value}\n`).join('');
  const signedHeaders = request.headers.map(([name]) => name).join(';');
  const query = acs3CanonicalQuery(request.query, encodeNames, bareNames);
  return `${request.method}\n${request.path}\n${query}\n${headers}\n${signedHeaders}\n${request.payloadHash}`;
}

/** The text whose HMAC or RSA signature is sent. It holds a digest of the request, so it gives no parameter away. */
export function acs3StringToSign(algorithm: string, digest: Acs3Digest, canonicalRequest: string): string {
  return `${algorithm}\n${acs3Hash(digest, canonicalRequest)}`;
}
