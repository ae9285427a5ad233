import { RecordTable } from './record-table.ts';

/** Rotations of secrets by hand within the last hour, in milliseconds since the Unix epoch. Bucket `kms/rotation-counts`. */
export const rotationCountTable: RecordTable<{ times: number[] }> = new RecordTable('kms/rotation-counts');
