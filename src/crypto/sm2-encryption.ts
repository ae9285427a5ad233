import { hash, timingSafeEqual, type KeyObject } from 'node:crypto';
import { derInteger, derOctetString, derSequence } from './der.ts';
import { derTags, expectTag, readSequence, type DerValue } from './der-reader.ts';
import { scalarBytes } from './scalar.ts';
import { multipleOfGenerator, multipleOfPoint, privateScalar, publicPoint, randomScalar } from './sm2.ts';
import type { RandomBytes } from './uuid.ts';

/** Length of SM3's digest in bytes. */
const digestBytes = 32;

/** Most bytes that AsymmetricEncrypt takes for SM2PKE (KMS "Key specifications"). */
export const maxSm2PlaintextBytes = 6047;
/** Most bytes of a ciphertext: head, two numbers of at most 33 bytes, digest, and text, each with its own head. */
export const maxSm2CiphertextBytes: number = 4 + 2 * (2 + 33) + (2 + digestBytes) + (4 + maxSm2PlaintextBytes);

/**
 * SM2PKE: public key encryption of GB/T 32918.4 §6.1, written as GM/T 0009 §7.2 has it:
 *
 * ```
 * SEQUENCE { x1 INTEGER, y1 INTEGER, C3 OCTET STRING (SM3 digest), C2 OCTET STRING (ciphertext) }
 * ```
 */
export function encryptSm2(publicKey: KeyObject, plaintext: Uint8Array, random: RandomBytes): Buffer {
  const point = publicPoint(publicKey);
  for (;;) {
    const k = randomScalar(random);
    const shared = coordinates(multipleOfPoint(k, point));
    const mask = keyStream(shared, plaintext.length);
    // An all-zero mask would leave the plaintext as it is (step A5).
    if (plaintext.length > 0 && mask.every((byte) => byte === 0)) continue;
    const c1 = multipleOfGenerator(k);
    return derSequence(
      derInteger(c1.subarray(1, 1 + scalarBytes)),
      derInteger(c1.subarray(1 + scalarBytes)),
      derOctetString(checkOf(shared, plaintext)),
      derOctetString(xor(plaintext, mask)),
    );
  }
}

/**
 * Decrypts (GB/T 32918.4 §7.1). Throws when the bytes are not of that form, the point is not on the curve, or the digest
 * does not fit; the error says more than a caller may learn.
 */
export function decryptSm2(privateKey: KeyObject, ciphertext: Uint8Array): Buffer {
  const [x, y, check, text, ...rest] = readSequence(Buffer.from(ciphertext));
  const c2 = expectTag(text, derTags.octetString).content;
  if (rest.length > 0 || c2.length === 0) throw new Error('the ciphertext has another form than GM/T 0009 says');
  const point = Buffer.concat([Buffer.from([4]), coordinate(x), coordinate(y)]);
  const shared = coordinates(multipleOfPoint(privateScalar(privateKey), point));
  const mask = keyStream(shared, c2.length);
  const plaintext = xor(c2, mask);
  const expected = expectTag(check, derTags.octetString).content;
  const computed = checkOf(shared, plaintext);
  const isWhole = expected.length === computed.length && timingSafeEqual(expected, computed);
  if (isWhole && !mask.every((byte) => byte === 0)) return plaintext;
  plaintext.fill(0);
  throw new Error('the digest of the ciphertext does not fit');
}

/** x and y of a point. */
interface Coordinates {
  readonly x: Buffer;
  readonly y: Buffer;
}

function coordinates(point: Buffer): Coordinates {
  return { x: point.subarray(1, 1 + scalarBytes), y: point.subarray(1 + scalarBytes) };
}

/** A number of a ciphertext as 32 bytes, in the one spelling that DER has for it. */
function coordinate(value: DerValue | undefined): Buffer {
  const { content, bytes } = expectTag(value, derTags.integer);
  const digits = content[0] === 0 ? content.subarray(1) : content;
  if (digits.length > scalarBytes || !derInteger(digits).equals(bytes)) {
    throw new Error('a coordinate is negative, too large, or not written in its shortest form');
  }
  return Buffer.concat([Buffer.alloc(scalarBytes - digits.length), digits]);
}

/** C3 = SM3(x2 ‖ M ‖ y2). */
function checkOf({ x, y }: Coordinates, plaintext: Uint8Array): Buffer {
  return hash('sm3', Buffer.concat([x, plaintext, y]), 'buffer');
}

/** KDF of GB/T 32918.4 §5.4.3: SM3(x2 ‖ y2 ‖ counter), counting from one. */
function keyStream({ x, y }: Coordinates, length: number): Buffer {
  const blocks: Buffer[] = [];
  const counter = Buffer.alloc(4);
  for (let block = 1; blocks.length * digestBytes < length; block += 1) {
    counter.writeUInt32BE(block);
    blocks.push(hash('sm3', Buffer.concat([x, y, counter]), 'buffer'));
  }
  return Buffer.concat(blocks, length);
}

function xor(left: Uint8Array, right: Uint8Array): Buffer {
  return Buffer.from(left.map((byte, at) => byte ^ (right[at] ?? 0)));
}
