import { RecordTable } from './record-table.ts';

/** Somebody who reads a secret: a pod, or a principal that is none. Times are milliseconds since the Unix epoch. */
export interface SecretConsumer {
  /** ARN, of the last read. */
  principal: string;
  pod?: { namespace: string; serviceAccount: string; name?: string };
  firstTime: number;
  lastTime: number;
  count: number;
}

/** Who has read a secret. Bucket `kms/secret-consumers`, by name of the secret. */
export interface SecretConsumersRecord {
  /** The secret that it speaks of, as opposed to a later one of the same name. */
  secretId: string;
  /** All reads, those of consumers that had to go too. */
  count: number;
  lastTime: number;
  /** The last to read first; at most 64. */
  consumers: SecretConsumer[];
  /** Consumers that had to go for later ones. One that comes back and goes again counts twice. */
  dropped: number;
}

export const secretConsumersTable: RecordTable<SecretConsumersRecord> = new RecordTable('kms/secret-consumers');

/** The observation as a whole. Bucket `kms/secret-observation`, by {@link observationKey}. */
export interface SecretObservationRecord {
  /** When reads began to be counted, milliseconds since the Unix epoch. */
  since: number;
  /** When a read of a secret last could not be counted. */
  lostTime?: number;
}

export const secretObservationTable: RecordTable<SecretObservationRecord> = new RecordTable('kms/secret-observation');
export const observationKey = 'all';
