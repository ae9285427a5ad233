import { encryptionContextAad, type EncryptionContext } from '../crypto/encryption-context.ts';
import { keySpecs, type KeySpecRow, type KeyUsage } from '../crypto/key-specs.ts';
import { formatCiphertextBlob, invalidCiphertext, type CiphertextBlob } from '../crypto/ciphertext-blob.ts';
import { ApiError } from '../lib/errors.ts';
import type { KeyMaterial } from '../ports/key-provider.ts';
import type { KmsDependencies } from './dependencies.ts';
import { assertNotBlocked } from './key-availability.ts';
import { loadKey, type KeyLookup } from './key-lookup.ts';
import { rotateWornOut } from './key-rotation.ts';
import { assertKeyState } from './key-state.ts';
import { providerOf } from './provider-of-key.ts';
import { keyTable, primaryVersion, type KeyRecord } from './records/key.ts';
import { keyVersionTable, type KeyVersionRecord } from './records/key-version.ts';

/** What a key does with data needs these. */
export type CryptoDependencies = Pick<
  KmsDependencies,
  'store' | 'providers' | 'clock' | 'uses' | 'ownChanges' | 'region' | 'accountId'
>;

/** A ciphertext and the key it was made with, as responses name it. */
export interface EncryptedText {
  CiphertextBlob: string;
  KeyId: string;
  KeyVersionId: string;
}

/** What an action needs a key for. */
export interface KeyUse {
  readonly form: KeySpecRow['form'];
  readonly usage: KeyUsage;
}

const formNames: Readonly<Record<KeySpecRow['form'], string>> = {
  symmetric: 'a symmetric spec',
  asymmetric: 'an RSA or EC spec',
  mac: 'an HMAC spec',
};

/**
 * Reads the key as it is now and makes sure that it may be used. The state is never cached: once DisableKey or
 * ScheduleKeyDeletion has answered, no replica encrypts or decrypts with the key.
 */
export async function usableKey(
  dependencies: CryptoDependencies,
  found: KeyLookup,
  use: KeyUse = { form: 'symmetric', usage: 'ENCRYPT/DECRYPT' },
): Promise<KeyRecord> {
  const key = await loadKey(dependencies.store, found);
  assertKeyState(key, dependencies.clock.now(), 'use');
  await assertNotBlocked(dependencies, key);
  const { usage, form } = use;
  const isForm = keySpecs[key.keySpec]?.form === form;
  if (key.keyUsage === usage && isForm) return key;
  const wanted = isForm ? `a key for ${usage}` : `a key of ${formNames[form]} for ${usage}`;
  throw new ApiError('UnsupportedOperation', `Key ${key.keyId} is ${key.keySpec} for ${key.keyUsage}. Use ${wanted}.`);
}

/** Encrypts text under the primary version of a key that {@link usableKey} gave, or a new one when that is worn out. */
export async function encryptText(
  dependencies: CryptoDependencies,
  usable: KeyRecord,
  text: string,
  context: EncryptionContext,
): Promise<EncryptedText> {
  const key = await withUseLeft(dependencies, usable);
  const versionId = primaryVersion(key)?.id ?? '';
  const version = await keyVersionTable.get(dependencies.store, versionId);
  if (version === undefined) throw new Error(`key ${key.keyId} has no record of its version ${versionId}`);
  const plaintext = Buffer.from(text, 'utf8');
  try {
    const provider = providerOf(dependencies, key);
    const parts = await provider.encrypt(materialOf(versionId, version), plaintext, encryptionContextAad(context));
    const blob = formatCiphertextBlob({ keyVersionId: versionId, ...parts });
    return { CiphertextBlob: blob, KeyId: key.keyId, KeyVersionId: versionId };
  } finally {
    plaintext.fill(0);
  }
}

/** The key, with a primary version of which one use was taken. The owner of an external key counts for himself. */
async function withUseLeft(dependencies: CryptoDependencies, key: KeyRecord): Promise<KeyRecord> {
  let current = key;
  while (current.provider !== 'xki' && !(await dependencies.uses.take(primaryVersion(current)?.id ?? ''))) {
    current = await rotateWornOut(dependencies, current);
  }
  return current;
}

/** A ciphertext whose key was found. */
export interface BlobLookup extends KeyLookup {
  readonly blob: CiphertextBlob;
  readonly version?: KeyVersionRecord;
}

/** Finds the key of a blob from the version it names. An unknown version is named instead of the key. */
export async function findKeyOfBlob(
  { store }: Pick<KmsDependencies, 'store'>,
  blob: CiphertextBlob,
): Promise<BlobLookup> {
  const version = await keyVersionTable.get(store, blob.keyVersionId);
  if (version === undefined) return { blob, name: blob.keyVersionId };
  const key = await keyTable.get(store, version.keyId);
  return { blob, version, name: version.keyId, ...(key !== undefined && { key }) };
}

/**
 * Decrypts what {@link encryptText} made, with the version that the blob names. A version that is unknown fails like a
 * changed blob or another context: one error, without detail.
 */
export async function decryptText(
  dependencies: CryptoDependencies,
  found: BlobLookup,
  context: EncryptionContext,
): Promise<{ key: KeyRecord; text: string }> {
  const { blob, version } = found;
  if (version === undefined || found.key === undefined) throw invalidCiphertext();
  const key = await usableKey(dependencies, found);
  const provider = providerOf(dependencies, key);
  const material = materialOf(blob.keyVersionId, version);
  const plaintext = await provider.decrypt(material, blob, encryptionContextAad(context));
  try {
    return { key, text: plaintext.toString('utf8') };
  } finally {
    plaintext.fill(0);
  }
}

/** A key version as its provider takes it. Its bytes are made when they are asked for: most providers keep the key. */
export function materialOf(versionId: string, { keySpec, material }: KeyVersionRecord): KeyMaterial {
  return {
    versionId,
    keySpec,
    get bytes() {
      return Buffer.from(material, 'base64');
    },
  };
}
