import { RecordTable } from './record-table.ts';

/** Material of a key version, as its provider gave it. Bucket `kms/key-versions`, by key version id. Imported material may go, and
 * the same come back; otherwise nothing changes. */
export interface KeyVersionRecord {
  keyId: string;
  keySpec: string;
  /** The provider's bytes, base64; empty while imported material is gone. */
  material: string;
}

export const keyVersionTable: RecordTable<KeyVersionRecord> = new RecordTable('kms/key-versions');
