import type { KeyObject } from 'node:crypto';
import { formatScalarPair, inverse, parseScalarPair, scalarBytes, scalarOf } from './scalar.ts';
import {
  multipleOfGenerator,
  multipleOfPoint,
  privateScalar,
  publicPoint,
  randomScalar,
  sm2Order,
  sumOfPoints,
} from './sm2.ts';
import type { RandomBytes } from './uuid.ts';

/** Signs a digest e = SM3(Z ‖ M) of 32 bytes: ASN.1 DER of (r, s) (GB/T 32918.2 §6.1, GM/T 0009). */
export function signSm2Digest(key: KeyObject, digest: Uint8Array, random: RandomBytes): Buffer {
  const e = digestScalar(digest);
  const d = privateScalar(key);
  for (;;) {
    const k = randomScalar(random);
    const r = (e + firstCoordinate(multipleOfGenerator(k))) % sm2Order;
    if (r === 0n || r + k === sm2Order) continue;
    const s = (inverseOfSuccessor(d, random) * (k + r * (sm2Order - d))) % sm2Order;
    if (s !== 0n) return formatScalarPair(r, s);
  }
}

/** Whether `signature` (ASN.1 DER) is of the digest (GB/T 32918.2 §7.1). With the public key it takes some 10 ms. */
export function verifySm2Digest(key: KeyObject, digest: Uint8Array, signature: Uint8Array): boolean {
  const e = digestScalar(digest);
  const pair = parseScalarPair(sm2Order, signature);
  if (pair === undefined) return false;
  const t = (pair.r + pair.s) % sm2Order;
  const point = t === 0n ? undefined : verificationPoint(key, pair.s, t);
  return point !== undefined && (e + firstCoordinate(point)) % sm2Order === pair.r;
}

/** s·G + t·P, which with the private key d is the one multiple (s + t·d)·G. */
function verificationPoint(key: KeyObject, s: bigint, t: bigint): Buffer | undefined {
  if (key.type !== 'private') return sumOfPoints(multipleOfGenerator(s), multipleOfPoint(t, publicPoint(key)));
  const multiple = (s + t * privateScalar(key)) % sm2Order;
  return multiple === 0n ? undefined : multipleOfGenerator(multiple);
}

function digestScalar(digest: Uint8Array): bigint {
  if (digest.length !== scalarBytes) throw new RangeError(`the digest has ${scalarBytes} bytes`);
  return scalarOf(digest);
}

function firstCoordinate(point: Buffer): bigint {
  return scalarOf(point.subarray(1, 1 + scalarBytes));
}

/** 1 / (1 + d). The Euclidean algorithm takes its time by its input, so that is multiplied by a random number first. */
function inverseOfSuccessor(d: bigint, random: RandomBytes): bigint {
  const blind = randomScalar(random);
  return (inverse(((1n + d) * blind) % sm2Order, sm2Order) * blind) % sm2Order;
}
