import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { invalidCiphertext, maxSealedTextBytes } from '../crypto/ciphertext-blob.ts';
import { keySpecs, keySpecsOf, type KeySpecRow } from '../crypto/key-specs.ts';
import { uuidV4, type RandomBytes } from '../crypto/uuid.ts';
import { ApiError } from '../lib/errors.ts';
import type { KeyMaterial, KeyProvider, SealedParts } from '../ports/key-provider.ts';

/** Length of the IV in bytes: NIST SP 800-38D §8.2.2, random construction with a 96-bit random field. */
const ivBytes = 12;
const tagBytes = 16;

export interface SoftwareProviderOptions {
  random: RandomBytes;
  /** Most key objects kept ready; the least recently used one goes first. 1024 unless given. */
  cachedKeys?: number;
}

/**
 * Keys in the memory of this process. Material is the raw key; node:crypto does the work.
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
    this.#keys = new LRUCache({ max: options.cachedKeys ?? 1024 });
  }

  generate(keySpec: string): Promise<KeyMaterial> {
    const row = softwareRow(keySpec);
    const material = { versionId: uuidV4(this.#random), keySpec, bytes: this.#random(row.materialBytes) };
    return Promise.resolve(material);
  }

  async encrypt(material: KeyMaterial, plaintext: Uint8Array, aad: Uint8Array): Promise<SealedParts> {
    if (plaintext.length > maxSealedTextBytes) {
      throw new RangeError(`a key provider encrypts at most ${maxSealedTextBytes} bytes`);
    }
    const iv = this.#random(ivBytes);
    const key = this.#keyOf(material);
    const cipher = createCipheriv(softwareRow(material.keySpec).cipher, key, iv, { authTagLength: tagBytes });
    cipher.setAAD(aad);
    const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
    return { iv, ciphertext, tag: cipher.getAuthTag() };
  }

  async decrypt(material: KeyMaterial, parts: SealedParts, aad: Uint8Array): Promise<Buffer> {
    const key = this.#keyOf(material);
    const { cipher } = softwareRow(material.keySpec);
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

  forget(versionId: string): void {
    this.#keys.delete(versionId);
  }

  #keyOf(material: KeyMaterial): KeyObject {
    const cached = this.#keys.get(material.versionId);
    if (cached !== undefined) return cached;
    const key = createSecretKey(material.bytes);
    this.#keys.set(material.versionId, key);
    return key;
  }
}

type SoftwareRow = KeySpecRow & Required<Pick<KeySpecRow, 'cipher' | 'materialBytes'>>;

function softwareRow(keySpec: string): SoftwareRow {
  const row = keySpecs[keySpec];
  if (row?.cipher === undefined || row.materialBytes === undefined || !row.providers.includes('software')) {
    const known = keySpecsOf('software').join(', ');
    throw new ApiError('InvalidParameter', `KeySpec ${keySpec} has no software keys. Use one of ${known}.`);
  }
  return row as SoftwareRow;
}
