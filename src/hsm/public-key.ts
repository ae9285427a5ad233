import { createPublicKey } from 'node:crypto';
import type { Handle } from 'pkcs11js';
import type { KeySpecRow } from '../crypto/key-specs.ts';
import type { OpenToken } from './module.ts';

/** Names of curves in JSON Web Keys (RFC 7518 §6.2.1.1, RFC 8812 §3.1). */
const jwkCurves: Readonly<Record<string, string>> = { prime256v1: 'P-256', secp256k1: 'secp256k1' };
const coordinateBytes = 32;

/** SubjectPublicKeyInfo of a public key of the token, DER. */
export function exportPublicKey(
  { binding, library }: OpenToken,
  session: Handle,
  key: Handle,
  row: KeySpecRow,
): Buffer {
  const read = (...types: number[]): Buffer[] =>
    library
      .C_GetAttributeValue(
        session,
        key,
        types.map((type) => ({ type })),
      )
      .map(({ value }) => value);
  const jwk =
    row.pair !== undefined && 'namedCurve' in row.pair
      ? ellipticKey(jwkCurves[row.pair.namedCurve] ?? '', read(binding.CKA_EC_POINT))
      : rsaKey(read(binding.CKA_MODULUS, binding.CKA_PUBLIC_EXPONENT));
  return createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'der' });
}

function rsaKey([modulus, exponent]: Buffer[]): Record<string, string> {
  return { kty: 'RSA', n: modulus?.toString('base64url') ?? '', e: exponent?.toString('base64url') ?? '' };
}

/** CKA_EC_POINT is the DER of an OCTET STRING with an uncompressed point; some tokens leave the DER out. */
function ellipticKey(crv: string, [point = Buffer.alloc(0)]: Buffer[]): Record<string, string> {
  const coordinates = point.subarray(-2 * coordinateBytes);
  const x = coordinates.subarray(0, coordinateBytes).toString('base64url');
  return { kty: 'EC', crv, x, y: coordinates.subarray(coordinateBytes).toString('base64url') };
}
