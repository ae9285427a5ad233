import { createCipheriv, createDecipheriv, randomBytes, type KeyObject } from 'node:crypto';

/** Length of the initialisation vector in bytes: 96 bits, the length for which GCM needs no extra hashing. */
export const aeadIvBytes = 12;
/** Length of the authentication tag in bytes: the full 128 bits; a shorter tag is refused. */
export const aeadTagBytes = 16;

/** Gives that many unpredictable bytes. Only tests pass anything but `crypto.randomBytes`. */
export type Random = (bytes: number) => Buffer;

/** A 128- or 256-bit AES key, as the caller holds it. */
export type AeadKey = KeyObject | Uint8Array;

/** Sealed bytes do not authenticate: another key, other associated data, or changed bytes. It never says which. */
export class AeadError extends Error {
  constructor() {
    super('The bytes do not authenticate under this key and associated data.');
    this.name = 'AeadError';
  }
}

/** What GCM makes of a plaintext. */
export interface AeadOutput {
  ciphertext: Buffer;
  tag: Buffer;
}

const algorithms = { 16: 'aes-128-gcm', 32: 'aes-256-gcm' } as const;

function algorithmOf(key: AeadKey): 'aes-128-gcm' | 'aes-256-gcm' {
  const bytes = key instanceof Uint8Array ? key.length : key.symmetricKeySize;
  if (bytes !== 16 && bytes !== 32) throw new RangeError(`An AES-GCM key has 16 or 32 bytes, not ${String(bytes)}.`);
  return algorithms[bytes];
}

function assertLength(name: string, bytes: Uint8Array, length: number): void {
  if (bytes.length !== length) throw new RangeError(`${name} has ${length} bytes, not ${bytes.length}.`);
}

/**
 * AES-GCM encryption (NIST SP 800-38D) under an IV of the caller's. The same IV must never be used twice with one key:
 * unless a format fixes the IV, use {@link sealAead}.
 */
export function encryptAesGcm(key: AeadKey, iv: Uint8Array, plaintext: Uint8Array, aad: Uint8Array): AeadOutput {
  assertLength('The initialisation vector', iv, aeadIvBytes);
  const cipher = createCipheriv(algorithmOf(key), key, iv, { authTagLength: aeadTagBytes });
  cipher.setAAD(aad);
  const head = cipher.update(plaintext);
  const tail = cipher.final();
  const ciphertext = tail.length === 0 ? head : Buffer.concat([head, tail]);
  return { ciphertext, tag: cipher.getAuthTag() };
}

/** AES-GCM decryption (NIST SP 800-38D). Throws {@link AeadError} when the tag does not fit. */
export function decryptAesGcm(
  key: AeadKey,
  iv: Uint8Array,
  ciphertext: Uint8Array,
  tag: Uint8Array,
  aad: Uint8Array,
): Buffer {
  assertLength('The initialisation vector', iv, aeadIvBytes);
  assertLength('The tag', tag, aeadTagBytes);
  const decipher = createDecipheriv(algorithmOf(key), key, iv, { authTagLength: aeadTagBytes });
  decipher.setAAD(aad);
  decipher.setAuthTag(tag);
  const plaintext = decipher.update(ciphertext);
  try {
    decipher.final();
  } catch {
    plaintext.fill(0);
    throw new AeadError();
  }
  return plaintext;
}

/**
 * Seals `plaintext` under a fresh random IV: IV ‖ ciphertext ‖ tag. Random 96-bit IVs limit one key to 2^32 uses
 * (NIST SP 800-38D §8.3): whoever holds the key counts.
 */
export function sealAead(key: AeadKey, plaintext: Uint8Array, aad: Uint8Array, random: Random = randomBytes): Buffer {
  const iv = random(aeadIvBytes);
  const { ciphertext, tag } = encryptAesGcm(key, iv, plaintext, aad);
  return Buffer.concat([iv, ciphertext, tag]);
}

/** Opens what {@link sealAead} made. Throws {@link AeadError} for anything else. */
export function openAead(key: AeadKey, sealed: Uint8Array, aad: Uint8Array): Buffer {
  if (sealed.length < aeadIvBytes + aeadTagBytes) throw new AeadError();
  const end = sealed.length - aeadTagBytes;
  const ciphertext = sealed.subarray(aeadIvBytes, end);
  return decryptAesGcm(key, sealed.subarray(0, aeadIvBytes), ciphertext, sealed.subarray(end), aad);
}

/**
 * Joins fields into associated data that only these fields give: each is preceded by its length in bytes as 32 bits,
 * big-endian, so that no byte can move from one field to the next.
 */
export function lengthPrefixed(...fields: readonly (string | Uint8Array)[]): Buffer {
  let length = 0;
  for (const field of fields) length += 4 + Buffer.byteLength(field);
  const joined = Buffer.allocUnsafe(length);
  let end = 0;
  for (const field of fields) {
    const start = joined.writeUInt32BE(Buffer.byteLength(field), end);
    if (typeof field === 'string') joined.write(field, start, 'utf8');
    else joined.set(field, start);
    end = start + Buffer.byteLength(field);
  }
  return joined;
}
