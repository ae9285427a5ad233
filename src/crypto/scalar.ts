import { derInteger, derSequence } from './der.ts';

/** Length in bytes of a scalar of the curves that are used here, all of 256 bits. */
export const scalarBytes = 32;

/** The number that the bytes are, big-endian. */
export function scalarOf(bytes: Uint8Array): bigint {
  return BigInt(`0x0${Buffer.from(bytes).toString('hex')}`);
}

/** A number of at most 256 bits as 32 bytes, big-endian. */
export function bytesOf(scalar: bigint): Buffer {
  return Buffer.from(scalar.toString(16).padStart(scalarBytes * 2, '0'), 'hex');
}

/** 1 / value modulo a prime, by the extended Euclidean algorithm. */
export function inverse(value: bigint, prime: bigint): bigint {
  let [a, b, x, y] = [value, prime, 1n, 0n];
  while (a > 1n) {
    const quotient = a / b;
    [a, b, x, y] = [b, a % b, y, x - quotient * y];
  }
  return ((x % prime) + prime) % prime;
}

/** DER of two numbers from 1 to the order, in its one spelling; anything else is no signature. */
export function parseScalarPair(order: bigint, signature: Uint8Array): { r: bigint; s: bigint } | undefined {
  const bytes = Buffer.from(signature);
  const rLength = bytes[3] ?? 0;
  const sLength = bytes[5 + rLength] ?? 0;
  const r = scalarOf(bytes.subarray(4, 4 + rLength));
  const s = scalarOf(bytes.subarray(6 + rLength, 6 + rLength + sLength));
  if (r < 1n || r >= order || s < 1n || s >= order) return undefined;
  return formatScalarPair(r, s).equals(bytes) ? { r, s } : undefined;
}

/** The DER of two numbers below 2^256, as signatures are written. */
export function formatScalarPair(r: bigint, s: bigint): Buffer {
  return derSequence(derInteger(bytesOf(r)), derInteger(bytesOf(s)));
}
