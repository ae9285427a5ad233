import { createECDH, createPrivateKey, createPublicKey, hash, type KeyObject } from 'node:crypto';
import { sm2 } from 'sm-crypto-v2';
import { derInteger, derOctetString, derOid, derSequence } from './der.ts';
import { derTags, expectTag, readElements, readOid, readSequence } from './der-reader.ts';
import { bytesOf, inverse, scalarBytes, scalarOf } from './scalar.ts';
import type { RandomBytes } from './uuid.ts';

/**
 * The SM2 curve (GB/T 32918.5). OpenSSL generates the keys and multiplies its generator. It offers neither signatures of
 * a digest nor a multiple of another point, so those are written here: see sm2-signature.ts and sm2-encryption.ts.
 */
export const sm2Order = 0xfffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123n;

/** p; the curve is y² = x³ - 3x + b over it. */
const fieldPrime = 0xfffffffeffffffffffffffffffffffffffffffff00000000ffffffffffffffffn;

const curveOid = '1.2.156.10197.1.301';
const ecPublicKeyOid = '1.2.840.10045.2.1';
/** 0x04 ‖ x ‖ y. */
const pointBytes = 65;

/** a ‖ b ‖ xG ‖ yG (GB/T 32918.5). */
const curveParameters = Buffer.from(
  'fffffffeffffffffffffffffffffffffffffffff00000000fffffffffffffffc' +
    '28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93' +
    '32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7' +
    'bc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0',
  'hex',
);

/** The id of a signer of whom nothing else was agreed (GM/T 0009 §10). */
export const defaultSignerId = '1234567812345678';

/** A number from 1 to the order minus one, each as likely. */
export function randomScalar(random: RandomBytes): bigint {
  for (;;) {
    const scalar = scalarOf(random(scalarBytes));
    if (scalar > 0n && scalar < sm2Order) return scalar;
  }
}

/** The multiple of the generator, as 0x04 ‖ x ‖ y. */
export function multipleOfGenerator(scalar: bigint): Buffer {
  const point = createECDH('SM2');
  point.setPrivateKey(bytesOf(scalar));
  return point.getPublicKey();
}

/** The multiple of a point, both as 0x04 ‖ x ‖ y. Throws when the point is not on the curve. */
export function multipleOfPoint(scalar: bigint, point: Uint8Array): Buffer {
  return Buffer.from(sm2.ecdh(bytesOf(scalar), Buffer.from(point).toString('hex'), false));
}

/** Sum of two points of the curve, both as 0x04 ‖ x ‖ y; nothing for the point at infinity. Not for secrets: takes its time by them. */
export function sumOfPoints(left: Buffer, right: Buffer): Buffer | undefined {
  const [x1, y1] = coordinatesOf(left);
  const [x2, y2] = coordinatesOf(right);
  if (x1 === x2 && (y1 + y2) % fieldPrime === 0n) return undefined;
  // GB/T 32918.1 §3.2.3.1: the tangent's slope, or that of the line through both.
  const slope =
    x1 === x2
      ? modulo((3n * x1 * x1 - 3n) * inverse(modulo(2n * y1), fieldPrime))
      : modulo((y2 - y1) * inverse(modulo(x2 - x1), fieldPrime));
  const x = modulo(slope * slope - x1 - x2);
  return Buffer.concat([Buffer.from([4]), bytesOf(x), bytesOf(modulo(slope * (x1 - x) - y1))]);
}

function coordinatesOf(point: Buffer): [x: bigint, y: bigint] {
  return [scalarOf(point.subarray(1, 1 + scalarBytes)), scalarOf(point.subarray(1 + scalarBytes))];
}

function modulo(value: bigint): bigint {
  return ((value % fieldPrime) + fieldPrime) % fieldPrime;
}

/** The number that a private key is. Throws for a key of another curve. */
export function privateScalar(key: KeyObject): bigint {
  const der = key.export({ format: 'der', type: 'pkcs8' });
  try {
    const [, algorithm, privateKey] = readSequence(der);
    assertCurve(expectTag(algorithm, derTags.sequence).content);
    const [, scalar] = readSequence(expectTag(privateKey, derTags.octetString).content);
    return scalarOf(expectTag(scalar, derTags.octetString).content);
  } finally {
    der.fill(0);
  }
}

/** The private key that a number is. */
export function privateKeyOfScalar(scalar: bigint): KeyObject {
  // RFC 5208, RFC 5915 §3: without the public key, which OpenSSL computes.
  const der = derSequence(
    derInteger(0),
    derSequence(derOid(ecPublicKeyOid), derOid(curveOid)),
    derOctetString(derSequence(derInteger(1), derOctetString(bytesOf(scalar)))),
  );
  try {
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  } finally {
    der.fill(0);
  }
}

/** The point of a public key, as 0x04 ‖ x ‖ y. Throws for a key of another curve, or one that is written compressed. */
export function publicPoint(key: KeyObject): Buffer {
  const spki = (key.type === 'private' ? createPublicKey(key) : key).export({ format: 'der', type: 'spki' });
  const [algorithm, bits] = readSequence(spki);
  assertCurve(expectTag(algorithm, derTags.sequence).content);
  const point = expectTag(bits, derTags.bitString).content.subarray(1);
  if (point.length !== pointBytes || point[0] !== 4) throw new Error('the point of the key is not written in full');
  return point;
}

/**
 * What SM2DSA signs of a message: e = SM3(Z ‖ M), where Z is the digest of signer and curve (GB/T 32918.2 §5.5, §6.1).
 * Callers of the API who have a message compute the same.
 */
export function sm2MessageDigest(point: Uint8Array, message: Uint8Array, signerId: string = defaultSignerId): Buffer {
  const id = Buffer.from(signerId, 'utf8');
  const idBits = Buffer.alloc(2);
  idBits.writeUInt16BE(id.length * 8);
  const z = hash('sm3', Buffer.concat([idBits, id, curveParameters, Buffer.from(point).subarray(1)]), 'buffer');
  return hash('sm3', Buffer.concat([z, message]), 'buffer');
}

/** Whether a SubjectPublicKeyInfo (DER) says that its key is of this curve. */
export function isSm2PublicKey(spki: Buffer): boolean {
  try {
    assertCurve(expectTag(readSequence(spki)[0], derTags.sequence).content);
    return true;
  } catch {
    return false;
  }
}

function assertCurve(algorithm: Buffer): void {
  const [type, curve] = readElements(algorithm);
  if (readOid(type) !== ecPublicKeyOid || readOid(curve) !== curveOid)
    throw new Error('the key is not on the curve SM2');
}
