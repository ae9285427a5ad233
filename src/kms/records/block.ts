import { RecordTable } from './record-table.ts';

/** That a key, or every key of an instance, may not be used by order of an administrator. Bucket `kms/blocks`. */
export interface BlockRecord {
  reason: string;
  /** ARN of who ordered it. */
  by: string;
  /** Milliseconds since the Unix epoch. */
  time: number;
}

/** By key id, or instance id. */
export const blockTable: RecordTable<BlockRecord> = new RecordTable('kms/blocks');
