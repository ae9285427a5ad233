import { createSecretKey, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { AeadError } from '../crypto/aead.ts';
import type { Store } from '../ports/store.ts';
import type { BackupContent } from './backup.ts';
import { barrierBucket, Keyring, keyringKey } from './barrier-keyring.ts';
import { rootKey, wrapRecord } from './barrier-root.ts';
import { keyIdOf, openValue, TamperedValueError } from './barrier-value.ts';
import type { RawRow, RawRows } from './raw-rows.ts';
import type { Seal } from '../ports/seal.ts';
import { liftSealOrder, sealOrderRow } from './seal-order.ts';

/** What a backup turned out to hold. */
export interface BackupReport {
  rows: number;
  /** Highest revision of a row. */
  revision: number;
}

/**
 * Reads a backup to its end and opens every value with the keys that it holds, as the service would. Throws when one
 * does not authenticate: such a backup is not restored.
 */
export async function verifyBackup({ rootKey: bytes, rows }: BackupContent): Promise<BackupReport> {
  const root = createSecretKey(bytes);
  let keys: Map<number, KeyObject> | undefined;
  const report: BackupReport = { rows: 0, revision: 0 };
  for await (const row of rows) {
    report.rows += 1;
    report.revision = Math.max(report.revision, row.revision);
    if (row.bucket !== barrierBucket) assertOpens(row, keys);
    else if (row.key === keyringKey) keys = Keyring.fromRow(row, root);
  }
  if (keys === undefined)
    throw new Error('The backup holds no keyring: nothing in it could be read. Take another one.');
  return report;
}

function assertOpens(row: RawRow, keys: ReadonlyMap<number, KeyObject> | undefined): void {
  const key = keys?.get(keyIdOf(row.value) ?? 0);
  try {
    if (key === undefined) throw new AeadError();
    openValue(key, row, row.value).fill(0);
  } catch (error) {
    if (!(error instanceof AeadError)) throw error;
    throw new TamperedValueError(row.bucket, row.key);
  }
}

const pendingKey = 'pending-tombstones';

const pendingSchema = z.array(z.string());

export interface LoadOptions {
  /** Highest revision in the backup. */
  revision: number;
  now: number;
  /** What is to be buried before anybody works on the state. */
  tombstones: readonly string[];
}

/**
 * Puts a verified backup in place of what is there, its root key wrapped by this seal, and under an order to stay sealed.
 * The order, and the names of what is to be buried, stay until {@link endRestore}, also when the restore breaks off.
 */
export async function loadBackup(
  { rootKey: bytes, rows }: BackupContent,
  target: RawRows,
  seal: Seal,
  options: LoadOptions,
): Promise<void> {
  const root = await wrapRecord(seal, bytes);
  bytes.fill(0);
  await target.replace(restoredRows(rows, root, options), options.revision + 2);
}

async function* restoredRows(
  rows: AsyncIterable<RawRow>,
  root: Buffer,
  { revision, now, tombstones }: LoadOptions,
): AsyncGenerator<RawRow> {
  const value = Buffer.from(JSON.stringify(tombstones));
  const own = [
    sealOrderRow(now, revision + 1),
    { bucket: barrierBucket, key: pendingKey, revision: revision + 2, value },
  ];
  yield* own;
  const isOwn = ({ bucket, key }: RawRow): boolean => bucket === barrierBucket && own.some((row) => row.key === key);
  for await (const row of rows) {
    if (row.bucket === barrierBucket && row.key === rootKey) yield { ...row, value: root };
    else if (!isOwn(row)) yield row;
  }
}

/** What a restore that broke off had yet to bury. */
export async function pendingTombstones(store: Pick<Store, 'get'>): Promise<string[]> {
  const stored = await store.get(barrierBucket, pendingKey);
  return stored === undefined ? [] : pendingSchema.parse(JSON.parse(Buffer.from(stored.value).toString('utf8')));
}

/** Lets the service open what was restored. */
export async function endRestore(store: Store): Promise<void> {
  await store.transact((transaction) => transaction.delete(barrierBucket, pendingKey));
  await liftSealOrder(store);
}
