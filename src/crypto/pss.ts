import { createHash, timingSafeEqual } from 'node:crypto';
import type { RandomBytes } from './uuid.ts';

/**
 * EMSA-PSS of a SHA-256 digest, with MGF1 over SHA-256 and a salt of 32 bytes (RFC 8017 §9.1). node:crypto signs
 * messages only; whoever has the digest alone encodes it here and runs the bare RSA operation on the result.
 */
const hashBytes = 32;
const saltBytes = 32;
const trailer = 0xbc;

/** Encodes a digest for a modulus of `modulusBits` bits: as many bytes as the modulus has (RFC 8017 §9.1.1). */
export function emsaPssEncode(digest: Uint8Array, modulusBits: number, random: RandomBytes): Buffer {
  const encodedBits = modulusBits - 1;
  const encodedBytes = Math.ceil(encodedBits / 8);
  const salt = random(saltBytes);
  const hash = hashOf(digest, salt);
  const block = Buffer.alloc(encodedBytes - hashBytes - 1);
  block[block.length - saltBytes - 1] = 0x01;
  salt.copy(block, block.length - saltBytes);
  const masked = xor(block, mgf1(hash, block.length));
  masked[0] = (masked[0] ?? 0) & topMask(encodedBits);
  return Buffer.concat([masked, hash, Buffer.from([trailer])]);
}

/** Whether `encoded`, which the public operation gave, encodes the digest (RFC 8017 §9.1.2). */
export function emsaPssVerify(digest: Uint8Array, encoded: Buffer, modulusBits: number): boolean {
  const encodedBits = modulusBits - 1;
  if (encoded.length !== Math.ceil(encodedBits / 8) || encoded.at(-1) !== trailer) return false;
  const masked = encoded.subarray(0, encoded.length - hashBytes - 1);
  const hash = encoded.subarray(masked.length, -1);
  if (((masked[0] ?? 0) & ~topMask(encodedBits)) !== 0) return false;
  const block = xor(masked, mgf1(hash, masked.length));
  block[0] = (block[0] ?? 0) & topMask(encodedBits);
  const padding = block.subarray(0, block.length - saltBytes);
  const expected = Buffer.alloc(padding.length);
  expected[padding.length - 1] = 0x01;
  return padding.equals(expected) && timingSafeEqual(hash, hashOf(digest, block.subarray(-saltBytes)));
}

/** H = SHA-256(eight zero bytes ‖ digest ‖ salt). */
function hashOf(digest: Uint8Array, salt: Uint8Array): Buffer {
  return createHash('sha256').update(Buffer.alloc(8)).update(digest).update(salt).digest();
}

/** MGF1 over SHA-256 (RFC 8017 B.2.1). */
function mgf1(seed: Uint8Array, length: number): Buffer {
  const blocks: Buffer[] = [];
  const counter = Buffer.alloc(4);
  for (let i = 0; i * hashBytes < length; i += 1) {
    counter.writeUInt32BE(i);
    blocks.push(createHash('sha256').update(seed).update(counter).digest());
  }
  return Buffer.concat(blocks, length);
}

function xor(left: Uint8Array, right: Uint8Array): Buffer {
  return Buffer.from(left.map((byte, at) => byte ^ (right[at] ?? 0)));
}

/** The bits of the first byte that may be set. */
function topMask(encodedBits: number): number {
  return 0xff >> (8 * Math.ceil(encodedBits / 8) - encodedBits);
}
