import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto';
import { derInteger, derOctetString, derSequence } from './der.ts';
import { readFirst } from './der-reader.ts';
import { wrappingAlgorithms, type WrappingKeySpec } from './key-wrapping.ts';
import { decryptSm2 } from './sm2-encryption.ts';
import type { RandomBytes } from './uuid.ts';

/** Names of the ways to wrap a private key, which is too long to be encrypted under a public key (KMS WrappingAlgorithm). */
export const envelopeAlgorithmNames = ['RSAES_OAEP_SHA_256_AES_256_ECB_PKCS7_PAD', 'SM2PKE_SM4_ECB'] as const;
export type EnvelopeAlgorithmName = (typeof envelopeAlgorithmNames)[number];

/**
 * A key under another that was made for it, which is itself wrapped under somebody's public key:
 *
 * ```
 * wrapped ephemeral key ‖ key under the ephemeral key
 * ```
 *
 * As the samples of Alibaba Cloud's guide "Import key material into an asymmetric key" have it. The second part is not
 * authenticated: whoever opens it must see whether what comes out is a key, and tell nobody in what it was not.
 */
export interface KeyEnvelope {
  readonly keySpec: WrappingKeySpec;
  wrap(publicKey: KeyObject, bytes: Uint8Array, random: RandomBytes): Buffer;
  /** Nothing when the bytes are no such envelope. */
  unwrap(privateKey: KeyObject, wrapped: Uint8Array): Buffer | undefined;
}

interface Cipher {
  readonly name: string;
  readonly keyBytes: number;
  /** PKCS #7; without it the key is a multiple of the block. */
  readonly padded: boolean;
}

const aes: Cipher = { name: 'aes-256-ecb', keyBytes: 32, padded: true };
const sm4: Cipher = { name: 'sm4-ecb', keyBytes: 16, padded: false };

const rsaHeadBytes = 256;
/** 0x04 ‖ x ‖ y, digest, text: C1 ‖ C3 ‖ C2 of GB/T 32918.4, as Bouncy Castle writes it. */
const point = { x: 1, y: 33, digest: 65, text: 97 } as const;
const uncompressed = 0x04;

const rsa: KeyEnvelope = {
  keySpec: 'RSA_2048',
  wrap: (publicKey, bytes, random) =>
    seal(aes, bytes, random, (key) => wrappingAlgorithms.RSAES_OAEP_SHA_256.wrap(publicKey, key, random)),
  unwrap: (privateKey, wrapped) => {
    const head = wrappingAlgorithms.RSAES_OAEP_SHA_256.unwrap(privateKey, wrapped.subarray(0, rsaHeadBytes));
    return head && open(aes, head, wrapped.subarray(rsaHeadBytes));
  },
};

const sm2: KeyEnvelope = {
  keySpec: 'EC_SM2',
  wrap: (publicKey, bytes, random) =>
    seal(sm4, bytes, random, (key) => wrappingAlgorithms.SM2PKE.wrap(publicKey, key, random)),
  unwrap: (privateKey, wrapped) => {
    try {
      const { head, body } = splitSm2(Buffer.from(wrapped));
      return open(sm4, decryptSm2(privateKey, head), body);
    } catch {
      return undefined;
    }
  },
};

export const keyEnvelopes: Readonly<Record<EnvelopeAlgorithmName, KeyEnvelope>> = {
  RSAES_OAEP_SHA_256_AES_256_ECB_PKCS7_PAD: rsa,
  SM2PKE_SM4_ECB: sm2,
};

/** The ciphertext of SM2 comes as GM/T 0009 writes it, which tells its length, or as the bare parts one after the other. */
function splitSm2(wrapped: Buffer): { head: Buffer; body: Buffer } {
  if (wrapped[0] !== uncompressed) {
    const head = readFirst(wrapped).bytes;
    return { head, body: wrapped.subarray(head.length) };
  }
  const end = point.text + sm4.keyBytes;
  const head = derSequence(
    derInteger(wrapped.subarray(point.x, point.y)),
    derInteger(wrapped.subarray(point.y, point.digest)),
    derOctetString(wrapped.subarray(point.digest, point.text)),
    derOctetString(wrapped.subarray(point.text, end)),
  );
  return { head, body: wrapped.subarray(end) };
}

function seal(cipher: Cipher, bytes: Uint8Array, random: RandomBytes, wrap: (key: Buffer) => Buffer): Buffer {
  const key = random(cipher.keyBytes);
  try {
    const sealing = createCipheriv(cipher.name, key, null).setAutoPadding(cipher.padded);
    return Buffer.concat([wrap(key), sealing.update(bytes), sealing.final()]);
  } finally {
    key.fill(0);
  }
}

function open(cipher: Cipher, key: Buffer, bytes: Uint8Array): Buffer | undefined {
  try {
    const opening = createDecipheriv(cipher.name, key, null).setAutoPadding(cipher.padded);
    return Buffer.concat([opening.update(bytes), opening.final()]);
  } catch {
    return undefined;
  } finally {
    key.fill(0);
  }
}
