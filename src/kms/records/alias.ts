import { RecordTable } from './record-table.ts';

/** Where an alias points. Bucket `kms/aliases`, by alias name with its `alias/`. */
export interface AliasRecord {
  keyId: string;
}

export const aliasTable: RecordTable<AliasRecord> = new RecordTable('kms/aliases');
