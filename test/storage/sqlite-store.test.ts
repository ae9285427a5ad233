import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isApiError } from '../../src/lib/errors.ts';
import { openSqliteStore } from '../../src/storage/sqlite-store.ts';
import { describeStore, type StoreUnderTest } from './store-contract.ts';
import { increment, put, text } from './store-values.ts';
import { temporaryDirectory } from './temporary-directory.ts';

async function makeStore(): Promise<StoreUnderTest> {
  const directory = await temporaryDirectory();
  const path = join(directory.path, 'kaap.db');
  const stores = [openSqliteStore(path, { pollIntervalMs: 10 })];
  const [store] = stores;
  if (store === undefined) throw new Error('unreachable');
  return {
    store,
    connect: () => {
      const other = openSqliteStore(path, { pollIntervalMs: 10 });
      stores.push(other);
      return Promise.resolve(other);
    },
    dispose: async () => {
      for (const each of stores) await each.close();
      await directory.remove();
    },
  };
}

describeStore('the SQLite store', makeStore);

describe('the file of the SQLite store', () => {
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
  let path: string;
  beforeEach(async () => {
    directory = await temporaryDirectory();
    path = join(directory.path, 'kaap.db');
  });
  afterEach(() => directory.remove());

  it('keeps what was written when it is opened again', async () => {
    const first = openSqliteStore(path);
    await put(first, 'a', 'key', 'value');
    const revision = (await first.get('a', 'key'))?.revision;
    await first.close();
    const second = openSqliteStore(path);
    expect(Buffer.from((await second.get('a', 'key'))?.value ?? []).toString()).toBe('value');
    await put(second, 'a', 'key', 'value');
    expect((await second.get('a', 'key'))?.revision).toBeGreaterThan(revision ?? Infinity);
    await second.close();
  });

  it('E9: can be read by its owner only, with its side files, also when it was opened wider before', async () => {
    await openSqliteStore(path).close();
    await chmod(path, 0o644);
    const store = openSqliteStore(path);
    await put(store, 'a', 'key', 'value');
    const names = await readdir(directory.path);
    expect(names.toSorted()).toEqual(['kaap.db', 'kaap.db-shm', 'kaap.db-wal']);
    for (const name of names) expect((await stat(join(directory.path, name))).mode & 0o777).toBe(0o600);
    await store.close();
  });

  it('is not opened by a version that is older than the one that made it', async () => {
    await openSqliteStore(path).close();
    const database = new DatabaseSync(path);
    database.exec("INSERT INTO schema_version VALUES (99, 'later')");
    database.close();
    expect(() => openSqliteStore(path)).toThrow(/schema 99.*newer version/);
  });

  it('answers ServiceUnavailableTemporary while another writer holds it, and goes on afterwards', async () => {
    const store = openSqliteStore(path, { busyTimeoutMs: 1 });
    const other = new DatabaseSync(path);
    other.exec('BEGIN IMMEDIATE');
    const error: unknown = await put(store, 'a', 'key', 'x').catch((thrown: unknown) => thrown);
    expect(isApiError(error, 'ServiceUnavailableTemporary')).toBe(true);
    other.exec('ROLLBACK');
    other.close();
    await put(store, 'a', 'key', 'x');
    expect(await store.get('a', 'key')).toBeDefined();
    await store.close();
  });

  it('commits transactions that end together as one', async () => {
    const store = openSqliteStore(path);
    const database = new DatabaseSync(path);
    const version = (): unknown => database.prepare('PRAGMA data_version').get()?.['data_version'];
    const before = Number(version());
    let seen = 0;
    const poll = setInterval(() => (seen = Math.max(seen, Number(version()))), 0);
    await Promise.all(Array.from({ length: 200 }, (_, index) => put(store, 'a', String(index), 'x')));
    clearInterval(poll);
    // data_version grows by one for each commit of the other connection that it notices: there was one to notice.
    expect(Number(version()) - before).toBe(1);
    expect(await store.scan('a')).toHaveLength(200);
    database.close();
    await store.close();
  });

  it('undoes only the transaction of which a value cannot be made', async () => {
    const store = openSqliteStore(path);
    const failing = store.transact(async (transaction) => {
      await transaction.put('a', 'half', Buffer.from('x'));
      await transaction.putWith('a', 'bad', () => {
        throw new Error('cannot make it');
      });
    });
    const [failed, good] = await Promise.allSettled([failing, put(store, 'a', 'good', 'x')]);
    expect([failed.status, good.status]).toEqual(['rejected', 'fulfilled']);
    expect((await store.scan('a')).map(({ key }) => key)).toEqual(['good']);
    await store.close();
  });

  it('loses no update of two processes that change one value', async () => {
    const store = openSqliteStore(path);
    await store.transact(async (transaction) => {
      for (let index = 0; index < 1000; index += 1) await transaction.put('wide', String(index), Buffer.alloc(10));
    });
    const script = join(import.meta.dirname, 'sqlite-counter.ts');
    const children = [1, 2].map(() => spawn(process.execPath, [script, path, '150'], { stdio: 'inherit' }));
    const ends = await Promise.all(children.map((child) => once(child, 'exit')));
    expect(ends).toEqual([
      [0, null],
      [0, null],
    ]);
    await increment(store, 'n');
    expect(text(await store.get('counter', 'n'))).toBe('301');
    await store.close();
  });

  it('has every acknowledged write, and no half of a transaction, after its writer was killed', async () => {
    for (let round = 0; round < 3; round += 1) {
      const acknowledged = await writeUntilKilled(path, 150 + round * 40);
      const store = openSqliteStore(path);
      expect(acknowledged.length).toBeGreaterThan(0);
      for (const key of acknowledged) {
        expect(await store.get('crash', `${key}-left`)).toBeDefined();
        expect(await store.get('crash', `${key}-right`)).toBeDefined();
      }
      const sides = (await store.scan('crash', { limit: 1e6 })).map(({ key }) => key);
      const left = sides.filter((key) => key.endsWith('-left'));
      const right = sides.filter((key) => key.endsWith('-right'));
      expect(left.map((key) => key.slice(0, -5))).toEqual(right.map((key) => key.slice(0, -6)));
      await store.close();
    }
  });
});

/** Starts a process that writes pairs and prints each acknowledged one, kills it while it writes, returns those. */
async function writeUntilKilled(path: string, lines: number): Promise<string[]> {
  const script = join(import.meta.dirname, 'sqlite-crash-writer.ts');
  const child = spawn(process.execPath, [script, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  const acknowledged: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    acknowledged.push(line);
    if (acknowledged.length === lines) child.kill('SIGKILL');
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  expect(child.signalCode).toBe('SIGKILL');
  return acknowledged;
}
