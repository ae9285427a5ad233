import { RecordTable } from './record-table.ts';

/** Says that something is gone for good, so that a restored backup does not bring it back. */
export interface TombstoneRecord {
  /** Milliseconds since the Unix epoch. */
  deleteTime: number;
}

/** Bucket `kms/tombstones`, by `key/<id>`, `data-key/<id>` and `client-key/<id>`: ids are random and never used again. */
export const tombstoneTable: RecordTable<TombstoneRecord> = new RecordTable('kms/tombstones');
