import { RecordTable } from './record-table.ts';

/** The key that CreateKey made for a ClientToken. Bucket `kms/client-tokens`, by `<caller>\n<token>`. */
export interface ClientTokenRecord {
  keyId: string;
}

export const clientTokenTable: RecordTable<ClientTokenRecord> = new RecordTable('kms/client-tokens');
