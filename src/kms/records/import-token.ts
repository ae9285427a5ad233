import type { EnvelopeAlgorithmName } from '../../crypto/key-envelope.ts';
import type { WrappingAlgorithmName } from '../../crypto/key-wrapping.ts';
import { RecordTable } from './record-table.ts';

/**
 * What an import token stands for. Bucket `kms/import-tokens`, by `<key id>/<SHA-256 of the token, hex>`: the token itself
 * is not kept.
 */
export interface ImportTokenRecord {
  algorithm: WrappingAlgorithmName | EnvelopeAlgorithmName;
  /** PKCS #8 DER of the private key that unwraps, base64. */
  privateKey: string;
  /** Milliseconds since the Unix epoch. */
  expireTime: number;
  /** How often the token came with material that was refused. */
  failures: number;
}

export const importTokenTable: RecordTable<ImportTokenRecord> = new RecordTable('kms/import-tokens');
