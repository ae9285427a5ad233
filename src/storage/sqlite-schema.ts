import { chmodSync, closeSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';

/**
 * The schema, one row per version; version n is what the first n rows make. A row that was released never changes.
 *
 * `entries` holds the values. `changes` is the tail of the change feed, from which other processes learn what was
 * committed. `counters.revision` is the last revision given out.
 */
const migrations: readonly string[] = [
  `CREATE TABLE entries (
     bucket TEXT NOT NULL, key TEXT NOT NULL, revision INTEGER NOT NULL, value BLOB NOT NULL,
     PRIMARY KEY (bucket, key)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE changes (
     revision INTEGER PRIMARY KEY, bucket TEXT NOT NULL, key TEXT NOT NULL, deleted INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
   INSERT INTO counters VALUES ('revision', 0);`,
];

/** Opens, or makes with mode 0600, the file at `path` and brings its schema up to this version. */
export function openDatabase(path: string, busyTimeoutMs: number): DatabaseSync {
  // SQLite gives its side files (-wal, -shm) the mode of this one.
  closeSync(openSync(path, 'a', 0o600));
  chmodSync(path, 0o600);
  const database = new DatabaseSync(path, { timeout: busyTimeoutMs });
  try {
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;');
    database.exec('PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;');
    migrate(database, path);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function migrate(database: DatabaseSync, path: string): void {
  database.exec('BEGIN IMMEDIATE');
  database.exec(
    'CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY, applied_at TEXT NOT NULL) STRICT',
  );
  const row = database.prepare('SELECT coalesce(max(version), 0) AS version FROM schema_version').get();
  const found = Number(row?.['version']);
  if (found > migrations.length) {
    throw new Error(
      `The store ${path} has schema ${found}, made by a newer version of Kaap; this one knows ${migrations.length}. ` +
        'Run that version, or restore a backup made before the upgrade.',
    );
  }
  for (const [index, sql] of migrations.entries()) {
    if (index < found) continue;
    database.exec(sql);
    database.prepare("INSERT INTO schema_version VALUES (?, datetime('now'))").run(index + 1);
  }
  database.exec('COMMIT');
}
