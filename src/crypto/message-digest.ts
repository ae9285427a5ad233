import { hash, type KeyObject } from 'node:crypto';
import { publicPoint, sm2MessageDigest } from './sm2.ts';

/** The digest of a message that a signature algorithm signs: SHA-256, and with SM2 that of signer and message. */
export function messageDigest(algorithm: string, publicKey: KeyObject, message: Uint8Array): Buffer {
  if (algorithm === 'SM2DSA') return sm2MessageDigest(publicPoint(publicKey), message);
  return hash('sha256', message, 'buffer');
}
