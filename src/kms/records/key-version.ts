import { RecordTable } from './record-table.ts';

/** Material of a key version, as its provider gave it. Bucket `kms/key-versions`, by key version id; never changed. */
export interface KeyVersionRecord {
  keyId: string;
  keySpec: string;
  /** The provider's bytes, base64. */
  material: string;
}

export const keyVersionTable: RecordTable<KeyVersionRecord> = new RecordTable('kms/key-versions');
