import { ApiError } from '../lib/errors.ts';

/**
 * The ciphertext blob of symmetric keys, as Alibaba Cloud KMS writes it:
 *
 * ```
 * base64( keyVersionId[36 ASCII] ‖ IV[12] ‖ ciphertext[n] ‖ tag[16] )
 * ```
 *
 * It names the key version, not the key: the service finds the key from the version. What is encrypted is the *base64
 * text* of the plaintext, so the blob of a 32-byte data key has 36 + 12 + 44 + 16 = 108 bytes.
 */
export interface CiphertextBlob {
  /** 36 ASCII characters. */
  keyVersionId: string;
  /** 12 bytes. */
  iv: Buffer;
  /** As the provider of the key made it. */
  ciphertext: Buffer;
  /** 16 bytes. */
  tag: Buffer;
}

const versionIdBytes = 36;
const ivBytes = 12;
const tagBytes = 16;
const overheadBytes = versionIdBytes + ivBytes + tagBytes;

/** Most bytes that Encrypt takes (KMS Encrypt). */
export const maxPlaintextBytes = 6144;

/** Most bytes a key provider is asked to encrypt: the base64 text of the longest plaintext. */
export const maxSealedTextBytes: number = base64Length(maxPlaintextBytes);

/** Most bytes a provider may put before the ciphertext: an external key's IV and metadata. */
export const maxProviderBytes = 64;
const maxBlobText = base64Length(overheadBytes + maxSealedTextBytes + maxProviderBytes);
const versionIdPattern = /^[0-9A-Za-z-]{36}$/;
const base64Pattern = /^[A-Za-z0-9+/]+={0,2}$/;

function base64Length(bytes: number): number {
  return Math.ceil(bytes / 3) * 4;
}

/** The one error of every decryption that fails: its text does not tell what was wrong. */
export function invalidCiphertext(): ApiError {
  return new ApiError(
    'InvalidCiphertext',
    'The ciphertext cannot be decrypted. Pass the CiphertextBlob unchanged, with the encryption context it was made with.',
  );
}

/** Joins the parts of a blob into the base64 text that the API returns. */
export function formatCiphertextBlob(blob: CiphertextBlob): string {
  if (!versionIdPattern.test(blob.keyVersionId)) throw new RangeError('a key version id has 36 ASCII characters');
  if (blob.iv.length !== ivBytes) throw new RangeError('the IV of a ciphertext blob has 12 bytes');
  if (blob.tag.length !== tagBytes) throw new RangeError('the tag of a ciphertext blob has 16 bytes');
  const versionId = Buffer.from(blob.keyVersionId, 'ascii');
  return Buffer.concat([versionId, blob.iv, blob.ciphertext, blob.tag]).toString('base64');
}

/**
 * Splits a blob. Refuses with {@link invalidCiphertext} text that is not canonical base64, a blob without ciphertext,
 * one longer than Encrypt makes, and a version id with other characters than an id has.
 */
export function parseCiphertextBlob(text: string): CiphertextBlob {
  if (text.length > maxBlobText || !base64Pattern.test(text)) throw invalidCiphertext();
  const bytes = Buffer.from(text, 'base64');
  // Decoders skip what they do not know; a second spelling of the same blob is refused.
  if (bytes.toString('base64') !== text || bytes.length <= overheadBytes) throw invalidCiphertext();
  const keyVersionId = bytes.toString('latin1', 0, versionIdBytes);
  if (!versionIdPattern.test(keyVersionId)) throw invalidCiphertext();
  const tagAt = bytes.length - tagBytes;
  return {
    keyVersionId,
    iv: bytes.subarray(versionIdBytes, versionIdBytes + ivBytes),
    ciphertext: bytes.subarray(versionIdBytes + ivBytes, tagAt),
    tag: bytes.subarray(tagAt),
  };
}
