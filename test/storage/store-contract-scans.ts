import * as fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Store } from '../../src/ports/store.ts';
import { bytes } from './store-values.ts';

async function keysOf(store: Store, bucket: string, options?: Parameters<Store['scan']>[1]): Promise<string[]> {
  return (await store.scan(bucket, options)).map(({ key }) => key);
}

/** How every store reads ranges. */
export function describeScans(name: string, current: () => Store): void {
  let store: Store;
  beforeEach(() => {
    store = current();
  });

  describe(`${name}: scans`, () => {
    const keys = ['', 'a', 'a\nb', 'ab', 'b', 'é', '\ue000', '\uffff', '\u{10000}', '\u{10ffff}', '\u{10ffff}a'];

    it('are in the order of the UTF-8 bytes of the keys', async () => {
      await store.transact(async (transaction) => {
        for (const key of keys.toReversed()) await transaction.put('s', key, bytes(key));
      });
      const expected = keys.toSorted((left, right) => Buffer.compare(bytes(left), bytes(right)));
      expect(await keysOf(store, 's')).toEqual(expected);
      for (const prefix of ['', 'a', '\u{10ffff}', 'é', 'x']) {
        expect(await keysOf(store, 's', { prefix })).toEqual(expected.filter((key) => key.startsWith(prefix)));
      }
    });

    it('page through a bucket without loss or repetition, whatever the keys and the page', async () => {
      let bucket = 0;
      const key = fc.string({ unit: 'binary', maxLength: 4 }).filter((value) => !value.includes('\0'));
      const property = fc.asyncProperty(
        fc.uniqueArray(key, { maxLength: 12 }),
        fc.integer({ min: 1, max: 5 }),
        key.map((value) => Array.from(value).slice(0, 1).join('')),
        async (written, limit, prefix) => {
          const paged = `page-${(bucket += 1)}`;
          await store.transact(async (transaction) => {
            for (const each of written) await transaction.put(paged, each, bytes(each));
          });
          const found: string[] = [];
          let page = await keysOf(store, paged, { prefix, limit });
          while (page.length > 0) {
            expect(page.length).toBeLessThanOrEqual(limit);
            found.push(...page);
            page = await keysOf(store, paged, { prefix, limit, after: page.at(-1) ?? '' });
          }
          const expected = written.filter((each) => each.startsWith(prefix));
          expect(found).toEqual(expected.toSorted((left, right) => Buffer.compare(bytes(left), bytes(right))));
        },
      );
      await fc.assert(property, { numRuns: 40 });
    });

    it('give the same keys without their values, whatever is asked', async () => {
      await store.transact(async (transaction) => {
        for (const key of keys) await transaction.put('s', key, bytes(key));
      });
      for (const options of [
        {},
        { prefix: 'a' },
        { after: 'ab' },
        { prefix: '\u{10ffff}', after: '\u{10ffff}' },
        { limit: 3 },
        { limit: 0 },
      ]) {
        expect(await store.keys('s', options), JSON.stringify(options)).toEqual(await keysOf(store, 's', options));
      }
      expect(await store.keys('empty')).toEqual([]);
      await expect(store.keys('s', { limit: -1 })).rejects.toThrow(RangeError);
    });

    it('give a thousand entries unless asked for another number', async () => {
      await store.transact(async (transaction) => {
        for (let index = 0; index < 1001; index += 1) await transaction.put('s', String(index), bytes(''));
      });
      expect(await store.scan('s')).toHaveLength(1000);
      expect(await store.scan('s', { limit: 2000 })).toHaveLength(1001);
      expect(await store.scan('s', { limit: 0 })).toHaveLength(0);
    });
  });
}
