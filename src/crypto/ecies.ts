import { createECDH, createHmac, hash, timingSafeEqual, type ECDH, type KeyObject } from 'node:crypto';
import { scalarBytes } from './scalar.ts';
import type { RandomBytes } from './uuid.ts';

/** Length of SHA-1's digest, and so of the MAC and its key, in bytes. */
const digestBytes = 20;
/** Length of an uncompressed point of a curve of 256 bits. */
const pointBytes: number = 1 + 2 * scalarBytes;

/** Most bytes of plaintext. KMS names no bound for this algorithm; it is that of SM2PKE, which is built alike. */
export const maxEciesPlaintextBytes = 6047;

/**
 * ECIES_DH_SHA_1_XOR_HMAC: the scheme of SEC 1 version 2.0 §5.1 with ECDH, the key derivation of ANSI X9.63 (KDF2) with
 * SHA-1, XOR, and HMAC-SHA-1 with a key of 160 bits; SharedInfo1 and SharedInfo2 are empty. The ciphertext is
 *
 * ```
 * ephemeral public key, uncompressed (65 bytes) ‖ plaintext XOR key stream ‖ MAC (20 bytes)
 * ```
 */
export function encryptEcies(publicKey: KeyObject, plaintext: Uint8Array, random: RandomBytes): Buffer {
  const ephemeral = newPair(curveName(publicKey), random);
  const secret = ephemeral.computeSecret(pointOf(publicKey));
  const keys = deriveKeys(secret, plaintext.length);
  try {
    const masked = xor(plaintext, keys.mask);
    return Buffer.concat([ephemeral.getPublicKey(), masked, macOf(keys.mac, masked)]);
  } finally {
    for (const bytes of [secret, keys.mask, keys.mac]) bytes.fill(0);
  }
}

/**
 * Decrypts what {@link encryptEcies} made. Throws when the bytes are not of that form, the point is not on the curve, or
 * the MAC does not fit; the error says more than a caller may learn.
 */
export function decryptEcies(privateKey: KeyObject, ciphertext: Uint8Array): Buffer {
  const bytes = Buffer.from(ciphertext);
  const point = bytes.subarray(0, pointBytes);
  const masked = bytes.subarray(pointBytes, -digestBytes);
  if (bytes.length <= pointBytes + digestBytes || point[0] !== 4) throw new Error('the ciphertext has another form');
  const pair = createECDH(curveName(privateKey));
  const scalar = Buffer.from(privateKey.export({ format: 'jwk' }).d ?? '', 'base64url');
  pair.setPrivateKey(scalar);
  scalar.fill(0);
  // Throws for a point that is not on the curve.
  const secret = pair.computeSecret(point);
  const keys = deriveKeys(secret, masked.length);
  try {
    if (timingSafeEqual(macOf(keys.mac, masked), bytes.subarray(-digestBytes))) return xor(masked, keys.mask);
    throw new Error('the MAC of the ciphertext does not fit');
  } finally {
    for (const part of [secret, keys.mask, keys.mac]) part.fill(0);
  }
}

function newPair(curve: string, random: RandomBytes): ECDH {
  const pair = createECDH(curve);
  for (;;) {
    try {
      pair.setPrivateKey(random(scalarBytes));
      return pair;
    } catch {
      // Zero, or not below the order: as good as never.
    }
  }
}

/** The mask, and after it the key of the MAC: SHA-1(secret ‖ counter) for counters from one. */
function deriveKeys(secret: Buffer, plaintextBytes: number): { mask: Buffer; mac: Buffer } {
  const length = plaintextBytes + digestBytes;
  const blocks: Buffer[] = [];
  const counter = Buffer.alloc(4);
  for (let block = 1; blocks.length * digestBytes < length; block += 1) {
    counter.writeUInt32BE(block);
    blocks.push(hash('sha1', Buffer.concat([secret, counter]), 'buffer'));
  }
  const stream = Buffer.concat(blocks, length);
  return { mask: stream.subarray(0, plaintextBytes), mac: stream.subarray(plaintextBytes) };
}

function macOf(key: Uint8Array, masked: Uint8Array): Buffer {
  return createHmac('sha1', key).update(masked).digest();
}

function xor(left: Uint8Array, right: Uint8Array): Buffer {
  return Buffer.from(left.map((byte, at) => byte ^ (right[at] ?? 0)));
}

function curveName(key: KeyObject): string {
  const name = key.asymmetricKeyDetails?.namedCurve;
  if (name === undefined) throw new Error('the key is on no curve');
  return name;
}

function pointOf(publicKey: KeyObject): Buffer {
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  return Buffer.concat([Buffer.from([4]), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
}
