import { generateKeyPair, type KeyObject } from 'node:crypto';
import type { EcdsaCurve } from './ecdsa-digest.ts';

/** How a key pair is generated: RSA by its modulus, EC by OpenSSL's name of the curve. */
export type PairShape = { readonly modulusBits: number } | { readonly namedCurve: EcdsaCurve['namedCurve'] | 'SM2' };

/**
 * A new private key. Generated on libuv's threads, with OpenSSL's randomness: an RSA key takes up to seconds, and
 * requests go on meanwhile.
 */
export function generatePrivateKey(shape: PairShape): Promise<KeyObject> {
  return new Promise((resolve, reject) => {
    const finish = (error: Error | null, _publicKey: KeyObject, privateKey: KeyObject): void => {
      if (error === null) resolve(privateKey);
      else reject(error);
    };
    if ('modulusBits' in shape) generateKeyPair('rsa', { modulusLength: shape.modulusBits }, finish);
    else generateKeyPair('ec', { namedCurve: shape.namedCurve }, finish);
  });
}
