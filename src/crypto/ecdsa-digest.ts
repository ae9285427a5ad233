import { createECDH, createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';
import { derBitString, derInteger, derOctetString, derOid, derSequence } from './der.ts';
import { bytesOf, formatScalarPair, inverse, parseScalarPair, scalarBytes, scalarOf } from './scalar.ts';

/**
 * ECDSA over a SHA-256 digest, where node:crypto signs messages only.
 *
 * A signature (r, s) of the digest z by the key d fulfils s = (z + r·d) / k. Multiplied by c = h / z this is the
 * signature (r, c·s) of the digest h by the key c·d, with the same nonce k. So node:crypto signs, with the key c·d, the
 * one message whose digest is h, and s is divided by c afterwards; verification goes the same way. OpenSSL draws the
 * nonce and does all that is done with points; only products modulo the order of the group are computed here.
 */
export interface EcdsaCurve {
  /** OpenSSL's name, as key generation takes it. */
  readonly namedCurve: 'prime256v1' | 'secp256k1';
  readonly oid: string;
  /** Order of the group (SEC 2 §2.4). */
  readonly order: bigint;
}

export const p256: EcdsaCurve = {
  namedCurve: 'prime256v1',
  oid: '1.2.840.10045.3.1.7',
  order: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
};

export const p256k: EcdsaCurve = {
  namedCurve: 'secp256k1',
  oid: '1.3.132.0.10',
  order: 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n,
};

const ecPublicKey = '1.2.840.10045.2.1';
const message = Buffer.alloc(0);
/** SHA-256 of {@link message}. */
const messageDigest = 0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855n;

/** A digest that no message has: zero modulo the order of the group. */
export class DigestError extends Error {}

/** Signs a digest of 32 bytes: ASN.1 DER of (r, s). Throws {@link DigestError} for a digest that is zero. */
export function signEcdsaDigest(curve: EcdsaCurve, key: KeyObject, digest: Uint8Array): Buffer {
  const factor = factorOf(curve, digest);
  if (factor === undefined) throw new DigestError('the digest is zero modulo the order of the group');
  const signature = sign('sha256', message, { key: scaledKey(curve, key, factor), dsaEncoding: 'ieee-p1363' });
  const r = scalarOf(signature.subarray(0, scalarBytes));
  const s = (scalarOf(signature.subarray(scalarBytes)) * inverse(factor, curve.order)) % curve.order;
  return formatScalarPair(r, s);
}

/**
 * Whether `signature` (ASN.1 DER) is of the digest. With the public key alone, the scaled key is known but for its sign: a
 * signature by the key -d, which only the holder of d could make, passes too.
 */
export function verifyEcdsaDigest(
  curve: EcdsaCurve,
  key: KeyObject,
  digest: Uint8Array,
  signature: Uint8Array,
): boolean {
  const factor = factorOf(curve, digest);
  const parts = parseScalarPair(curve.order, signature);
  if (factor === undefined || parts === undefined) return false;
  const s = (parts.s * factor) % curve.order;
  const scaled = Buffer.concat([bytesOf(parts.r), bytesOf(s)]);
  const keys = key.type === 'private' ? [scaledKey(curve, key, factor)] : scaledPublicKeys(curve, key, factor);
  return keys.some((candidate) => verify('sha256', message, { key: candidate, dsaEncoding: 'ieee-p1363' }, scaled));
}

/** c = h / z; nothing when z has no inverse. */
function factorOf({ order }: EcdsaCurve, digest: Uint8Array): bigint | undefined {
  if (digest.length !== scalarBytes) throw new RangeError(`the digest has ${scalarBytes} bytes`);
  const z = scalarOf(digest) % order;
  return z === 0n ? undefined : (messageDigest * inverse(z, order)) % order;
}

/** The public keys c·Q and -c·Q: a Diffie-Hellman exchange of c with Q gives the one coordinate that both have. */
function scaledPublicKeys(curve: EcdsaCurve, key: KeyObject, factor: bigint): KeyObject[] {
  const { x = '', y = '' } = key.export({ format: 'jwk' });
  const exchange = createECDH(curve.namedCurve);
  exchange.setPrivateKey(bytesOf(factor));
  const shared = exchange.computeSecret(
    Buffer.concat([Buffer.from([4]), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]),
  );
  const algorithm = derSequence(derOid(ecPublicKey), derOid(curve.oid));
  return [2, 3].map((parity) => {
    const point = derBitString(Buffer.concat([Buffer.from([parity]), shared]));
    return createPublicKey({ key: derSequence(algorithm, point), format: 'der', type: 'spki' });
  });
}

/** The key c·d. */
function scaledKey(curve: EcdsaCurve, key: KeyObject, factor: bigint): KeyObject {
  const { d = '' } = key.export({ format: 'jwk' });
  const scaled = bytesOf((scalarOf(Buffer.from(d, 'base64url')) * factor) % curve.order);
  // RFC 5208, RFC 5915 §3: without the public key, which OpenSSL computes.
  const der = derSequence(
    derInteger(0),
    derSequence(derOid(ecPublicKey), derOid(curve.oid)),
    derOctetString(derSequence(derInteger(1), derOctetString(scaled))),
  );
  try {
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  } finally {
    der.fill(0);
    scaled.fill(0);
  }
}
