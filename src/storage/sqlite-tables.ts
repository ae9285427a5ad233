import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { StoreChange, StoredEntry, StoredValue } from '../ports/store.ts';
import type { BufferedTransaction, ScanRange, StoreReader } from './buffered-transaction.ts';
import { compareUtf8, prefixEnd } from './key-order.ts';

/** Changes that stay for other processes to read. One that sleeps through more of them misses the rest. */
const keptChanges = 100_000;
/** Old changes are dropped once per that many. */
const trimEvery = 1000;

/** Greater than any key: no well-formed text begins with it. */
const noEnd = Buffer.from([0xff]);

const keyConditions = 'bucket = ? AND key >= ? AND key < CAST(? AS TEXT) ORDER BY key LIMIT ?';

/** The last revision given out, and the changes after some revision that are kept: all of one moment. */
export interface ForeignChanges {
  readonly revision: number;
  readonly changes: readonly StoreChange[];
}

/** The statements on one connection, prepared once. */
export class SqliteTables implements StoreReader {
  readonly #database: DatabaseSync;
  readonly #get: StatementSync;
  readonly #revisionOf: StatementSync;
  readonly #scan: StatementSync;
  readonly #scanKeys: StatementSync;
  readonly #scanRevisions: StatementSync;
  readonly #put: StatementSync;
  readonly #delete: StatementSync;
  readonly #revision: StatementSync;
  readonly #setRevision: StatementSync;
  readonly #addChange: StatementSync;
  readonly #changesAfter: StatementSync;
  readonly #trimChanges: StatementSync;
  readonly #dataVersion: StatementSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#get = database.prepare('SELECT value, revision FROM entries WHERE bucket = ? AND key = ?');
    this.#revisionOf = database.prepare('SELECT revision FROM entries WHERE bucket = ? AND key = ?');
    this.#scan = database.prepare(`SELECT key, value, revision FROM entries WHERE ${keyConditions}`);
    this.#scanKeys = database.prepare(`SELECT key FROM entries WHERE ${keyConditions}`);
    this.#scanRevisions = database.prepare(`SELECT revision FROM entries WHERE ${keyConditions}`);
    this.#put = database.prepare(
      `INSERT INTO entries (bucket, key, revision, value) VALUES (?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET revision = excluded.revision, value = excluded.value`,
    );
    this.#delete = database.prepare('DELETE FROM entries WHERE bucket = ? AND key = ?');
    this.#revision = database.prepare("SELECT value FROM counters WHERE name = 'revision'");
    this.#setRevision = database.prepare("UPDATE counters SET value = ? WHERE name = 'revision'");
    this.#addChange = database.prepare('INSERT INTO changes (revision, bucket, key, deleted) VALUES (?, ?, ?, ?)');
    this.#changesAfter = database.prepare('SELECT * FROM changes WHERE revision > ? ORDER BY revision');
    this.#trimChanges = database.prepare('DELETE FROM changes WHERE revision <= ?');
    this.#dataVersion = database.prepare('PRAGMA data_version');
  }

  get(bucket: string, key: string): StoredValue | undefined {
    const row = this.#get.get(bucket, key);
    return row && { value: bytesOf(row['value']), revision: Number(row['revision']) };
  }

  scan(bucket: string, range: ScanRange): StoredEntry[] {
    return this.#scan.all(...conditions(bucket, range)).map((row) => ({
      key: String(row['key']),
      value: bytesOf(row['value']),
      revision: Number(row['revision']),
    }));
  }

  keys(bucket: string, range: ScanRange): string[] {
    return this.#scanKeys.all(...conditions(bucket, range)).map((row) => String(row['key']));
  }

  /** Whether everything that the transaction read is still so. */
  stands({ reads, ranges }: BufferedTransaction): boolean {
    for (const { bucket, key, revision } of reads.values()) {
      if (Number(this.#revisionOf.get(bucket, key)?.['revision'] ?? 0) !== revision) return false;
    }
    return ranges.every(({ bucket, range, found }) => {
      const now = this.#scanRevisions.all(...conditions(bucket, range));
      return now.length === found.length && now.every((row, index) => row['revision'] === found[index]?.revision);
    });
  }

  /** Stores a value, or deletes it, under a revision. */
  apply(change: StoreChange, value: Uint8Array | undefined): void {
    const { bucket, key, revision, deleted } = change;
    if (value === undefined) this.#delete.run(bucket, key);
    else this.#put.run(bucket, key, revision, value);
    this.#addChange.run(revision, bucket, key, deleted ? 1 : 0);
    if (revision % trimEvery === 0) this.#trimChanges.run(revision - keptChanges);
  }

  /** The last revision given out. */
  revision(): number {
    return Number(this.#revision.get()?.['value']);
  }

  setRevision(revision: number): void {
    this.#setRevision.run(revision);
  }

  changesSince(told: number): ForeignChanges {
    const own = !this.#database.isTransaction;
    if (own) this.#database.exec('BEGIN');
    try {
      const revision = this.revision();
      if (revision === told) return { revision, changes: [] };
      const changes = this.#changesAfter.all(told).map((row) => ({
        bucket: String(row['bucket']),
        key: String(row['key']),
        revision: Number(row['revision']),
        deleted: row['deleted'] === 1,
      }));
      return { revision, changes };
    } finally {
      if (own) this.#database.exec('COMMIT');
    }
  }

  /** Changes when another connection has committed. */
  dataVersion(): number {
    return Number(this.#dataVersion.get()?.['data_version']);
  }
}

function conditions(bucket: string, { prefix, after, limit }: ScanRange): (string | number | Uint8Array)[] {
  // Keys have no NUL, so that U+0001 appended makes the least key that is greater.
  const next = after === undefined ? prefix : `${after}\u0001`;
  const from = compareUtf8(next, prefix) > 0 ? next : prefix;
  return [bucket, from, prefixEnd(prefix) ?? noEnd, limit];
}

function bytesOf(value: unknown): Buffer {
  if (!(value instanceof Uint8Array)) throw new TypeError('A value in the store is not a BLOB.');
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}
