import { constants, createPublicKey, privateDecrypt, privateEncrypt, publicDecrypt, publicEncrypt } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { derNull, derOctetString, derOid, derSequence } from './der.ts';
import { decryptEcies, encryptEcies, maxEciesPlaintextBytes } from './ecies.ts';
import { p256, p256k, signEcdsaDigest, verifyEcdsaDigest, type EcdsaCurve } from './ecdsa-digest.ts';
import { emsaPssEncode, emsaPssVerify } from './pss.ts';
import { decryptSm2, encryptSm2, maxSm2PlaintextBytes } from './sm2-encryption.ts';
import { signSm2Digest, verifySm2Digest } from './sm2-signature.ts';
import type { RandomBytes } from './uuid.ts';

/** A signature algorithm over a digest. */
export interface SignatureAlgorithm {
  readonly digestBytes: number;
  sign(key: KeyObject, digest: Uint8Array, random: RandomBytes): Buffer;
  /** Takes the private or the public key. Anything that is not the signature gives false. */
  verify(key: KeyObject, digest: Uint8Array, signature: Uint8Array): boolean;
}

/** An encryption algorithm of asymmetric keys. */
export interface AsymmetricCipher {
  /** Most bytes of plaintext, for a modulus of so many bits where there is one. */
  maxPlaintextBytes(modulusBits: number): number;
  encrypt(publicKey: KeyObject, plaintext: Uint8Array, random: RandomBytes): Buffer;
  /** Throws when the ciphertext is not one of this key; the error says more than a caller may learn. */
  decrypt(privateKey: KeyObject, ciphertext: Uint8Array): Buffer;
}

const sha256Oid = '2.16.840.1.101.3.4.2.1';

const rsaPkcs1: SignatureAlgorithm = {
  digestBytes: 32,
  sign: (key, digest) => privateEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, digestInfo(digest)),
  verify: (key, digest, signature) => {
    const encoded = publicOperation(key, signature, constants.RSA_PKCS1_PADDING);
    return encoded?.equals(digestInfo(digest)) === true;
  },
};

const rsaPss: SignatureAlgorithm = {
  digestBytes: 32,
  sign: (key, digest, random) =>
    privateEncrypt({ key, padding: constants.RSA_NO_PADDING }, emsaPssEncode(digest, modulusBits(key), random)),
  verify: (key, digest, signature) => {
    const encoded = publicOperation(key, signature, constants.RSA_NO_PADDING);
    return encoded !== undefined && emsaPssVerify(digest, encoded, modulusBits(key));
  },
};

const sm2dsa: SignatureAlgorithm = { digestBytes: 32, sign: signSm2Digest, verify: verifySm2Digest };

const curves: readonly EcdsaCurve[] = [p256, p256k];

const ecdsa: SignatureAlgorithm = {
  digestBytes: 32,
  sign: (key, digest) => signEcdsaDigest(curveOf(key), key, digest),
  verify: (key, digest, signature) => verifyEcdsaDigest(curveOf(key), key, digest, signature),
};

/** Signature algorithms by their name in the API. */
export const signatureAlgorithms: ReadonlyMap<string, SignatureAlgorithm> = new Map([
  ['RSA_PSS_SHA_256', rsaPss],
  ['RSA_PKCS1_SHA_256', rsaPkcs1],
  ['ECDSA_SHA_256', ecdsa],
  ['SM2DSA', sm2dsa],
]);

function oaep(oaepHash: 'sha256' | 'sha1', hashBytes: number): AsymmetricCipher {
  const padding = constants.RSA_PKCS1_OAEP_PADDING;
  return {
    // RFC 8017 §7.1.1.
    maxPlaintextBytes: (bits) => bits / 8 - 2 * hashBytes - 2,
    encrypt: (key, plaintext) => publicEncrypt({ key, padding, oaepHash }, plaintext),
    decrypt: (key, ciphertext) => privateDecrypt({ key, padding, oaepHash }, ciphertext),
  };
}

/** Encryption algorithms of asymmetric keys by their name in the API. */
export const asymmetricCiphers: ReadonlyMap<string, AsymmetricCipher> = new Map([
  ['RSAES_OAEP_SHA_256', oaep('sha256', 32)],
  ['RSAES_OAEP_SHA_1', oaep('sha1', 20)],
  [
    'ECIES_DH_SHA_1_XOR_HMAC',
    { maxPlaintextBytes: () => maxEciesPlaintextBytes, encrypt: encryptEcies, decrypt: decryptEcies },
  ],
  ['SM2PKE', { maxPlaintextBytes: () => maxSm2PlaintextBytes, encrypt: encryptSm2, decrypt: decryptSm2 }],
]);

/** DigestInfo of a SHA-256 digest (RFC 8017 §9.2). */
function digestInfo(digest: Uint8Array): Buffer {
  return derSequence(derSequence(derOid(sha256Oid), derNull()), derOctetString(Buffer.from(digest)));
}

/** The message representative of a signature; nothing when it has another length, is too large, or is padded wrongly. */
function publicOperation(key: KeyObject, signature: Uint8Array, padding: number): Buffer | undefined {
  if (signature.length !== modulusBits(key) / 8) return undefined;
  try {
    return publicDecrypt({ key: key.type === 'public' ? key : createPublicKey(key), padding }, signature);
  } catch {
    return undefined;
  }
}

function modulusBits(key: KeyObject): number {
  return key.asymmetricKeyDetails?.modulusLength ?? 0;
}

function curveOf(key: KeyObject): EcdsaCurve {
  const name = key.asymmetricKeyDetails?.namedCurve;
  const curve = curves.find(({ namedCurve }) => namedCurve === name);
  if (curve === undefined) throw new Error('the key is on no curve of the key-spec table');
  return curve;
}
