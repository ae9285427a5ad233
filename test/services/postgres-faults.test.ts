import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isApiError } from '../../src/lib/errors.ts';
import { openBarrier } from '../../src/storage/barrier.ts';
import { clientConfig } from '../../src/storage/postgres-connection.ts';
import { openPostgresStore } from '../../src/storage/postgres-store.ts';
import type { SealableStore } from '../../src/storage/sealable-store.ts';
import { increment, put, text } from '../storage/store-values.ts';
import { startPostgres, type PostgresServer } from './postgres-server.ts';

let server: PostgresServer;
let schemas = 0;
let schema = '';
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());

const open = (options: { statementTimeoutMs?: number } = {}): Promise<SealableStore> =>
  openPostgresStore({ url: server.url, schema, poolSize: 3, ...options });

/** Runs statements beside the store, as whoever administers the database can. */
async function administer(work: (client: Client) => Promise<void>): Promise<void> {
  const client = new Client(clientConfig({ url: server.url, schema }));
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

async function inNewSchema(work: (store: SealableStore) => Promise<void>): Promise<void> {
  schemas += 1;
  schema = `faults_${schemas}`;
  const store = await open();
  try {
    await work(store);
  } finally {
    await store.close();
  }
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 1000 && !(await condition()); tries += 1)
    await new Promise((done) => setTimeout(done, 10));
}

const copy = (key: Buffer): Promise<Buffer> => Promise.resolve(Buffer.from(key));

/** Tries again while the database is away, as clients do. */
async function persist(work: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      await work();
      return;
    } catch (error) {
      if (!isApiError(error, 'ServiceUnavailableTemporary')) throw error;
      await new Promise((done) => setTimeout(done, 20));
    }
  }
}

