import { createHash, timingSafeEqual, type KeyObject } from 'node:crypto';
import { lengthPrefixed } from '../crypto/aead.ts';
import { invalidCiphertext, maxSealedTextBytes } from '../crypto/ciphertext-blob.ts';
import { uuidV4, type RandomBytes } from '../crypto/uuid.ts';
import type { ExternalCiphertext } from '../crypto/xki-integrity.ts';
import type { Clock } from '../lib/clock.ts';
import { ApiError } from '../lib/errors.ts';
import type { KeyMaterial, KeyPlacement, KeyProvider, SealedParts } from '../ports/key-provider.ts';
import { XkiRefusalError, type ExternalKeyMetadata, type XkiProxyClient } from './xki-proxy-client.ts';

export interface XkiProviderOptions {
  /** The proxy of each External instance. */
  proxies: ReadonlyMap<string, XkiProxyClient>;
  random: RandomBytes;
  clock: Clock;
}

/** What is kept of an external key: whose it is and how its owner calls it. */
interface ExternalReference {
  instance: string;
  externalKeyId: string;
}

const nonceBytes = 12;
const checkBytes = 16;
/** How old what the proxy said of a key may be, when its state is shown. No operation goes by it. */
const metadataFreshMs = 500;

/**
 * Keys that stay with their owner. Every operation goes to the proxy; nothing it answers is kept.
 *
 * A ciphertext is `1 ‖ length of IV ‖ length of metadata ‖ IV ‖ metadata ‖ ciphertext`, where the IV is the proxy's. The IV
 * of the parts is a nonce of ours: it is in the associated data together with the version, so an answer to another call,
 * or of another KMS key on the same external key, does not fit. What the proxy encrypts begins with 16 bytes of
 * SHA-256(associated data ‖ plaintext): a decryption that gives anything else is refused.
 */
export class XkiProvider implements KeyProvider {
  readonly kind = 'xki';
  readonly #options: XkiProviderOptions;
  readonly #metadata = new Map<string, { at: number; metadata: Promise<ExternalKeyMetadata> }>();

  constructor(options: XkiProviderOptions) {
    this.#options = options;
  }

