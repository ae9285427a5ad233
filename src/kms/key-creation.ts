import { randomIndex } from '../crypto/random-index.ts';
import { uuidV4 } from '../crypto/uuid.ts';
import type { KeyMaterial } from '../ports/key-provider.ts';
import type { Transaction } from '../ports/store.ts';
import { sharedScope, type KmsDependencies } from './dependencies.ts';
import { keyTable, type KeyRecord } from './records/key.ts';
import { keyVersionTable } from './records/key-version.ts';

const instanceKeyIdLength = 21;
const idAlphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** A new key id: a UUID in `shared`, `key-` and 21 characters in an instance, as Alibaba Cloud KMS writes them. */
export function newKeyId({ random }: Pick<KmsDependencies, 'random'>, scope: string): string {
  if (scope === sharedScope) return uuidV4(random);
  const letters = Array.from({ length: instanceKeyIdLength }, () => idAlphabet[randomIndex(random, idAlphabet.length)]);
  return `key-${letters.join('')}`;
}

/** Adds a version with this material to the key, as its primary one, and stores both. */
export async function addVersion(
  transaction: Transaction,
  key: KeyRecord,
  material: KeyMaterial,
  createTime: number,
): Promise<void> {
  key.versions.push({ id: material.versionId, createTime });
  await keyVersionTable.put(transaction, material.versionId, {
    keyId: key.keyId,
    keySpec: key.keySpec,
    material: material.bytes.toString('base64'),
  });
  await keyTable.put(transaction, key.keyId, key);
}
