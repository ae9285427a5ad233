import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Seal } from '../../src/ports/seal.ts';
import { StoreSealedError } from '../../src/ports/store.ts';
import { openBarrier, type Barrier } from '../../src/storage/barrier.ts';
import { MemoryStore } from '../../src/storage/memory-store.ts';
import type { SealableStore } from '../../src/storage/sealable-store.ts';
import { sqliteRows } from '../../src/storage/sqlite-rows.ts';
import { openSqliteStore } from '../../src/storage/sqlite-store.ts';
import { ViewCache } from '../../src/storage/view-cache.ts';
import { put } from './store-values.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const seal: Seal = {
  kind: 'plain',
  wrap: (rootKey) => Promise.resolve(Buffer.from(rootKey)),
  unwrap: (wrapped) => Promise.resolve(Buffer.from(wrapped)),
};

const decode = (value: Uint8Array): { text: string } => ({ text: Buffer.from(value).toString('utf8') });

/** Counts what is read from the store beneath. */
function counted(store: SealableStore): { store: SealableStore; reads: () => number } {
  let reads = 0;
  const counting = new Proxy(store, {
    get: (target, name: keyof SealableStore) => {
      if (name === 'get') reads += 1;
      const member = target[name] as unknown;
      return typeof member === 'function' ? (member as (...given: unknown[]) => unknown).bind(target) : member;
    },
  });
  return { store: counting, reads: () => reads };
}

describe('The cache of the barrier', () => {
  it('reads and opens a value once, and again once it was changed, also where there is none', async () => {
    const { store, reads } = counted(new MemoryStore());
    const barrier = await openBarrier(store, seal, { createIfMissing: true });
    await put(barrier, 'a', 'key', 'one');
    const before = reads();
    for (let round = 0; round < 5; round += 1) expect(await barrier.view('a', 'key', decode)).toEqual({ text: 'one' });
    for (let round = 0; round < 5; round += 1) expect(await barrier.view('a', 'none', decode)).toBeUndefined();
    expect(reads() - before).toBe(2);
    await put(barrier, 'a', 'key', 'two');
    await put(barrier, 'a', 'none', 'some');
    expect(await barrier.view('a', 'key', decode)).toEqual({ text: 'two' });
    expect(await barrier.view('a', 'none', decode)).toEqual({ text: 'some' });
    await barrier.close();
  });

  it('recalls the very record that was viewed last, without a look, until a change was told, and none while sealed', async () => {
    const { store, reads } = counted(new MemoryStore());
    const barrier = await openBarrier(store, seal, { createIfMissing: true });
    await put(barrier, 'a', 'key', 'one');
    expect(barrier.recall('a', 'key', decode)).toBeUndefined();
    const viewed = await barrier.view('a', 'key', decode);
    const before = reads();
    expect(barrier.recall('a', 'key', decode)).toBe(viewed);
    expect(barrier.recall('a', 'key', (value) => ({ ...decode(value) }))).toBeUndefined();
    expect(reads()).toBe(before);
    await put(barrier, 'a', 'key', 'two');
    expect(barrier.recall('a', 'key', decode)).toBeUndefined();
    await barrier.view('a', 'none', decode);
    expect(barrier.recall('a', 'none', decode)).toBeUndefined();
    barrier.seal();
    expect(() => barrier.recall('a', 'key', decode)).toThrow(StoreSealedError);
    await barrier.close();
  });

  it('is empty once sealed, gives nothing while sealed, and the present value once unsealed', async () => {
    const { store, reads } = counted(new MemoryStore());
    const barrier = await openBarrier(store, seal, { createIfMissing: true });
    await put(barrier, 'a', 'key', 'one');
    await barrier.view('a', 'key', decode);
    barrier.seal();
    await expect(barrier.view('a', 'key', decode)).rejects.toThrow(StoreSealedError);
    const other = await openBarrier(store, seal);
    await put(other, 'a', 'key', 'two');
    await barrier.unseal();
    const before = reads();
    expect(await barrier.view('a', 'key', decode)).toEqual({ text: 'two' });
    expect(reads() - before).toBe(1);
    await barrier.close();
  });

  it('keeps nothing that was read while it was sealed and unsealed again', async () => {
    const barrier = await openBarrier(new MemoryStore(), seal, { createIfMissing: true });
    await put(barrier, 'a', 'key', 'one');
    const viewing = barrier.view('a', 'key', decode);
    barrier.seal();
    await expect(viewing).rejects.toThrow(StoreSealedError);
    await barrier.close();
  });
});

