import { timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { lengthPrefixed } from '../crypto/aead.ts';
import { isApiError, messageOf } from '../lib/errors.ts';
import type { KeyMaterial, KeyProvider } from '../ports/key-provider.ts';
import { SealError, SealUnavailableError, type Seal } from '../ports/seal.ts';

export interface ProviderSealOptions {
  /** As it stands in the record of the root key. */
  kind: 'hsm' | 'xki';
  /** Id of the instance whose key it is. */
  instance: string;
  provider: Pick<KeyProvider, 'encrypt' | 'decrypt'>;
  /** The AES-256 key that wraps from now on. What wrapped before is named by what it wrapped. */
  key: () => Promise<KeyMaterial>;
  close: () => Promise<void>;
}

const keySpec = 'Aliyun_AES_256';
const rootBytes = 32;

/** What is stored: where the key is, never the key, and what it made of the root key. */
const wrappedSchema = z.strictObject({
  v: z.literal(1),
  instance: z.string(),
  versionId: z.string(),
  material: z.base64(),
  iv: z.base64(),
  ciphertext: z.base64(),
  tag: z.base64(),
});

/**
 * A seal whose key never comes here: it is in an HSM, or with its owner, and does the wrapping there. While it cannot be
 * reached nothing is unsealed, and that is told apart ({@link SealUnavailableError}) from a key that is another one.
 */
export function providerSeal(options: ProviderSealOptions): Seal {
  const { kind, close } = options;
  const unwrap = (wrapped: Buffer): Promise<Buffer> => named(options, () => unwrapRoot(options, wrapped));
  return {
    kind,
    wrap: async (rootKey) => {
      const wrapped = await named(options, () => wrapRoot(options, rootKey));
      // Without its root key a store is lost: what goes into it has been opened once.
      const again = await unwrap(wrapped);
      const same = again.length === rootKey.length && timingSafeEqual(again, rootKey);
      again.fill(0);
      if (same) return wrapped;
      throw new SealError(`The key in ${options.instance} did not give back what it had just wrapped.`);
    },
    unwrap,
    close,
  };
}

async function wrapRoot({ kind, instance, provider, key }: ProviderSealOptions, rootKey: Buffer): Promise<Buffer> {
  const material = await key();
  const { iv, ciphertext, tag } = await provider.encrypt(material, rootKey, boundTo(kind));
  const text = (bytes: Buffer): string => bytes.toString('base64');
  const record: z.infer<typeof wrappedSchema> = {
    v: 1,
    instance,
    versionId: material.versionId,
    material: text(material.bytes),
    iv: text(iv),
    ciphertext: text(ciphertext),
    tag: text(tag),
  };
  return Buffer.from(JSON.stringify(record));
}

async function unwrapRoot({ kind, instance, provider }: ProviderSealOptions, wrapped: Buffer): Promise<Buffer> {
  const record = wrappedSchema.parse(JSON.parse(wrapped.toString('utf8')));
  if (record.instance !== instance) {
    throw new SealError(`The store was sealed by ${kind}:${record.instance}, not by ${instance}. Configure that.`);
  }
  const { versionId } = record;
  const bytes = (text: string): Buffer => Buffer.from(text, 'base64');
  const rootKey = await provider.decrypt(
    { versionId, keySpec, bytes: bytes(record.material) },
    { iv: bytes(record.iv), ciphertext: bytes(record.ciphertext), tag: bytes(record.tag) },
    boundTo(kind),
  );
  if (rootKey.length === rootBytes) return rootKey;
  throw new SealError('The record of the root key does not hold a root key. Restore the store from a backup.');
}

function boundTo(kind: string): Buffer {
  return lengthPrefixed('kaap root key v1', kind);
}

/** Says of a failure whether waiting helps, and what to do where it does not. */
async function named<T>({ instance }: ProviderSealOptions, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof SealError) throw error;
    const text = `The key of the seal in ${instance} cannot be used: ${messageOf(error)}`;
    if (isApiError(error) && waiting.has(error.code)) throw new SealUnavailableError(text, { cause: error });
    if (isApiError(error) && error.code !== 'InvalidCiphertext') throw new SealError(text, { cause: error });
    const message = `The key in ${instance} is not the one that sealed this store, or the record of the root key was changed. Configure the token or key that sealed it, or restore a backup.`;
    throw new SealError(message, { cause: error });
  }
}

/** What passes: the device or proxy is away, or its owner has switched the key off. */
const waiting: ReadonlySet<string> = new Set(['ServiceUnavailableTemporary', 'Rejected.Unavailable']);
