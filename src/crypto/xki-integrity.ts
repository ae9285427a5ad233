import { createHash } from 'node:crypto';

/** What an external key made of a plaintext. */
export interface ExternalCiphertext {
  /** 12 or 16 bytes. */
  iv: Uint8Array;
  ciphertext: Uint8Array;
  /** 16 bytes. */
  tag: Uint8Array;
  /** At most 20 bytes of the proxy's own. */
  metadata?: Uint8Array | undefined;
}

const none = Buffer.alloc(0);

/**
 * The ciphertext data integrity value: SHA-256(AAD ‖ metadata ‖ IV ‖ ciphertext ‖ tag), missing parts empty (XKS proxy API
 * 1.0, "ciphertextDataIntegrityValue"). Who asked for the encryption computes it again from what arrived.
 */
export function ciphertextDataIntegrityValue(aad: Uint8Array, made: ExternalCiphertext): Buffer {
  const { iv, ciphertext, tag, metadata = none } = made;
  return createHash('sha256').update(aad).update(metadata).update(iv).update(ciphertext).update(tag).digest();
}

/**
 * The associated data that the key itself gets, so that a proxy's own metadata cannot be exchanged: two bytes of length,
 * big-endian, the caller's AAD, one byte of length, the metadata (XKS proxy API 1.0, "AAD binding").
 */
export function bindMetadata(aad: Uint8Array, metadata: Uint8Array = none): Buffer {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(aad.length);
  return Buffer.concat([head, aad, Buffer.from([metadata.length]), metadata]);
}