describe('The PostgreSQL store, when its database fails', () => {
  it('keeps every acknowledged write through crashes of the server, and answers ServiceUnavailableTemporary meanwhile', async () => {
    await inNewSchema(async (store) => {
      const acknowledged: string[] = [];
      const refusals: unknown[] = [];
      let stopped = false;
      const write = async (writer: number): Promise<void> => {
        for (let round = 0; !stopped; round += 1) {
          const name = `${writer}-${round}`;
          const work = store.transact(async (transaction) => {
            await transaction.put('crash', `${name}-left`, Buffer.alloc(200));
            await transaction.put('crash', `${name}-right`, Buffer.alloc(200));
          });
          await work.then(
            () => acknowledged.push(name),
            (error: unknown) => refusals.push(error),
          );
        }
      };
      const writers = [1, 2, 3, 4].map(write);
      for (let crash = 0; crash < 3; crash += 1) {
        const before = acknowledged.length;
        await until(() => acknowledged.length > before + 20);
        await server.crash();
      }
      stopped = true;
      await Promise.all(writers);
      expect(refusals.length).toBeGreaterThan(0);
      for (const error of refusals) expect(isApiError(error, 'ServiceUnavailableTemporary')).toBe(true);
      const keys = new Set((await store.scan('crash', { limit: 1e6 })).map(({ key }) => key));
      for (const name of acknowledged) expect(keys.has(`${name}-left`) && keys.has(`${name}-right`)).toBe(true);
      for (const key of keys)
        expect(keys.has(key.replace(/(left|right)$/, (side) => (side === 'left' ? 'right' : 'left')))).toBe(true);
    });
  });

  it('tells a change that was made while its feed was cut off', async () => {
    await inNewSchema(async (store) => {
      const other = await open();
      const told: string[] = [];
      other.watch((changes) => told.push(...changes.map(({ key }) => key)));
      await administer(async (client) => {
        await client.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()
                              AND application_name = 'kaap-kms'`);
        await persist(() => put(store, 'a', 'while-away', 'x'));
      });
      await until(() => told.length > 0);
      expect(told).toEqual(['while-away']);
      await other.close();
    });
  });

  it('tells what is there of changes that are kept no more', async () => {
    await inNewSchema(async (store) => {
      const told: string[] = [];
      store.watch((changes) => told.push(...changes.map(({ key }) => key)));
      await administer(async (client) => {
        // A feed that slept: the table of changes has lost the first two.
        await client.query(`BEGIN;
          INSERT INTO entries VALUES ('a', 'one', 1, ''), ('a', 'two', 2, ''), ('a', 'three', 3, '');
          INSERT INTO changes VALUES (3, 'a', 'three', false);
          UPDATE counters SET value = 3; COMMIT; NOTIFY kaap_changes`);
      });
      await until(() => told.includes('three'));
      await put(store, 'a', 'four', 'x');
      expect(told).toEqual(['one', 'two', 'three', 'four']);
    });
  });

  it('gives up a statement that takes too long, and goes on afterwards', async () => {
    await inNewSchema(async () => {
      const store = await open({ statementTimeoutMs: 100 });
      await administer(async (client) => {
        await client.query("BEGIN; SELECT 1 FROM counters WHERE name = 'revision' FOR UPDATE");
        const error: unknown = await put(store, 'a', 'key', 'x').catch((thrown: unknown) => thrown);
        expect(isApiError(error, 'ServiceUnavailableTemporary')).toBe(true);
        await client.query('ROLLBACK');
      });
      await put(store, 'a', 'key', 'x');
      expect(text(await store.get('a', 'key'))).toBe('x');
      await store.close();
    });
  });

  it('stops when the database has lost commits: what was disabled since would work again', async () => {
    await inNewSchema(async (store) => {
      for (const round of ['1', '2', '3']) await put(store, 'a', 'key', round);
      await administer(async (client) => void (await client.query('UPDATE counters SET value = 1')));
      const refused = async (): Promise<boolean> =>
        store.get('a', 'key').then(
          () => false,
          (error: unknown) => isApiError(error, 'ServiceUnavailableTemporary'),
        );
      await until(refused);
      expect(await refused()).toBe(true);
      await expect(put(store, 'a', 'key', 'x')).rejects.toThrow(/Try again/);
    });
  });

  it('is not opened by a version that is older than the one that made it', async () => {
    await inNewSchema(async () => {
      await administer(async (client) => void (await client.query('INSERT INTO schema_version VALUES (99, now())')));
      await expect(open()).rejects.toThrow(/schema 99.*newer version/);
    });
  });

  it('E1: gives no record from memory while it does not answer, and the present one once it does', async () => {
    schemas += 1;
    schema = `faults_${schemas}`;
    const store = await open({ statementTimeoutMs: 300 });
    const barrier = await openBarrier(store, { kind: 'plain', wrap: copy, unwrap: copy }, { createIfMissing: true });
    const decode = (value: Uint8Array): { text: string } => ({ text: Buffer.from(value).toString('utf8') });
    await put(barrier, 'a', 'key', 'one');
    expect(await barrier.view('a', 'key', decode)).toEqual({ text: 'one' });
    await administer(async (client) => {
      await client.query('BEGIN; LOCK TABLE counters IN ACCESS EXCLUSIVE MODE');
      await expect(barrier.view('a', 'key', decode)).rejects.toMatchObject({ code: 'ServiceUnavailableTemporary' });
      await client.query('COMMIT');
    });
    expect(await barrier.view('a', 'key', decode)).toEqual({ text: 'one' });
    await put(barrier, 'a', 'key', 'two');
    expect(await barrier.view('a', 'key', decode)).toEqual({ text: 'two' });
    await barrier.close();
  });

  it('is made once when two replicas begin at the same time, and loses no update of both', async () => {
    schemas += 1;
    schema = `faults_${schemas}`;
    const stores = await Promise.all([open(), open(), open()]);
    await Promise.all(stores.flatMap((store) => Array.from({ length: 30 }, () => increment(store, 'n'))));
    expect(text(await stores[0]?.get('counter', 'n'))).toBe('90');
    for (const store of stores) await store.close();
  });
});
