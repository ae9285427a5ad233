import type { PlannedDeletion } from './key.ts';
import { RecordTable } from './record-table.ts';

/** One version of a managed data key. */
export interface DataKeyVersion {
  /** Eight letters and digits, such as `xH6OPUmz`. */
  id: string;
  /** Milliseconds since the Unix epoch. */
  createTime: number;
  /** The data key under its protecting key, as GenerateDataKey gives it. */
  ciphertextBlob: string;
}

/** A managed data key with its versions, none of them in the clear. Bucket `kms/data-keys`, by name. */
export interface DataKeyRecord {
  name: string;
  /** Random; another one when a data key of the same name is created again. */
  dataKeyId: string;
  /** KMS instance id, or `shared`: that of the protecting key. */
  scope: string;
  /** The protecting key. */
  keyId: string;
  /** Length of every version. */
  numberOfBytes: number;
  /** Milliseconds since the Unix epoch. */
  createTime: number;
  /** Oldest first, one at least. None is ever dropped: each may have encrypted something. */
  versions: DataKeyVersion[];
  deletion?: PlannedDeletion;
}

export const dataKeyTable: RecordTable<DataKeyRecord> = new RecordTable('kms/data-keys');
