import { constants, createPublicKey, privateDecrypt, publicEncrypt, type KeyObject } from 'node:crypto';
import { asymmetricCiphers, type AsymmetricCipher } from './asymmetric.ts';
import type { PairShape } from './key-pair.ts';
import { isSm2PublicKey } from './sm2.ts';
import type { RandomBytes } from './uuid.ts';

/** Kinds of key that wrap other keys on their way in or out (KMS WrappingKeySpec). */
export const wrappingKeySpecs = ['RSA_2048', 'EC_SM2'] as const;
export type WrappingKeySpec = (typeof wrappingKeySpecs)[number];

/** How such a key pair is generated. */
export const wrappingPairs: Readonly<Record<WrappingKeySpec, PairShape>> = {
  RSA_2048: { modulusBits: 2048 },
  EC_SM2: { namedCurve: 'SM2' },
};

/** Names of the wrapping algorithms (KMS WrappingAlgorithm). */
export const wrappingAlgorithmNames = ['RSAES_OAEP_SHA_256', 'RSAES_OAEP_SHA_1', 'RSAES_PKCS1_V1_5', 'SM2PKE'] as const;
export type WrappingAlgorithmName = (typeof wrappingAlgorithmNames)[number];

/** A way to wrap a key under somebody's public key. */
export interface WrappingAlgorithm {
  readonly keySpec: WrappingKeySpec;
  /** Most bytes that can be wrapped under a key of that spec. */
  readonly maxBytes: number;
  wrap(publicKey: KeyObject, bytes: Uint8Array, random: RandomBytes): Buffer;
  /** Nothing when the bytes are not wrapped so. With PKCS #1 v1.5, see {@link pkcs1}, whatever comes out. */
  unwrap(privateKey: KeyObject, wrapped: Uint8Array): Buffer | undefined;
}

const rsaBits = 2048;

function ofCipher(keySpec: WrappingKeySpec, cipher: AsymmetricCipher | undefined): WrappingAlgorithm {
  if (cipher === undefined) throw new Error('the wrapping algorithm is none of the asymmetric ciphers');
  return {
    keySpec,
    maxBytes: cipher.maxPlaintextBytes(rsaBits),
    wrap: (publicKey, bytes, random) => cipher.encrypt(publicKey, bytes, random),
    unwrap: (privateKey, wrapped) => attempt(() => cipher.decrypt(privateKey, wrapped)),
  };
}

/**
 * RSAES-PKCS1-v1_5 (RFC 8017 §7.2). Whoever learns whether a padding was right can decrypt anything (Bleichenbacher), so
 * OpenSSL does not tell: to a wrong padding it gives bytes that only this key and this ciphertext determine, in the same
 * time (implicit rejection, draft-irtf-cfrg-rsa-guidance). Callers must treat those as they treat any wrong key.
 */
const pkcs1: WrappingAlgorithm = {
  keySpec: 'RSA_2048',
  maxBytes: rsaBits / 8 - 11,
  wrap: (key, bytes) => publicEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, bytes),
  unwrap: (key, wrapped) => attempt(() => privateDecrypt({ key, padding: constants.RSA_PKCS1_PADDING }, wrapped)),
};

export const wrappingAlgorithms: Readonly<Record<WrappingAlgorithmName, WrappingAlgorithm>> = {
  RSAES_OAEP_SHA_256: ofCipher('RSA_2048', asymmetricCiphers.get('RSAES_OAEP_SHA_256')),
  RSAES_OAEP_SHA_1: ofCipher('RSA_2048', asymmetricCiphers.get('RSAES_OAEP_SHA_1')),
  RSAES_PKCS1_V1_5: pkcs1,
  SM2PKE: ofCipher('EC_SM2', asymmetricCiphers.get('SM2PKE')),
};

/** Reads a SubjectPublicKeyInfo (DER) as a key of that spec; nothing when it is another kind of key, or none. */
export function readWrappingKey(keySpec: WrappingKeySpec, spki: Buffer): KeyObject | undefined {
  const key = attempt(() => createPublicKey({ key: spki, format: 'der', type: 'spki' }));
  if (key === undefined) return undefined;
  if (keySpec === 'EC_SM2') return isSm2PublicKey(spki) ? key : undefined;
  const isRsa2048 = key.asymmetricKeyType === 'rsa' && key.asymmetricKeyDetails?.modulusLength === rsaBits;
  return isRsa2048 ? key : undefined;
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
