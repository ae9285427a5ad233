import type { SecretGenerator } from '../secret-generator.ts';
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

/** Types of secret (KMS CreateSecret). All but Generic are managed: their values have a form, and rotation changes them. */
export type SecretType = 'Generic' | 'Rds' | 'PolarDB' | 'Redis' | 'RAMCredentials' | 'ECS';

/** When a secret rotates. Times are milliseconds since the Unix epoch. */
export interface SecretRotation {
  enabled: boolean;
  intervalSeconds?: number;
  nextTime?: number;
  lastTime?: number;
  /** The last attempt failed. */
  isInvalid?: true;
}

/** A secret: everything but its values. Bucket `kms/secrets`, by name. */
export interface SecretRecord {
  name: string;
  /** Random; another one when a secret of the same name is created again. */
  secretId: string;
  /** KMS instance id, or `shared`. */
  scope: string;
  secretType: SecretType;
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
  rotation?: SecretRotation;
  /** Makes the values of a generic secret that rotates. */
  generator?: SecretGenerator;
  deletion?: PlannedDeletion;
  /** Secret policy as JSON text; absent means the default policy. */
  policy?: string;
  tags: Record<string, string>;
}

export const secretTable: RecordTable<SecretRecord> = new RecordTable('kms/secrets');
