import type { Transaction } from '../ports/store.ts';
import { removeImportTokens } from './import-tokens.ts';
import { aliasTable } from './records/alias.ts';
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
