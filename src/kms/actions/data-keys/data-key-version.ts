import { parseCiphertextBlob } from '../../../crypto/ciphertext-blob.ts';
import type { EncryptionContext } from '../../../crypto/encryption-context.ts';
import { randomIndex } from '../../../crypto/random-index.ts';
import type { RandomBytes } from '../../../crypto/uuid.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import { decryptText, encryptText, findKeyOfBlob, usableKey } from '../../key-encryption.ts';
import type { KeyLookup } from '../../key-lookup.ts';
import type { DataKeyRecord, DataKeyVersion } from '../../records/data-key.ts';
import { newDataKey } from '../crypto/generate-data-key.ts';

const idCharacters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const idLength = 8;

/** `kms-datakeyversion!<DataKeyName>!<DataKeyVersionId>` (KMS GetManagedDataKey). Neither part holds a `!`. */
function dataKeyVersionName(name: string, versionId: string): string {
  return `kms-datakeyversion!${name}!${versionId}`;
}

/** The fields of an answer that name a version. */
export function versionNames(name: string, { id }: DataKeyVersion): Record<string, string> {
  return { DataKeyName: name, DataKeyVersionId: id, DataKeyVersionName: dataKeyVersionName(name, id) };
}

/**
 * Makes a version of a managed data key: random bytes, encrypted under the protecting key and bound to the names of data key
 * and version. Fails as GenerateDataKey does when the key may not be used now.
 */
export async function makeDataKeyVersion(
  dependencies: KmsDependencies,
  protectingKey: KeyLookup,
  { name, numberOfBytes, versions }: Pick<DataKeyRecord, 'name' | 'numberOfBytes' | 'versions'>,
): Promise<DataKeyVersion> {
  const key = await usableKey(dependencies, protectingKey);
  const id = newVersionId(dependencies.random, versions);
  const text = newDataKey(dependencies, numberOfBytes);
  const { CiphertextBlob } = await encryptText(dependencies, key, text, contextOf(name, id));
  return { id, createTime: dependencies.clock.now(), ciphertextBlob: CiphertextBlob };
}

/** The data key as base64. Fails as Decrypt does when the protecting key may not be used now. */
export async function openDataKeyVersion(
  dependencies: KmsDependencies,
  { name }: Pick<DataKeyRecord, 'name'>,
  { id, ciphertextBlob }: DataKeyVersion,
): Promise<string> {
  const found = await findKeyOfBlob(dependencies, parseCiphertextBlob(ciphertextBlob));
  return (await decryptText(dependencies, found, contextOf(name, id))).text;
}

function contextOf(name: string, versionId: string): EncryptionContext {
  return { DataKeyVersionName: dataKeyVersionName(name, versionId) };
}

function newVersionId(random: RandomBytes, versions: readonly DataKeyVersion[]): string {
  const id = Array.from({ length: idLength }, () => idCharacters[randomIndex(random, idCharacters.length)]).join('');
  return versions.some((version) => version.id === id) ? newVersionId(random, versions) : id;
}
