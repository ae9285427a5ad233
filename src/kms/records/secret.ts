import type { PlannedDeletion } from './key.ts';
import { RecordTable } from './record-table.ts';

/** One version of a secret as the secret's own record lists it. The value is in the secret version's record. */
export interface SecretVersionEntry {
  id: string;
  /** Milliseconds since the Unix epoch. */
  createTime: number;
  /** Labels such as `ACSCurrent`. A label is on one version of a secret at most. */
  stages: string[];
}

/** A secret: everything but its values. Bucket `kms/secrets`, by name. */
export interface SecretRecord {
  name: string;
  /** Random; another one when a secret of the same name is created again. */
  secretId: string;
  /** KMS instance id, or `shared`. */
  scope: string;
  secretType: 'Generic';
  description: string;
  /** Milliseconds since the Unix epoch. */
  createTime: number;
  updateTime: number;
  /** The self-managed key that encrypts it; absent for the key that the service keeps for the instance. */
  encryptionKeyId?: string;
  /** JSON text of ExtendedConfig. */
  extendedConfig?: string;
  /** Oldest first. */
  versions: SecretVersionEntry[];
  deletion?: PlannedDeletion;
  /** Secret policy as JSON text; absent means the default policy. */
  policy?: string;
  tags: Record<string, string>;
}

export const secretTable: RecordTable<SecretRecord> = new RecordTable('kms/secrets');
