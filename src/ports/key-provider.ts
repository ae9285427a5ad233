import type { KeyObject } from 'node:crypto';

/** Parts of an AEAD ciphertext: IV (12 bytes), ciphertext (as long as the plaintext, or up to 64 bytes more) and tag (16 bytes). */
export interface SealedParts {
  iv: Buffer;
  ciphertext: Buffer;
  tag: Buffer;
}

/** Where new material is made. */
export interface KeyPlacement {
  /** KMS instance id, or `shared`. */
  readonly scope: string;
  /** Id of the key at its owner; instances of the type External only. */
  readonly externalKeyId?: string;
  /** How an HSM keeps it; instances of the type Hardware only. */
  readonly storage?: KeyStorageMechanism;
}

/** A token object for each key, or material in the store, wrapped by one key in the HSM (KMS CreateKey). */
export type KeyStorageMechanism = 'HsmInternal' | 'HsmEncryptedDatabase';

/** Where key material lives and works: in process, in an HSM, or with its owner. */
export interface KeyProvider {
  readonly kind: 'software' | 'pkcs11' | 'xki';
  /** Makes new material of `keySpec` (a row of the key-spec table). What comes back is stored, sealed, with the version. */
  generate(keySpec: string, placement?: KeyPlacement): Promise<KeyMaterial>;
  /**
   * Takes material from outside: as many bytes as the spec has, or PKCS #8 DER of a private key. It comes back under the version id it had before, if it had
   * one. A provider without this takes none.
   */
  importMaterial?(
    keySpec: string,
    bytes: Uint8Array,
    placement: KeyPlacement,
    versionId?: string,
  ): Promise<KeyMaterial>;
  /** Encrypts at most 6144 bytes. */
  encrypt(material: KeyMaterial, plaintext: Uint8Array, aad: Uint8Array): Promise<SealedParts>;
  /** Decrypts; any failure is the same `InvalidCiphertext` error, without detail. */
  decrypt(material: KeyMaterial, parts: SealedParts, aad: Uint8Array): Promise<Buffer>;
  /**
   * Signs a digest with an asymmetric key by an algorithm of its key spec; ECDSA gives ASN.1 DER. Throws
   * `InvalidParameter` for a digest that no message has.
   */
  signDigest(material: KeyMaterial, algorithm: string, digest: Uint8Array): Promise<Buffer>;
  /** Whether `signature` is of this digest by this key; malformed signatures are not. */
  verifyDigest(material: KeyMaterial, algorithm: string, digest: Uint8Array, signature: Uint8Array): Promise<boolean>;
  /** Decrypts with an asymmetric key; any failure is the same `InvalidCiphertext` error, without detail. */
  decryptAsymmetric(material: KeyMaterial, algorithm: string, ciphertext: Uint8Array): Promise<Buffer>;
  /** The public half of an asymmetric key. */
  publicKey(material: KeyMaterial): Promise<KeyObject>;
  /** The MAC of a message, by the one algorithm of the key's spec. Who verifies compares in constant time. */
  mac(material: KeyMaterial, message: Uint8Array): Promise<Buffer>;
  /** Drops whatever is cached of the material, at once. */
  forget(versionId: string): void;
  /** Takes material out of where it lives, once its key is deleted. Absent where the store's record is all there is. */
  destroy?(material: KeyMaterial): Promise<void>;
  /**
   * Why a key cannot work now, as a sentence that says what is in the way and what to do; `undefined` when it can.
   * Without material, it tells of the instance as a whole. Absent where nothing can be in the way.
   */
  problem?(scope: string, material?: KeyMaterial): Promise<string | undefined>;
}

/** Material of one key version as it is stored: opaque bytes whose meaning is the provider's. */
export interface KeyMaterial {
  versionId: string;
  keySpec: string;
  bytes: Buffer;
}
