import type { ClientBase } from 'pg';

/**
 * The schema, one row per version; version n is what the first n rows make. A row that was released never changes.
 *
 * Texts are compared by their UTF-8 bytes (`COLLATE "C"`). `changes` is the tail of the change feed. The row `revision`
 * of `counters` is the last revision given out; whoever commits locks it, so that revisions become visible in order.
 */
const migrations: readonly string[] = [
  `CREATE TABLE entries (
     bucket text COLLATE "C" NOT NULL, key text COLLATE "C" NOT NULL, revision bigint NOT NULL, value bytea NOT NULL,
     PRIMARY KEY (bucket, key)
   );
   CREATE TABLE changes (
     revision bigint PRIMARY KEY, bucket text NOT NULL, key text NOT NULL, deleted boolean NOT NULL
   );
   CREATE TABLE counters (name text PRIMARY KEY, value bigint NOT NULL);
   INSERT INTO counters VALUES ('revision', 0);
   CREATE TABLE nonces (fingerprint bytea PRIMARY KEY, expires_at timestamptz NOT NULL);
   CREATE INDEX nonces_by_end ON nonces (expires_at);`,
];

/** Any number: whoever brings the schema up to date holds the lock of it. */
const migrationLock = 0x6b_61_61_70;

/** Makes the schema where it is missing and brings it up to this version. Throws when a newer Kaap made it. */
export async function migratePostgres(client: ClientBase, schema: string): Promise<void> {
  await client.query('BEGIN');
  try {
    await client.query('SELECT pg_advisory_xact_lock($1)', [migrationLock]);
    await assertUtf8(client);
    const known = await client.query('SELECT 1 FROM pg_namespace WHERE nspname = $1', [schema]);
    if (known.rows.length === 0) await client.query(`CREATE SCHEMA ${schema}`);
    await applyMigrations(client);
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  }
}

async function assertUtf8(client: ClientBase): Promise<void> {
  const { rows } = await client.query<{ server_encoding: string }>('SHOW server_encoding');
  if (rows[0]?.server_encoding === 'UTF8') return;
  throw new Error("The database's encoding is not UTF8. Make it with ENCODING 'UTF8'.");
}

async function applyMigrations(client: ClientBase): Promise<void> {
  await client.query(
    'CREATE TABLE IF NOT EXISTS schema_version (version int PRIMARY KEY, applied_at timestamptz NOT NULL)',
  );
  const { rows } = await client.query<{ version: number }>(
    'SELECT coalesce(max(version), 0) AS version FROM schema_version',
  );
  const found = rows[0]?.version ?? 0;
  if (found > migrations.length) {
    throw new Error(
      `The database has schema ${found}, made by a newer version of Kaap; this one knows ${migrations.length}. ` +
        'Run that version, or restore a backup made before the upgrade.',
    );
  }
  for (const [index, sql] of migrations.entries()) {
    if (index < found) continue;
    await client.query(sql);
    await client.query('INSERT INTO schema_version VALUES ($1, now())', [index + 1]);
  }
}
