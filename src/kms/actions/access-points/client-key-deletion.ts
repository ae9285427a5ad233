import { credentialUseBucket } from '../../../ports/credential-uses.ts';
import type { Transaction } from '../../../ports/store.ts';
import { clientKeyTable, clientKeyTombstone } from '../../records/client-key.ts';
import { tombstoneTable } from '../../records/tombstone.ts';

/** Deletes a client key and leaves its tombstone: a restored backup does not make it valid again (checklist E10). */
export async function deleteClientKeyRecord(
  transaction: Transaction,
  clientKeyId: string,
  deleteTime: number,
): Promise<void> {
  await clientKeyTable.delete(transaction, clientKeyId);
  await transaction.delete(credentialUseBucket, clientKeyId);
  await tombstoneTable.put(transaction, clientKeyTombstone(clientKeyId), { deleteTime });
}
