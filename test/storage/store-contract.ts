import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Store, StoreChange } from '../../src/ports/store.ts';
import { describeConflicts } from './store-contract-conflicts.ts';
import { describeScans } from './store-contract-scans.ts';
import { describeViews } from './store-contract-views.ts';
import { bytes, increment, put, text } from './store-values.ts';

/** One kind of store under test. */
export interface StoreUnderTest {
  store: Store;
  /** Another connection to the same state, as another replica has it; absent when there can be none. */
  connect?: () => Promise<Store>;
  dispose: () => Promise<void>;
}

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 300 && !condition(); tries += 1) await new Promise((done) => setTimeout(done, 10));
}

/** What every store does. Run it on each adapter, and on the barrier over each. */
export function describeStore(name: string, make: () => Promise<StoreUnderTest>): void {
  let under: StoreUnderTest;
  let store: Store;
  beforeEach(async () => {
    under = await make();
    store = under.store;
  });
  afterEach(() => under.dispose());

  describeConflicts(name, () => store);
  describeScans(name, () => store);
  describeViews(name, () => under);

  describe(`${name}: values`, () => {
    it('are read back as written, also when empty, and not at all when there are none', async () => {
      await put(store, 'a', 'key', 'value');
      await put(store, 'a', 'empty', '');
      expect(text(await store.get('a', 'key'))).toBe('value');
      expect(text(await store.get('a', 'empty'))).toBe('');
      expect(await store.get('a', 'none')).toBeUndefined();
      expect(await store.get('b', 'key')).toBeUndefined();
    });

    it('belong to the caller: changing the bytes given or got changes nothing stored', async () => {
      await store.transact(async (transaction) => {
        const given = bytes('value');
        await transaction.put('a', 'key', given);
        given.fill(0);
      });
      (await store.get('a', 'key'))?.value.fill(0);
      expect(text(await store.get('a', 'key'))).toBe('value');
    });

    it('refuse names that some store could not hold', async () => {
      for (const bad of ['\ud800', 'a\0b']) {
        await expect(put(store, 'a', bad, 'x')).rejects.toThrow(TypeError);
        await expect(put(store, bad, 'a', 'x')).rejects.toThrow(TypeError);
        await expect(store.get('a', bad)).rejects.toThrow(TypeError);
        await expect(store.scan('a', { prefix: bad })).rejects.toThrow(TypeError);
      }
    });
  });

  describe(`${name}: revisions`, () => {
    it('grow with each write and are not reused after a delete', async () => {
      const seen: number[] = [];
      for (const round of ['1', '2', '3']) {
        await put(store, 'a', 'key', round);
        seen.push((await store.get('a', 'key'))?.revision ?? 0);
        await store.transact((transaction) => transaction.delete('a', 'key'));
      }
      expect(seen).toEqual(seen.toSorted((left, right) => left - right));
      expect(new Set(seen).size).toBe(3);
    });

    it('differ between writes of one transaction', async () => {
      await store.transact(async (transaction) => {
        for (const key of ['x', 'y', 'z']) await transaction.put('a', key, bytes(key));
      });
      const revisions = (await store.scan('a')).map(({ revision }) => revision);
      expect(new Set(revisions).size).toBe(3);
    });
  });

  describe(`${name}: transactions`, () => {
    it('give the result of their work', async () => {
      expect(await store.transact(() => 'done')).toBe('done');
    });

    it('leave nothing behind when their work throws', async () => {
      const work = store.transact(async (transaction) => {
        await transaction.put('a', 'key', bytes('x'));
        throw new Error('changed my mind');
      });
      await expect(work).rejects.toThrow('changed my mind');
      expect(await store.get('a', 'key')).toBeUndefined();
    });

    it('see their own writes and deletes, in reads and in scans', async () => {
      for (const key of ['a', 'b', 'c', 'd']) await put(store, 's', key, 'old');
      const seen = await store.transact(async (transaction) => {
        await transaction.put('s', 'bb', bytes('new'));
        await transaction.put('s', 'c', bytes('new'));
        await transaction.delete('s', 'a');
        expect(text(await transaction.get('s', 'bb'))).toBe('new');
        expect(await transaction.get('s', 'a')).toBeUndefined();
        const all = await transaction.scan('s', { limit: 3 });
        return all.map((entry) => [entry.key, text(entry)]);
      });
      expect(seen).toEqual([
        ['b', 'old'],
        ['bb', 'new'],
        ['c', 'new'],
      ]);
    });

    it('fill a page of a scan with what comes after the keys that they deleted', async () => {
      for (const key of ['a', 'b', 'c', 'd', 'e']) await put(store, 's', key, 'old');
      const seen = await store.transact(async (transaction) => {
        await transaction.delete('s', 'a');
        await transaction.delete('s', 'c');
        return (await transaction.scan('s', { limit: 3 })).map(({ key }) => key);
      });
      expect(seen).toEqual(['b', 'd', 'e']);
    });

    it('show nothing to others before they commit', async () => {
      await store.transact(async (transaction) => {
        await transaction.put('a', 'key', bytes('x'));
        expect(await store.get('a', 'key')).toBeUndefined();
      });
      expect(text(await store.get('a', 'key'))).toBe('x');
    });

    it('cannot be used after their work has returned', async () => {
      let kept: Parameters<Parameters<Store['transact']>[0]>[0] | undefined;
      await store.transact((transaction) => void (kept = transaction));
      await expect(kept?.get('a', 'key')).rejects.toThrow('has ended');
    });
  });

  describe(`${name}: change feed`, () => {
    it('tells committed changes in order, before the transaction resolves, and not after the stop', async () => {
      const told: StoreChange[] = [];
      const stop = store.watch((changes) => told.push(...changes));
      await put(store, 'a', 'x', '1');
      expect(told).toMatchObject([{ bucket: 'a', key: 'x', deleted: false }]);
      await store.transact(async (transaction) => {
        await transaction.delete('a', 'x');
        await transaction.put('a', 'y', bytes('2'));
      });
      stop();
      await put(store, 'a', 'z', '3');
      expect(told.map(({ key, deleted }) => [key, deleted])).toEqual([
        ['x', false],
        ['x', true],
        ['y', false],
      ]);
      const revisions = told.map(({ revision }) => revision);
      expect(revisions).toEqual(revisions.toSorted((left, right) => left - right));
      expect((await store.get('a', 'y'))?.revision).toBe(revisions[2]);
    });

    it('does not tell what was undone, and survives a listener that throws', async () => {
      const told: string[] = [];
      store.watch(() => {
        throw new Error('listener');
      });
      store.watch((changes) => told.push(...changes.map(({ key }) => key)));
      const undone = store.transact(async (transaction) => {
        await transaction.put('a', 'undone', bytes('x'));
        throw new Error('undo');
      });
      await expect(undone).rejects.toThrow('undo');
      await put(store, 'a', 'kept', 'x');
      expect(told).toEqual(['kept']);
    });
  });

  describe(`${name}: replicas`, () => {
    it('of one state lose no update and hear of each other', async () => {
      const other = (await under.connect?.()) ?? store;
      const told: string[] = [];
      store.watch((changes) => told.push(...changes.filter(({ bucket }) => bucket === 'feed').map(({ key }) => key)));
      const rounds = Array.from({ length: 20 }, () => [increment(store, 'n'), increment(other, 'n')]).flat();
      await Promise.all(rounds);
      expect(text(await store.get('counter', 'n'))).toBe('40');
      for (const key of ['a', 'b']) await put(other, 'feed', key, 'x');
      await other.transact((transaction) => transaction.delete('feed', 'a'));
      await put(store, 'feed', 'c', 'x');
      await until(() => told.length >= 4);
      expect(told).toEqual(['a', 'b', 'a', 'c']);
    });
  });

  it(`${name}: refuses work after it was closed`, async () => {
    await store.close();
    await expect(put(store, 'a', 'key', 'x')).rejects.toThrow();
    await expect(store.get('a', 'key')).rejects.toThrow();
    await expect(store.scan('a')).rejects.toThrow();
    expect(() => store.watch(() => undefined)).toThrow();
  });
}
