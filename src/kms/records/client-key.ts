import { RecordTable } from './record-table.ts';

/** A client key without its private half, which is never stored. Bucket `kms/client-keys`, by client key id. */
export interface ClientKeyRecord {
  /** `KAAP.<uuid>`. */
  clientKeyId: string;
  accessPoint: string;
  /** PEM of the self-signed certificate. */
  certificatePem: string;
  /** Milliseconds since the Unix epoch; valid from (inclusive) to (exclusive). */
  notBefore: number;
  notAfter: number;
  createTime: number;
}

export const clientKeyTable: RecordTable<ClientKeyRecord> = new RecordTable('kms/client-keys');

/** Key of a client key's tombstone. */
export function clientKeyTombstone(clientKeyId: string): string {
  return `client-key/${clientKeyId}`;
}
