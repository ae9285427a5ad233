import { setImmediate as nextTurn } from 'node:timers/promises';
import { barrierBucket } from './barrier-keyring.ts';
import type { RawRow, RawRows } from './raw-rows.ts';
import { openDatabase } from './sqlite-schema.ts';

const busyTimeoutMs = 10_000;
/** Rows between turns of the event loop. */
const rowsPerTurn = 500;

/** All rows of the SQLite store at `path`, over connections of their own. */
export function sqliteRows(path: string): RawRows {
  return {
    read: () => readRows(path),
    keys: (bucket) =>
      withDatabase(path, (database) =>
        database
          .prepare('SELECT key FROM entries WHERE bucket = ? ORDER BY key')
          .all(bucket)
          .map((row) => String(row['key'])),
      ),
    isEmpty: () =>
      withDatabase(path, (database) => database.prepare('SELECT 1 FROM entries LIMIT 1').get() === undefined),
    replace: (rows, revision) => withDatabase(path, (database) => replaceRows(database, rows, revision)),
  };
}

type Database = ReturnType<typeof openDatabase>;

async function withDatabase<T>(path: string, work: (database: Database) => Promise<T> | T): Promise<T> {
  const database = openDatabase(path, busyTimeoutMs);
  try {
    return await work(database);
  } finally {
    database.close();
  }
}

async function* readRows(path: string): AsyncGenerator<RawRow> {
  const database = openDatabase(path, busyTimeoutMs);
  try {
    // In WAL mode a read transaction sees one moment, whatever others write meanwhile.
    database.exec('BEGIN');
    const rows = database
      .prepare('SELECT bucket, key, revision, value FROM entries ORDER BY bucket <> ?, bucket, key')
      .iterate(barrierBucket);
    let read = 0;
    for (const row of rows) {
      const { bucket, key, revision, value } = row;
      yield { bucket: String(bucket), key: String(key), revision: Number(revision), value: value as Uint8Array };
      read += 1;
      if (read % rowsPerTurn === 0) await nextTurn();
    }
  } finally {
    database.close();
  }
}

async function replaceRows(database: Database, rows: AsyncIterable<RawRow>, revision: number): Promise<void> {
  database.exec('BEGIN IMMEDIATE; DELETE FROM entries; DELETE FROM changes;');
  const put = database.prepare('INSERT INTO entries (bucket, key, revision, value) VALUES (?, ?, ?, ?)');
  for await (const row of rows) put.run(row.bucket, row.key, row.revision, row.value);
  database.prepare("UPDATE counters SET value = max(value, ?) + 1 WHERE name = 'revision'").run(revision);
  database.exec('COMMIT; PRAGMA wal_checkpoint(TRUNCATE);');
}