describe('The bounds of the cache', () => {
  const view = { decode, record: { text: 'x' } };

  it('count bytes: what was used longest ago goes first', () => {
    const cache = new ViewCache(10_000);
    for (let n = 0; n < 100; n += 1) {
      cache.keep('a', String(n), view, { round: cache.round, bytes: 500 });
      cache.find('a', '0', decode);
    }
    const kept = Array.from({ length: 100 }, (_, n) => n).filter((n) => cache.find('a', String(n), decode));
    expect(kept.length).toBeGreaterThan(2);
    expect(kept.length).toBeLessThan(10);
    expect(kept).toContain(0);
    expect(kept).toContain(99);
  });

  it('leave a record out that is larger than all of it', () => {
    const cache = new ViewCache(10_000);
    cache.keep('a', 'large', view, { round: cache.round, bytes: 1_000_000 });
    expect(cache.find('a', 'large', decode)).toBeUndefined();
  });

  it('leave out what was read before something was told', () => {
    const cache = new ViewCache(10_000);
    const { round } = cache;
    cache.changed([{ bucket: 'b', key: 'other', revision: 1, deleted: false }]);
    cache.keep('a', 'key', view, { round, bytes: 10 });
    expect(cache.find('a', 'key', decode)).toBeUndefined();
  });
});

describe('The cache over a SQLite file that others change', () => {
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
  let path: string;
  let barrier: Barrier;
  let other: Barrier;
  beforeEach(async () => {
    directory = await temporaryDirectory();
    path = join(directory.path, 'kaap.db');
    barrier = await openBarrier(openSqliteStore(path), seal, { createIfMissing: true });
    other = await openBarrier(openSqliteStore(path), seal);
    await put(barrier, 'a', 'key', 'one');
    await barrier.view('a', 'key', decode);
  });
  afterEach(async () => {
    await barrier.close();
    await other.close();
    await directory.remove();
  });

  /** What others did is seen from the next turn of the event loop on, when their answer can have arrived. */
  const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  it('shows a change of which the note was dropped from the feed', async () => {
    await put(other, 'a', 'key', 'two');
    const administrator = new DatabaseSync(path);
    administrator.exec('DELETE FROM changes');
    administrator.close();
    await nextTurn();
    expect(await barrier.view('a', 'key', decode)).toEqual({ text: 'two' });
  });

  it('E1: shows what a restore put back', async () => {
    const backup: { bucket: string; key: string; revision: number; value: Uint8Array }[] = [];
    for await (const row of sqliteRows(path).read()) backup.push(row);
    await put(other, 'a', 'key', 'two');
    await nextTurn();
    expect(await barrier.view('a', 'key', decode)).toEqual({ text: 'two' });
    await sqliteRows(path).replace(
      (async function* rows() {
        for (const row of backup) yield await Promise.resolve(row);
      })(),
      Math.max(...backup.map(({ revision }) => revision)),
    );
    await nextTurn();
    expect(await barrier.view('a', 'key', decode)).toEqual({ text: 'one' });
  });

  it('goes on after a commit that failed', async () => {
    const blocker = new DatabaseSync(path);
    const impatient = await openBarrier(openSqliteStore(path, { busyTimeoutMs: 0 }), seal);
    await impatient.transact((transaction) => transaction.put('a', 'other', randomBytes(4)));
    await impatient.view('a', 'key', decode);
    blocker.exec('BEGIN IMMEDIATE');
    await expect(put(impatient, 'a', 'key', 'three')).rejects.toMatchObject({ code: 'ServiceUnavailableTemporary' });
    blocker.exec('COMMIT');
    blocker.close();
    await put(other, 'a', 'key', 'four');
    await nextTurn();
    expect(await impatient.view('a', 'key', decode)).toEqual({ text: 'four' });
    await impatient.close();
  });
});
