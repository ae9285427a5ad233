import type { Transaction } from '../ports/store.ts';
import { removeImportTokens } from './import-tokens.ts';
import { aliasTable } from './records/alias.ts';
import { dataKeyTable, type DataKeyRecord } from './records/data-key.ts';
import { keyTable } from './records/key.ts';
import { keyUseTable } from './records/key-use.ts';
import { keyVersionTable } from './records/key-version.ts';
import { tombstoneTable } from './records/tombstone.ts';

/**
 * Destroys the material of a key and leaves a tombstone: what the key encrypted can never be read again. Also buries a
 * key that a restored backup has brought back.
 */
export async function buryKey(transaction: Transaction, keyId: string, now: number): Promise<void> {
  const key = await keyTable.get(transaction, keyId);
  for (const { id } of key?.versions ?? []) {
    await keyVersionTable.delete(transaction, id);
    await keyUseTable.delete(transaction, id);
  }
  for (const { key: alias, record } of await aliasTable.all(transaction)) {
    if (record.keyId === keyId) await aliasTable.delete(transaction, alias);
  }
  await removeImportTokens(transaction, keyId);
  await keyTable.delete(transaction, keyId);
  await tombstoneTable.put(transaction, `key/${keyId}`, { deleteTime: now });
}

/** Deletes a managed data key with all its versions and leaves a tombstone. The name is free afterwards. */
export async function buryDataKey(transaction: Transaction, dataKey: DataKeyRecord, now: number): Promise<void> {
  await dataKeyTable.delete(transaction, dataKey.name);
  await tombstoneTable.put(transaction, `data-key/${dataKey.dataKeyId}`, { deleteTime: now });
}

/** Buries the managed data key with that id, wherever a restored backup has brought it back. */
export async function buryDataKeyById(transaction: Transaction, dataKeyId: string, now: number): Promise<void> {
  for (const { record } of await dataKeyTable.all(transaction)) {
    if (record.dataKeyId === dataKeyId) await dataKeyTable.delete(transaction, record.name);
  }
  await tombstoneTable.put(transaction, `data-key/${dataKeyId}`, { deleteTime: now });
}
