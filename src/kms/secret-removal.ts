import type { Transaction } from '../ports/store.ts';
import { secretConsumersTable } from './records/secret-consumers.ts';
import { secretTable, type SecretRecord } from './records/secret.ts';
import { secretVersionKey, secretVersionTable } from './records/secret-version.ts';

/** Deletes a secret with all its values, and what is known of its readers. The name is free afterwards. */
export async function removeSecret(transaction: Transaction, secret: SecretRecord): Promise<void> {
  for (const { id } of secret.versions) {
    await secretVersionTable.delete(transaction, secretVersionKey(secret.name, id));
  }
  await secretConsumersTable.delete(transaction, secret.name);
  await secretTable.delete(transaction, secret.name);
}
