import { createPrivateKey, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';

/** The longest output of HKDF with SHA-256, in bytes: 255 blocks of 32. */
const hkdfLimitBytes = 255 * 32;

/**
 * HKDF with SHA-256 (RFC 5869), extract and expand. `length` is in bytes, 1 to 8160. `info` names the purpose: keys for
 * two purposes never share it.
 */
export function hkdfSha256(
  inputKey: KeyObject | Uint8Array,
  salt: Uint8Array,
  info: string | Uint8Array,
  length: number,
): Buffer {
  if (!Number.isInteger(length) || length < 1 || length > hkdfLimitBytes) {
    throw new RangeError(`HKDF-SHA256 gives 1 to ${hkdfLimitBytes} bytes, not ${length}.`);
  }
  return Buffer.from(hkdfSync('sha256', inputKey, salt, info, length));
}

/** Derives a 256-bit secret key for one purpose from a root key of at least 256 bits of entropy. */
export function deriveSecretKey(root: KeyObject | Uint8Array, purpose: string): KeyObject {
  const bytes = hkdfSha256(root, new Uint8Array(0), purpose, 32);
  const key = createSecretKey(bytes);
  bytes.fill(0);
  return key;
}

/** PKCS #8 head of an Ed25519 private key (RFC 8410 §7): the 32-byte seed follows. */
const ed25519Head = Buffer.from('302e020100300506032b657004220420', 'hex');

/**
 * Derives the Ed25519 signing key for one purpose. The same root and purpose always give the same key, so nothing has
 * to be stored; the public key (`createPublicKey` of it) may be given away.
 */
export function deriveEd25519Key(root: KeyObject | Uint8Array, purpose: string): KeyObject {
  const seed = hkdfSha256(root, new Uint8Array(0), purpose, 32);
  const der = Buffer.concat([ed25519Head, seed]);
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  seed.fill(0);
  der.fill(0);
  return key;
}
