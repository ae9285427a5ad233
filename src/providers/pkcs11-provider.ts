import { createPublicKey, type KeyObject } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { signatureAlgorithms } from '../crypto/asymmetric.ts';
import { invalidCiphertext, maxSealedTextBytes } from '../crypto/ciphertext-blob.ts';
import { keySpecs, keySpecsOf } from '../crypto/key-specs.ts';
import { uuidV4, type RandomBytes } from '../crypto/uuid.ts';
import { ApiError } from '../lib/errors.ts';
import type { KeyMaterial, KeyPlacement, KeyProvider, SealedParts } from '../ports/key-provider.ts';
import { HsmRefusalError, HsmUnavailableError, type HsmClient } from './pkcs11-client.ts';
import { hsmStatus } from './pkcs11-frames.ts';

export interface Pkcs11ProviderOptions {
  /** The `hsm` process of each Hardware instance. */
  clients: ReadonlyMap<string, HsmClient>;
  random: RandomBytes;
}

/** How the `hsm` process describes material, as it is stored. What it wrapped is of no use without its token. */
interface HsmReference {
  instance: string;
  /** SubjectPublicKeyInfo (RFC 5280) as base64; asymmetric keys only. */
  public?: string;
  /** The same once it was needed: parsing it costs more than verifying a signature. */
  publicKey?: KeyObject;
}

const tagBytes = 16;
const ivBytes = 12;
type Operation = Parameters<HsmClient['call']>[0];

/** Keys in an HSM, worked by the `hsm` process. What needs the public key only happens here. */
export class Pkcs11Provider implements KeyProvider {
  readonly kind = 'pkcs11';
  readonly #options: Pkcs11ProviderOptions;
  readonly #references = new LRUCache<string, HsmReference>({ max: 20_000 });

  constructor(options: Pkcs11ProviderOptions) {
    this.#options = options;
  }

