/** What is stored of a key: where it is in the token, or the key itself, wrapped by a key of the token. */
export interface HsmMaterial {
  v: 1;
  instance: string;
  spec: string;
  storage: 'HsmInternal' | 'HsmEncryptedDatabase';
  /** CKA_ID, hex: of the key, or of the key that wraps it. */
  id: string;
  /** Base64; HsmEncryptedDatabase only. */
  wrapped?: string;
  /** SubjectPublicKeyInfo as base64; asymmetric keys only. */
  public?: string;
}

export function encodeMaterial(material: HsmMaterial): Buffer {
  return Buffer.from(JSON.stringify(material));
}

export function decodeMaterial(bytes: Buffer): HsmMaterial {
  return JSON.parse(bytes.toString('utf8')) as HsmMaterial;
}
