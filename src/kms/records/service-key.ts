import { RecordTable } from './record-table.ts';

/** The key that the service keeps for secrets without a key of their own. Bucket `kms/service-keys`, by scope. */
export interface ServiceKeyRecord {
  keyId: string;
}

export const serviceKeyTable: RecordTable<ServiceKeyRecord> = new RecordTable('kms/service-keys');