  async generate(keySpec: string, placement?: KeyPlacement): Promise<KeyMaterial> {
    assertSpec(keySpec);
    const { scope = '', storage = 'HsmInternal' } = placement ?? {};
    const description = Buffer.from(JSON.stringify({ instance: scope, spec: keySpec, storage }));
    const [bytes = Buffer.alloc(0)] = await this.#call(scope, 'generate', description);
    return { versionId: uuidV4(this.#options.random), keySpec, bytes: Buffer.from(bytes) };
  }

  /** The AES-256 key of the token with this label; made there when there is none. */
  async namedKey(instance: string, label: string): Promise<KeyMaterial> {
    const keySpec = 'Aliyun_AES_256';
    const description = Buffer.from(JSON.stringify({ instance, spec: keySpec, label }));
    const [bytes = Buffer.alloc(0)] = await this.#call(instance, 'namedKey', description);
    return { versionId: uuidV4(this.#options.random), keySpec, bytes: Buffer.from(bytes) };
  }

  async importMaterial(
    keySpec: string,
    bytes: Uint8Array,
    placement: KeyPlacement,
    versionId?: string,
  ): Promise<KeyMaterial> {
    assertSpec(keySpec);
    const { scope, storage = 'HsmInternal' } = placement;
    const description = Buffer.from(JSON.stringify({ instance: scope, spec: keySpec, storage }));
    const [made = Buffer.alloc(0)] = await this.#call(scope, 'importMaterial', description, Buffer.from(bytes));
    return { versionId: versionId ?? uuidV4(this.#options.random), keySpec, bytes: Buffer.from(made) };
  }

  async encrypt(material: KeyMaterial, plaintext: Uint8Array, aad: Uint8Array): Promise<SealedParts> {
    if (plaintext.length > maxSealedTextBytes) {
      throw new RangeError(`a key provider encrypts at most ${maxSealedTextBytes} bytes`);
    }
    const [iv, ciphertext, tag] = await this.#work(material, 'encrypt', view(plaintext), view(aad));
    if (iv?.length !== ivBytes || ciphertext?.length !== plaintext.length || tag?.length !== tagBytes) {
      throw unavailable('The HSM answered with something else than a ciphertext.');
    }
    return { iv: Buffer.from(iv), ciphertext: Buffer.from(ciphertext), tag: Buffer.from(tag) };
  }

  async decrypt(material: KeyMaterial, parts: SealedParts, aad: Uint8Array): Promise<Buffer> {
    if (parts.iv.length !== ivBytes || parts.tag.length !== tagBytes) throw invalidCiphertext();
    const { iv, ciphertext, tag } = parts;
    const [plaintext] = await this.#work(material, 'decrypt', iv, ciphertext, tag, view(aad));
    if (plaintext?.length === ciphertext.length) return plaintext;
    throw unavailable('The HSM answered with something else than a plaintext.');
  }

  /** Verifies what the HSM signed before it is given out: a faulty signature of RSA can give the key away. */
  async signDigest(material: KeyMaterial, algorithm: string, digest: Uint8Array): Promise<Buffer> {
    const [signature] = await this.#work(material, 'sign', Buffer.from(algorithm), view(digest));
    if (signature !== undefined && (await this.verifyDigest(material, algorithm, digest, signature))) {
      return Buffer.from(signature);
    }
    throw unavailable('The HSM answered with something else than a signature.');
  }

  async verifyDigest(
    material: KeyMaterial,
    algorithm: string,
    digest: Uint8Array,
    signature: Uint8Array,
  ): Promise<boolean> {
    const row = signatureAlgorithms.get(algorithm);
    if (row === undefined) throw new Error(`there is no algorithm ${algorithm}`);
    return row.verify(await this.publicKey(material), digest, signature);
  }

  async decryptAsymmetric(material: KeyMaterial, algorithm: string, ciphertext: Uint8Array): Promise<Buffer> {
    const [plaintext] = await this.#work(material, 'decryptAsymmetric', Buffer.from(algorithm), view(ciphertext));
    if (plaintext === undefined) throw unavailable('The HSM answered with something else than a plaintext.');
    return plaintext;
  }

  async publicKey(material: KeyMaterial): Promise<KeyObject> {
    const reference = this.#referenceOf(material);
    const spki = reference.public;
    if (spki === undefined) throw new Error(`keys of ${material.keySpec} have no public half`);
    reference.publicKey ??= createPublicKey({ key: Buffer.from(spki, 'base64'), format: 'der', type: 'spki' });
    return reference.publicKey;
  }

  async mac(material: KeyMaterial, message: Uint8Array): Promise<Buffer> {
    const [mac] = await this.#work(material, 'mac', view(message));
    if (mac === undefined || mac.length === 0) throw unavailable('The HSM answered with something else than a MAC.');
    return Buffer.from(mac);
  }

  forget(versionId: string): void {
    this.#references.delete(versionId);
  }

  async destroy(material: KeyMaterial): Promise<void> {
    await this.#work(material, 'destroy');
  }

  async problem(scope: string): Promise<string | undefined> {
    const client = this.#options.clients.get(scope);
    if (client === undefined) return `The instance ${scope} is not configured here.`;
    try {
      await client.call('ping');
      return undefined;
    } catch (error) {
      return `The HSM of the instance ${scope} cannot be used: ${(error as Error).message}`;
    }
  }

  #work(material: KeyMaterial, operation: Operation, ...fields: Buffer[]): Promise<readonly Buffer[]> {
    return this.#call(this.#referenceOf(material).instance, operation, material.bytes, ...fields);
  }

  #referenceOf({ versionId, bytes }: KeyMaterial): HsmReference {
    const known = this.#references.get(versionId);
    if (known !== undefined) return known;
    const { instance, public: spki } = JSON.parse(bytes.toString('utf8')) as HsmReference;
    const reference: HsmReference = { instance, ...(spki !== undefined && { public: spki }) };
    this.#references.set(versionId, reference);
    return reference;
  }

  async #call(instance: string, operation: Operation, ...fields: Buffer[]): Promise<readonly Buffer[]> {
    const client = this.#options.clients.get(instance);
    if (client === undefined) {
      const message = `The instance ${instance} is not configured here. Put it back into the configuration.`;
      throw new ApiError('Rejected.Unavailable', message);
    }
    try {
      return await client.call(operation, ...fields);
    } catch (error) {
      throw apiError(error);
    }
  }
}

function apiError(error: unknown): unknown {
  if (error instanceof HsmUnavailableError) return unavailable(error.message, error);
  if (!(error instanceof HsmRefusalError)) return error;
  if (error.status === hsmStatus.invalidCiphertext) return invalidCiphertext();
  const code = error.status === hsmStatus.notFound ? 'Rejected.Unavailable' : 'UnsupportedOperation';
  return new ApiError(code, error.message);
}

function unavailable(message: string, cause?: unknown): ApiError {
  return new ApiError('ServiceUnavailableTemporary', message, { cause });
}

function assertSpec(keySpec: string): void {
  if (keySpecs[keySpec]?.providers.includes('pkcs11') === true) return;
  const known = keySpecsOf('pkcs11').join(', ');
  throw new ApiError('InvalidParameter', `KeySpec ${keySpec} has no keys in an HSM. Use one of ${known}.`);
}

function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
