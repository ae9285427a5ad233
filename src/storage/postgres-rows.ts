import { Client } from 'pg';
import { barrierBucket } from './barrier-keyring.ts';
import { clientConfig, type PostgresOptions } from './postgres-connection.ts';
import { migratePostgres } from './postgres-schema.ts';
import type { RawRow, RawRows } from './raw-rows.ts';

const pageSize = 500;

/** All rows of the PostgreSQL store, over connections of their own. */
export function postgresRows(options: PostgresOptions): RawRows {
  return {
    read: () => readRows(options),
    keys: (bucket) =>
      withClient(options, async (client) => {
        const { rows } = await client.query<{ key: string }>('SELECT key FROM entries WHERE bucket = $1 ORDER BY key', [
          bucket,
        ]);
        return rows.map(({ key }) => key);
      }),
    isEmpty: () =>
      withClient(options, async (client) => (await client.query('SELECT 1 FROM entries LIMIT 1')).rows.length === 0),
    replace: (rows, revision) => withClient(options, (client) => replaceRows(client, rows, revision)),
  };
}

async function connect(options: PostgresOptions): Promise<Client> {
  const client = new Client(clientConfig(options));
  client.on('error', () => undefined);
  await client.connect();
  // Whoever reads or writes everything may take pauses between statements.
  await client.query('SET idle_in_transaction_session_timeout = 0');
  await migratePostgres(client, options.schema ?? 'kaap');
  return client;
}

async function withClient<T>(options: PostgresOptions, work: (client: Client) => Promise<T>): Promise<T> {
  const client = await connect(options);
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

interface Row {
  bucket: string;
  key: string;
  revision: string;
  value: Buffer;
}

async function* readRows(options: PostgresOptions): AsyncGenerator<RawRow> {
  const client = await connect(options);
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    for (const barrier of [true, false]) {
      let [bucket, key] = ['', ''];
      for (;;) {
        const { rows } = await client.query<Row>(
          `SELECT bucket, key, revision, value FROM entries
           WHERE (bucket = $1) = $2 AND (bucket, key) > ($3, $4) ORDER BY bucket, key LIMIT ${pageSize}`,
          [barrierBucket, barrier, bucket, key],
        );
        for (const row of rows) yield { ...row, revision: Number(row.revision) };
        const last = rows.at(-1);
        if (last === undefined || rows.length < pageSize) break;
        ({ bucket, key } = last);
      }
    }
  } finally {
    await client.end();
  }
}

async function replaceRows(client: Client, rows: AsyncIterable<RawRow>, revision: number): Promise<void> {
  await client.query('BEGIN');
  // Keeps every commit of a running replica out.
  await client.query("SELECT 1 FROM counters WHERE name = 'revision' FOR UPDATE");
  await client.query('DELETE FROM entries');
  await client.query('DELETE FROM changes');
  let page: RawRow[] = [];
  const store = async (): Promise<void> => {
    await client.query('INSERT INTO entries SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bytea[])', [
      page.map(({ bucket }) => bucket),
      page.map(({ key }) => key),
      page.map(({ revision: at }) => at),
      page.map(({ value }) => Buffer.from(value)),
    ]);
    page = [];
  };
  for await (const row of rows) {
    page.push(row);
    if (page.length === pageSize) await store();
  }
  await store();
  await client.query("UPDATE counters SET value = greatest(value, $1) + 1 WHERE name = 'revision'", [revision]);
  await client.query('COMMIT');
}
