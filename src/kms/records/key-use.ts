import { RecordTable } from './record-table.ts';

/**
 * How many encryptions under a key version have been set aside, by all replicas together. Bucket `kms/key-uses`, by key
 * version id; absent means none.
 */
export interface KeyUseRecord {
  reserved: number;
}

export const keyUseTable: RecordTable<KeyUseRecord> = new RecordTable('kms/key-uses');
