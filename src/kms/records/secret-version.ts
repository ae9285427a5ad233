import { RecordTable } from './record-table.ts';

/** The encrypted value of one version of a secret. Bucket `kms/secret-versions`, by {@link secretVersionKey}. */
export interface SecretVersionRecord {
  dataType: 'text' | 'binary';
  /** Ciphertext blob of the data key, under the secret's encryption key. */
  wrappedKey: string;
  /** The value under the data key (AES-256-GCM): base64 of IV ‖ ciphertext ‖ tag. */
  sealed: string;
}

export const secretVersionTable: RecordTable<SecretVersionRecord> = new RecordTable('kms/secret-versions');

/** Names hold no newline, so the two parts cannot run into each other. */
export function secretVersionKey(name: string, versionId: string): string {
  return `${name}\n${versionId}`;
}
