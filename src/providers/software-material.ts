import { createPrivateKey, createSecretKey, type KeyObject } from 'node:crypto';
import { generatePrivateKey } from '../crypto/key-pair.ts';
import type { KeySpecRow } from '../crypto/key-specs.ts';
import type { RandomBytes } from '../crypto/uuid.ts';

/**
 * New material of a key spec: raw bytes of a symmetric key, PKCS #8 DER (RFC 5958) of a private key.
 */
export async function generateMaterial(row: KeySpecRow, random: RandomBytes): Promise<Buffer> {
  const { pair, materialBytes } = row;
  if (pair !== undefined) return (await generatePrivateKey(pair)).export({ format: 'der', type: 'pkcs8' });
  if (materialBytes === undefined) throw new Error(`the key spec ${row.name} does not say how its keys are made`);
  return random(materialBytes);
}

/** The key of material that {@link generateMaterial} made, ready for use. */
export function keyOfMaterial(row: KeySpecRow, bytes: Buffer): KeyObject {
  return row.form === 'asymmetric'
    ? createPrivateKey({ key: bytes, format: 'der', type: 'pkcs8' })
    : createSecretKey(bytes);
}
