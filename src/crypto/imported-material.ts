import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { signatureAlgorithms } from './asymmetric.ts';
import type { KeySpecRow, ProviderKind } from './key-specs.ts';
import { scalarBytes, scalarOf } from './scalar.ts';
import { isSm2PublicKey, privateKeyOfScalar, privateScalar, sm2Order } from './sm2.ts';
import type { RandomBytes } from './uuid.ts';

/** Smaller public exponents are not taken (NIST SP 800-56B §6.2). */
const smallestExponent = 65_537n;
const digestBytes = 32;

/** Whether keys of a spec take material from outside with a provider that takes any: private keys in software only. */
export function importsInto(row: KeySpecRow, kind: ProviderKind): boolean {
  return row.form !== 'asymmetric' || kind === 'software';
}

/**
 * Material of a key spec as it is stored, from the bytes that somebody brought: a symmetric key as it is, a private key
 * (PKCS #8 DER, or of SM2 its 32 bytes) in the one spelling that OpenSSL has for it. Nothing when the bytes are no such
 * key. A private key has to fit its public half, so that no half-broken one ever signs.
 */
export function importedMaterial(row: KeySpecRow, bytes: Uint8Array, random: RandomBytes): Buffer | undefined {
  if (row.form !== 'asymmetric') return bytes.length === row.materialBytes ? Buffer.from(bytes) : undefined;
  try {
    const key = privateKeyOf(row, Buffer.from(bytes));
    return isOfSpec(row, key) && fitsItself(row, key, random)
      ? oneSpelling(row, key).export({ format: 'der', type: 'pkcs8' })
      : undefined;
  } catch {
    return undefined;
  }
}

function privateKeyOf({ pair }: KeySpecRow, bytes: Buffer): KeyObject {
  const isScalar = pair !== undefined && 'namedCurve' in pair && pair.namedCurve === 'SM2';
  try {
    if (!isScalar || bytes.length !== scalarBytes)
      return createPrivateKey({ key: bytes, format: 'der', type: 'pkcs8' });
    const scalar = scalarOf(bytes);
    // GB/T 32918.1 §6.1: from 1 to the order minus 2.
    if (scalar < 1n || scalar > sm2Order - 2n) throw new Error('the number is no private key');
    return privateKeyOfScalar(scalar);
  } finally {
    bytes.fill(0);
  }
}

function isOfSpec({ pair }: KeySpecRow, key: KeyObject): boolean {
  if (pair === undefined) return false;
  const { modulusLength, publicExponent = 0n, namedCurve } = key.asymmetricKeyDetails ?? {};
  if ('modulusBits' in pair) {
    const isRsa = key.asymmetricKeyType === 'rsa' && modulusLength === pair.modulusBits;
    return isRsa && publicExponent >= smallestExponent;
  }
  if (pair.namedCurve === 'SM2') {
    return isSm2PublicKey(createPublicKey(key).export({ format: 'der', type: 'spki' }));
  }
  return key.asymmetricKeyType === 'ec' && namedCurve === pair.namedCurve;
}

/** The same key whether or not its public half came with it, which PKCS #8 leaves open for curves (RFC 5915 §3). */
function oneSpelling({ pair }: KeySpecRow, key: KeyObject): KeyObject {
  if (pair === undefined || 'modulusBits' in pair) return key;
  if (pair.namedCurve === 'SM2') return privateKeyOfScalar(privateScalar(key));
  return createPrivateKey({ key: key.export({ format: 'jwk' }), format: 'jwk' });
}

/** Signs something, and verifies it with the public half (NIST SP 800-56B §6.4.1.1, pair-wise consistency). */
function fitsItself({ algorithms }: KeySpecRow, key: KeyObject, random: RandomBytes): boolean {
  const algorithm = signatureAlgorithms.get(algorithms['SIGN/VERIFY']?.[0] ?? '');
  if (algorithm === undefined) return false;
  const digest = random(digestBytes);
  return algorithm.verify(createPublicKey(key), digest, algorithm.sign(key, digest, random));
}
