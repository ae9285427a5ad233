import { createPrivateKey, createSecretKey, generateKeyPair, type KeyObject } from 'node:crypto';
import type { KeySpecRow } from '../crypto/key-specs.ts';
import type { RandomBytes } from '../crypto/uuid.ts';

/**
 * New material of a key spec: raw bytes of a symmetric key, PKCS #8 DER (RFC 5958) of a private key. Key pairs are
 * generated on libuv's threads: an RSA key takes up to seconds, and requests go on meanwhile.
 */
export function generateMaterial(row: KeySpecRow, random: RandomBytes): Promise<Buffer> {
  const { pair, materialBytes } = row;
  if (pair !== undefined) return generatePair(pair);
  if (materialBytes === undefined) throw new Error(`the key spec ${row.name} does not say how its keys are made`);
  return Promise.resolve(random(materialBytes));
}

/** The key of material that {@link generateMaterial} made, ready for use. */
export function keyOfMaterial(row: KeySpecRow, bytes: Buffer): KeyObject {
  return row.form === 'asymmetric'
    ? createPrivateKey({ key: bytes, format: 'der', type: 'pkcs8' })
    : createSecretKey(bytes);
}

function generatePair(pair: NonNullable<KeySpecRow['pair']>): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const finish = (error: Error | null, _publicKey: KeyObject, privateKey: KeyObject): void => {
      if (error === null) resolve(privateKey.export({ format: 'der', type: 'pkcs8' }));
      else reject(error);
    };
    if ('modulusBits' in pair) generateKeyPair('rsa', { modulusLength: pair.modulusBits }, finish);
    else generateKeyPair('ec', { namedCurve: pair.namedCurve }, finish);
  });
}
