import { createHmac, timingSafeEqual } from 'node:crypto';
import { ApiError } from '../lib/errors.ts';
import type { Transaction } from '../ports/store.ts';
import { resourceArn } from './arn.ts';
import type { KmsDependencies } from './dependencies.ts';
import { forgetKey } from './forget.ts';
import { addVersion } from './key-creation.ts';
import { providerOf } from './provider-of-key.ts';
import { loadKey, type KeyLookup } from './key-lookup.ts';
import { assertKeyState } from './key-state.ts';
import { hasMaterial, keyTable, placementOf, primaryVersion, stateAt, type KeyRecord } from './records/key.ts';
import { keyVersionTable } from './records/key-version.ts';

/** Throws `Unsupported.Origin` unless the material of the key comes from outside. */
export function assertImports(key: KeyRecord): void {
  if (key.origin === 'EXTERNAL') return;
  throw new ApiError(
    'Unsupported.Origin',
    `The material of key ${key.keyId} was made here. Create a key of Origin EXTERNAL.`,
  );
}

/** The one error for material that is not taken, whatever is wrong with it. */
export function invalidKeyMaterial(): ApiError {
  return new ApiError(
    'InvalidKeyMaterial',
    'The material cannot be imported. Wrap exactly as many bytes as the key spec has, or a private key of the spec in PKCS #8, with ' +
      'the public key and algorithm that belong to the ImportToken; a key takes only the material it had before.',
  );
}

/** Whether these bytes are what the key had before, if it had any. */
export function isSameMaterial(key: KeyRecord, bytes: Uint8Array): boolean {
  return key.imported === undefined || timingSafeEqual(Buffer.from(key.imported.check, 'base64'), checkOf(key, bytes));
}

/** Gives the key its material, for the first time or again, until `expireTime`; the key is enabled, if it waited. */
export async function putMaterial(
  dependencies: KmsDependencies,
  found: KeyLookup,
  bytes: Buffer,
  expireTime: number | undefined,
): Promise<void> {
  const now = dependencies.clock.now();
  const draft = await loadKey(dependencies.store, found);
  const provider = providerOf(dependencies, draft);
  if (provider.importMaterial === undefined) {
    throw new ApiError('Unsupported.Origin', 'Keys of this instance take no material from outside.');
  }
  const material = await provider.importMaterial(draft.keySpec, bytes, placementOf(draft), primaryVersion(draft)?.id);
  await dependencies.store.transact(async (transaction) => {
    const key = await loadKey(transaction, found);
    assertKeyState(key, now, 'importMaterial');
    if (!isSameMaterial(key, bytes)) throw invalidKeyMaterial();
    if (stateAt(key, now) === 'PendingImport') key.state = 'Enabled';
    key.imported = {
      check: checkOf(key, bytes).toString('base64'),
      present: true,
      ...(expireTime !== undefined && { expireTime }),
    };
    const version = primaryVersion(key);
    if (version === undefined) return addVersion(transaction, key, material, now);
    if (version.id !== material.versionId) throw new Error(`key ${key.keyId} was given its first material meanwhile`);
    await keyVersionTable.put(transaction, version.id, {
      keyId: key.keyId,
      keySpec: key.keySpec,
      material: material.bytes.toString('base64'),
    });
    return keyTable.put(transaction, key.keyId, key);
  });
}

/** Destroys the imported material of a key. The key waits for the same material, unless it is about to be deleted. */
export async function deleteMaterial(dependencies: KmsDependencies, found: KeyLookup): Promise<void> {
  const key = await dependencies.store.transact(async (transaction) => {
    const record = await loadKey(transaction, found);
    assertImports(record);
    await removeMaterial(transaction, record);
    return record;
  });
  forgetKey(dependencies, key);
}

/** Destroys what has expired, and gives the keys' ids. It has not been usable since: see {@link stateAt}. */
export async function sweepExpiredMaterial(dependencies: KmsDependencies): Promise<string[]> {
  const { store, clock } = dependencies;
  const swept: string[] = [];
  for (const { key: keyId, record } of await keyTable.all(store)) {
    if (record.imported?.present !== true || hasMaterial(record, clock.now())) continue;
    const key = await store.transact(async (transaction) => {
      const current = await keyTable.get(transaction, keyId);
      if (current?.imported?.present !== true || hasMaterial(current, clock.now())) return undefined;
      await removeMaterial(transaction, current);
      return current;
    });
    if (key === undefined) continue;
    forgetKey(dependencies, key);
    dependencies.ownChanges.note('ExpireKeyMaterial', [resourceArn(dependencies, 'key', keyId)]);
    swept.push(keyId);
  }
  return swept;
}

async function removeMaterial(transaction: Transaction, key: KeyRecord): Promise<void> {
  if (key.imported === undefined) return;
  // The record of the version stays: ciphertexts name the version, and are to lead to the key.
  const { keyId, keySpec } = key;
  for (const { id } of key.versions) await keyVersionTable.put(transaction, id, { keyId, keySpec, material: '' });
  key.imported = { check: key.imported.check, present: false };
  if (key.state !== 'PendingDeletion') key.state = 'PendingImport';
  await keyTable.put(transaction, key.keyId, key);
}

/** Tells whether material is the same, and nothing else of it. */
function checkOf({ keyId }: KeyRecord, bytes: Uint8Array): Buffer {
  return createHmac('sha256', bytes).update(keyId).digest();
}
