import { beforeEach, describe, expect, it } from 'vitest';
import { StoreConflictError, type Store } from '../../src/ports/store.ts';
import { bytes, increment, put, text } from './store-values.ts';

/** What every store does when transactions meet. */
export function describeConflicts(name: string, current: () => Store): void {
  let store: Store;
  beforeEach(() => {
    store = current();
  });

  describe(`${name}: conflicts`, () => {
    it('lose no update of 64 concurrent increments of one counter', async () => {
      await Promise.all(Array.from({ length: 64 }, () => increment(store, 'n')));
      expect(text(await store.get('counter', 'n'))).toBe('64');
    });

    it('run the work again when a value it read was changed', async () => {
      await put(store, 'a', 'key', '1');
      let runs = 0;
      await store.transact(async (transaction) => {
        runs += 1;
        const read = text(await transaction.get('a', 'key'));
        if (runs === 1) await put(store, 'a', 'key', '2');
        await transaction.put('a', 'copy', bytes(read ?? ''));
      });
      expect(runs).toBe(2);
      expect(text(await store.get('a', 'copy'))).toBe('2');
    });

    it('run the work again when a key it found absent appears, and when a range it read gains or loses a key', async () => {
      await put(store, 'range', 'b', '1');
      const disturb = [
        () => put(store, 'absent', 'key', 'x'),
        () => put(store, 'range', 'a', 'x'),
        () => store.transact((transaction) => transaction.delete('range', 'b')),
      ];
      for (const change of disturb) {
        let runs = 0;
        await store.transact(async (transaction) => {
          runs += 1;
          await transaction.get('absent', 'key');
          await transaction.scan('range');
          if (runs === 1) await change();
          await transaction.put('a', 'key', bytes('x'));
        });
        expect(runs).toBe(2);
      }
    });

    it('do not arise from changes of keys that were not read', async () => {
      let runs = 0;
      await store.transact(async (transaction) => {
        runs += 1;
        await transaction.get('a', 'key');
        await transaction.scan('a', { prefix: 'p' });
        await put(store, 'a', 'other', 'x');
        await transaction.put('a', 'key', bytes('x'));
      });
      expect(runs).toBe(1);
    });

    it('hide an error of the work that came from reading two moments at once', async () => {
      await put(store, 'pair', 'left', '1');
      await put(store, 'pair', 'right', '1');
      let runs = 0;
      await store.transact(async (transaction) => {
        runs += 1;
        const left = text(await transaction.get('pair', 'left'));
        if (runs === 1) {
          await store.transact(async (other) => {
            await other.put('pair', 'left', bytes('2'));
            await other.put('pair', 'right', bytes('2'));
          });
        }
        if (left !== text(await transaction.get('pair', 'right'))) throw new Error('the pair differs');
      });
      expect(runs).toBe(2);
    });

    it('end in StoreConflictError after ten attempts', async () => {
      await put(store, 'a', 'key', '0');
      let runs = 0;
      const work = store.transact(async (transaction) => {
        runs += 1;
        await transaction.get('a', 'key');
        await put(store, 'a', 'key', String(runs));
        await transaction.put('a', 'key', bytes('mine'));
      });
      await expect(work).rejects.toThrow(StoreConflictError);
      expect(runs).toBe(10);
    });
  });
}
