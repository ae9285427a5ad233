import { lengthPrefixed, openAead, sealAead } from '../crypto/aead.ts';
import { parseCiphertextBlob } from '../crypto/ciphertext-blob.ts';
import type { EncryptionContext } from '../crypto/encryption-context.ts';
import type { KmsDependencies } from './dependencies.ts';
import { decryptText, encryptText, findKeyOfBlob, usableKey } from './key-encryption.ts';
import { findKey } from './key-lookup.ts';
import type { SecretRecord } from './records/secret.ts';
import type { SecretVersionRecord } from './records/secret-version.ts';
import { serviceKey } from './service-key.ts';

/** Which value of which secret: bound into both ciphertexts, so that no stored value can pass for another. */
export interface SecretValueName {
  name: string;
  versionId: string;
}

/** A secret's value as the API takes and gives it. */
export interface SecretValue {
  /** Text, or base64 when the type is `binary`. */
  data: string;
  dataType: SecretVersionRecord['dataType'];
}

const dataKeyBytes = 32;

/**
 * Encrypts a value for storage: AES-256-GCM under a data key of its own, which is wrapped by the secret's key (or, when
 * it has none, the service's key of its scope).
 */
export async function sealSecretValue(
  dependencies: KmsDependencies,
  secret: Pick<SecretRecord, 'scope' | 'encryptionKeyId'>,
  valueName: SecretValueName,
  value: SecretValue,
): Promise<SecretVersionRecord> {
  const key = await encryptionKey(dependencies, secret);
  const dataKey = dependencies.random(dataKeyBytes);
  const plaintext = Buffer.from(value.data, 'utf8');
  try {
    const wrapped = await encryptText(dependencies, key, dataKey.toString('base64'), contextOf(valueName));
    const sealed = sealAead(dataKey, plaintext, aadOf(valueName, value.dataType), dependencies.random);
    return { dataType: value.dataType, wrappedKey: wrapped.CiphertextBlob, sealed: sealed.toString('base64') };
  } finally {
    dataKey.fill(0);
    plaintext.fill(0);
  }
}

/** Decrypts what {@link sealSecretValue} made. Fails as Decrypt does when the key may not be used now. */
export async function openSecretValue(
  dependencies: KmsDependencies,
  valueName: SecretValueName,
  version: SecretVersionRecord,
): Promise<SecretValue> {
  const wrapped = await findKeyOfBlob(dependencies, parseCiphertextBlob(version.wrappedKey));
  const { text } = await decryptText(dependencies, wrapped, contextOf(valueName));
  const dataKey = Buffer.from(text, 'base64');
  const { dataType } = version;
  try {
    const plaintext = openAead(dataKey, Buffer.from(version.sealed, 'base64'), aadOf(valueName, dataType));
    const data = plaintext.toString('utf8');
    plaintext.fill(0);
    return { data, dataType };
  } finally {
    dataKey.fill(0);
  }
}

async function encryptionKey(
  dependencies: KmsDependencies,
  { scope, encryptionKeyId }: Pick<SecretRecord, 'scope' | 'encryptionKeyId'>,
): ReturnType<typeof usableKey> {
  if (encryptionKeyId === undefined) return serviceKey(dependencies, scope);
  return usableKey(dependencies, await findKey(dependencies, dependencies.store, encryptionKeyId));
}

function contextOf({ name, versionId }: SecretValueName): EncryptionContext {
  return { SecretName: name, VersionId: versionId };
}

function aadOf({ name, versionId }: SecretValueName, dataType: string): Buffer {
  return lengthPrefixed('kms secret value', name, versionId, dataType);
}
