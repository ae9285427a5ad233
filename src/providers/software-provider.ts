import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createPublicKey,
  type CipherGCMTypes,
  type KeyObject,
} from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { asymmetricCiphers, signatureAlgorithms } from '../crypto/asymmetric.ts';
import { invalidCiphertext, maxSealedTextBytes } from '../crypto/ciphertext-blob.ts';
import { DigestError } from '../crypto/ecdsa-digest.ts';
import { importedMaterial } from '../crypto/imported-material.ts';
import { keySpecs, keySpecsOf, type KeySpecRow } from '../crypto/key-specs.ts';
import { uuidV4, type RandomBytes } from '../crypto/uuid.ts';
import { ApiError } from '../lib/errors.ts';
import type { KeyMaterial, KeyPlacement, KeyProvider, SealedParts } from '../ports/key-provider.ts';
import { generateMaterial, keyOfMaterial } from './software-material.ts';

/** Length of the IV in bytes: NIST SP 800-38D §8.2.2, random construction with a 96-bit random field. */
const ivBytes = 12;
const tagBytes = 16;

export interface SoftwareProviderOptions {
  random: RandomBytes;
  /** Most key objects kept ready; the least recently used one goes first. 10,000 unless given. */
  cachedKeys?: number;
}

/**
 * Keys in the memory of this process. Material is the raw key, or PKCS #8; node:crypto does the work.
 *
 * Every IV is random, so replicas, forks and restored backups never count in step. At 2^32 encryptions under one
 * version the chance of an IV twice reaches 2^-33; whoever stores the versions rotates before that.
 */
export class SoftwareProvider implements KeyProvider {
  readonly kind = 'software';
  readonly #random: RandomBytes;
  readonly #keys: LRUCache<string, KeyObject>;

  constructor(options: SoftwareProviderOptions) {
    this.#random = options.random;
    this.#keys = new LRUCache({ max: options.cachedKeys ?? 10_000 });
  }

  async generate(keySpec: string): Promise<KeyMaterial> {
    const bytes = await generateMaterial(softwareRow(keySpec), this.#random);
    return { versionId: uuidV4(this.#random), keySpec, bytes };
  }

  async importMaterial(
    keySpec: string,
    bytes: Uint8Array,
    _placement: KeyPlacement,
    versionId?: string,
  ): Promise<KeyMaterial> {
    const material = importedMaterial(softwareRow(keySpec), bytes, this.#random);
    if (material === undefined) throw new RangeError(`these bytes are no material of ${keySpec}`);
    return { versionId: versionId ?? uuidV4(this.#random), keySpec, bytes: material };
  }

  async encrypt(material: KeyMaterial, plaintext: Uint8Array, aad: Uint8Array): Promise<SealedParts> {
    if (plaintext.length > maxSealedTextBytes) {
      throw new RangeError(`a key provider encrypts at most ${maxSealedTextBytes} bytes`);
    }
    const iv = this.#random(ivBytes);
    const key = this.#keyOf(material);
    const cipher = createCipheriv(cipherOf(material), key, iv, { authTagLength: tagBytes });
    cipher.setAAD(aad);
    const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
    return { iv, ciphertext, tag: cipher.getAuthTag() };
  }

  async decrypt(material: KeyMaterial, parts: SealedParts, aad: Uint8Array): Promise<Buffer> {
    const key = this.#keyOf(material);
    const cipher = cipherOf(material);
    try {
      const decipher = createDecipheriv(cipher, key, parts.iv, { authTagLength: tagBytes });
      decipher.setAAD(aad);
      decipher.setAuthTag(parts.tag);
      return Buffer.concat([decipher.update(parts.ciphertext), decipher.final()]);
    } catch {
      // No cause: whatever node:crypto says about a forged text helps only its forger.
      throw invalidCiphertext();
    }
  }

  async signDigest(material: KeyMaterial, algorithm: string, digest: Uint8Array): Promise<Buffer> {
    try {
      return rowOf(signatureAlgorithms, algorithm).sign(this.#keyOf(material), digest, this.#random);
    } catch (error) {
      if (!(error instanceof DigestError)) throw error;
      throw new ApiError('InvalidParameter', 'The parameter Digest must be the digest of a message.');
    }
  }

  async verifyDigest(
    material: KeyMaterial,
    algorithm: string,
    digest: Uint8Array,
    signature: Uint8Array,
  ): Promise<boolean> {
    return rowOf(signatureAlgorithms, algorithm).verify(this.#keyOf(material), digest, signature);
  }

  async decryptAsymmetric(material: KeyMaterial, algorithm: string, ciphertext: Uint8Array): Promise<Buffer> {
    const cipher = rowOf(asymmetricCiphers, algorithm);
    const key = this.#keyOf(material);
    try {
      return cipher.decrypt(key, ciphertext);
    } catch {
      // No cause: what was wrong with the padding helps only its forger (RFC 8017 §7.1.2).
      throw invalidCiphertext();
    }
  }

  async publicKey(material: KeyMaterial): Promise<KeyObject> {
    return createPublicKey(this.#keyOf(material));
  }

  async mac(material: KeyMaterial, message: Uint8Array): Promise<Buffer> {
    const { macHash } = softwareRow(material.keySpec);
    if (macHash === undefined) throw new Error(`keys of ${material.keySpec} make no MACs`);
    return createHmac(macHash, this.#keyOf(material)).update(message).digest();
  }

  forget(versionId: string): void {
    this.#keys.delete(versionId);
  }

  #keyOf(material: KeyMaterial): KeyObject {
    const cached = this.#keys.get(material.versionId);
    if (cached !== undefined) return cached;
    const key = keyOfMaterial(softwareRow(material.keySpec), material.bytes);
    this.#keys.set(material.versionId, key);
    return key;
  }
}

function softwareRow(keySpec: string): KeySpecRow {
  const row = keySpecs[keySpec];
  if (row?.providers.includes('software') === true) return row;
  const known = keySpecsOf('software').join(', ');
  throw new ApiError('InvalidParameter', `KeySpec ${keySpec} has no software keys. Use one of ${known}.`);
}

/** The types of node:crypto list no SM4, which works as the other GCM ciphers do. */
function cipherOf({ keySpec }: KeyMaterial): CipherGCMTypes {
  const { cipher } = softwareRow(keySpec);
  if (cipher === undefined) throw new Error(`keys of ${keySpec} are not symmetric`);
  return cipher as CipherGCMTypes;
}

function rowOf<T>(algorithms: ReadonlyMap<string, T>, name: string): T {
  const row = algorithms.get(name);
  if (row === undefined) throw new Error(`there is no algorithm ${name}`);
  return row;
}