  async generate(keySpec: string, placement?: KeyPlacement): Promise<KeyMaterial> {
    if (keySpec !== 'Aliyun_AES_256') {
      throw new ApiError('InvalidParameter', 'External keys are of the KeySpec Aliyun_AES_256.');
    }
    const { scope: instance = '', externalKeyId } = placement ?? {};
    if (externalKeyId === undefined) {
      const message = `Keys of the instance ${instance} stay with their owner: name the key with the parameter ExternalKeyId.`;
      throw new ApiError('MissingParameter', message);
    }
    const reference = { instance, externalKeyId };
    const metadata = await this.#run(reference, (proxy) => proxy.metadata(externalKeyId));
    assertUsable(reference, metadata);
    const bytes = Buffer.from(JSON.stringify(reference));
    return { versionId: uuidV4(this.#options.random), keySpec, bytes };
  }

  async encrypt(material: KeyMaterial, plaintext: Uint8Array, aad: Uint8Array): Promise<SealedParts> {
    if (plaintext.length > maxSealedTextBytes) {
      throw new RangeError(`a key provider encrypts at most ${maxSealedTextBytes} bytes`);
    }
    const reference = referenceOf(material);
    const nonce = this.#options.random(nonceBytes);
    const bound = boundAad(material.versionId, nonce, aad);
    const checked = Buffer.concat([checkOf(bound, plaintext), plaintext]);
    try {
      const made = await this.#run(reference, (proxy) => proxy.encrypt(reference.externalKeyId, checked, bound));
      return { iv: nonce, ciphertext: pack(made), tag: Buffer.from(made.tag) };
    } finally {
      checked.fill(0);
    }
  }

  async decrypt(material: KeyMaterial, parts: SealedParts, aad: Uint8Array): Promise<Buffer> {
    const reference = referenceOf(material);
    const made = unpack(parts);
    const bound = boundAad(material.versionId, parts.iv, aad);
    const checked = await this.#run(reference, (proxy) => proxy.decrypt(reference.externalKeyId, made, bound));
    const plaintext = checked.subarray(checkBytes);
    const check = checked.subarray(0, checkBytes);
    if (check.length === checkBytes && timingSafeEqual(check, checkOf(bound, plaintext))) return plaintext;
    checked.fill(0);
    throw new ApiError(
      'ServiceUnavailableTemporary',
      `The XKI proxy of the instance ${reference.instance} answered with another plaintext than was encrypted. Nothing was given out; see to the proxy.`,
    );
  }

  signDigest(): Promise<Buffer> {
    return Promise.reject(symmetricOnly());
  }

  verifyDigest(): Promise<boolean> {
    return Promise.reject(symmetricOnly());
  }

  decryptAsymmetric(): Promise<Buffer> {
    return Promise.reject(symmetricOnly());
  }

  publicKey(): Promise<KeyObject> {
    return Promise.reject(symmetricOnly());
  }

  mac(): Promise<Buffer> {
    return Promise.reject(symmetricOnly());
  }

  forget(): void {
    this.#metadata.clear();
  }

  async problem(scope: string, material?: KeyMaterial): Promise<string | undefined> {
    const status = this.#options.proxies.get(scope)?.status;
    if (status !== 'Connected') return notConnected(scope, status);
    if (material === undefined) return undefined;
    try {
      const reference = referenceOf(material);
      assertUsable(reference, await this.#recentMetadata(reference));
      return undefined;
    } catch (error) {
      return error instanceof ApiError ? error.message : notConnected(scope, 'Disconnected');
    }
  }

  /** What the proxy said of the key within the last half second. */
  #recentMetadata(reference: ExternalReference): Promise<ExternalKeyMetadata> {
    const name = `${reference.instance} ${reference.externalKeyId}`;
    const now = this.#options.clock.monotonic();
    const known = this.#metadata.get(name);
    if (known !== undefined && now - known.at < metadataFreshMs) return known.metadata;
    const metadata = this.#run(reference, (proxy) => proxy.metadata(reference.externalKeyId));
    this.#metadata.set(name, { at: now, metadata });
    return metadata;
  }

  /** Calls the proxy, and says in the words of KMS what was in the way. */
  async #run<T>(reference: ExternalReference, call: (proxy: XkiProxyClient) => Promise<T>): Promise<T> {
    const { instance } = reference;
    const proxy = this.#options.proxies.get(instance);
    if (proxy === undefined) {
      const message = `The instance ${instance} is not configured here any more. Put it back into the configuration.`;
      throw new ApiError('Rejected.Unavailable', message);
    }
    try {
      return await call(proxy);
    } catch (error) {
      if (error instanceof XkiRefusalError) throw refusal(reference, error.errorName);
      throw new ApiError('ServiceUnavailableTemporary', notConnected(instance, proxy.status), { cause: error });
    }
  }
}

/** What an error of the proxy means for the caller of KMS. */
const refusals: Readonly<Record<string, string>> = {
  InvalidStateException: 'is DISABLED at its owner. Have it enabled there.',
  KeyNotFoundException: 'is not known to its proxy. Check ExternalKeyId with the owner.',
  InvalidKeyUsageException: 'may not be used for this at its owner. It must allow ENCRYPT and DECRYPT.',
  AccessDeniedException: 'is denied by the policy of its owner.',
};

function refusal({ externalKeyId }: ExternalReference, errorName: string): ApiError {
  if (errorName === 'InvalidCiphertextException') return invalidCiphertext();
  if (errorName === 'ThrottlingException') {
    return new ApiError('Rejected.Throttling', 'The XKI proxy takes no more calls now: its owner limits them. Wait.');
  }
  const meaning = refusals[errorName];
  if (meaning !== undefined)
    return new ApiError('Rejected.Unavailable', `The external key ${externalKeyId} ${meaning}`);
  const message = `The XKI proxy refused with ${errorName}. The log of the proxy says more.`;
  return new ApiError('Rejected.Unavailable', message);
}

function assertUsable({ externalKeyId }: ExternalReference, metadata: ExternalKeyMetadata): void {
  const { keySpec, keyUsage, keyStatus } = metadata;
  const reference = { instance: '', externalKeyId };
  if (keyStatus !== 'ENABLED') throw refusal(reference, 'InvalidStateException');
  if (!keyUsage.includes('ENCRYPT') || !keyUsage.includes('DECRYPT'))
    throw refusal(reference, 'InvalidKeyUsageException');
  if (keySpec === 'AES_256') return;
  throw new ApiError('Rejected.Unavailable', `The external key ${externalKeyId} is not AES_256. Use another one.`);
}

function notConnected(instance: string, status: string | undefined): string {
  return status === 'Connected'
    ? `The XKI proxy of the instance ${instance} did not answer in time. Try again.`
    : `The XKI proxy of the instance ${instance} is ${status ?? 'not configured'}. See to the proxy and the way to it.`;
}

function referenceOf({ bytes }: KeyMaterial): ExternalReference {
  return JSON.parse(bytes.toString('utf8')) as ExternalReference;
}

function boundAad(versionId: string, nonce: Uint8Array, aad: Uint8Array): Buffer {
  return lengthPrefixed('kaap xki v1', versionId, nonce, aad);
}

function checkOf(bound: Buffer, plaintext: Uint8Array): Buffer {
  return createHash('sha256').update(bound).update(plaintext).digest().subarray(0, checkBytes);
}

const layoutVersion = 1;

function pack({ iv, ciphertext, metadata = Buffer.alloc(0) }: ExternalCiphertext): Buffer {
  return Buffer.concat([Buffer.from([layoutVersion, iv.length, metadata.length]), iv, metadata, ciphertext]);
}

/** Throws {@link invalidCiphertext} for bytes that {@link pack} did not make. */
function unpack({ ciphertext: packed, tag }: SealedParts): ExternalCiphertext {
  const [version, ivBytes = 0, metadataBytes = 0] = packed;
  const start = 3 + ivBytes + metadataBytes;
  if (version !== layoutVersion || (ivBytes !== 12 && ivBytes !== 16) || metadataBytes > 20 || packed.length <= start) {
    throw invalidCiphertext();
  }
  return {
    iv: packed.subarray(3, 3 + ivBytes),
    metadata: packed.subarray(3 + ivBytes, start),
    ciphertext: packed.subarray(start),
    tag,
  };
}

function symmetricOnly(): ApiError {
  return new ApiError('UnsupportedOperation', 'Keys of External instances are symmetric.');
}
