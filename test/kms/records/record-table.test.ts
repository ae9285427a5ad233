import { describe, expect, it } from 'vitest';
import { RecordTable } from '../../../src/kms/records/record-table.ts';
import { MemoryStore } from '../../../src/storage/memory-store.ts';

const table = new RecordTable<{ number: number }>('test/records');

async function storeOf(count: number): Promise<MemoryStore> {
  const store = new MemoryStore();
  await store.transact(async (transaction) => {
    for (let number = 0; number < count; number += 1) {
      await table.put(transaction, String(number).padStart(5, '0'), { number });
    }
  });
  return store;
}

describe('a table of records', () => {
  it.each([0, 1, 249, 250, 251, 500, 1001])(
    'gives each of %i records once, in the order of their keys',
    async (count) => {
      const numbers = (await table.all(await storeOf(count))).map(({ record }) => record.number);
      expect(numbers).toEqual(Array.from({ length: count }, (_, number) => number));
    },
  );

  it.each([0, 1, 499, 500, 501, 1200])(
    'gives each of %i keys once, in order, without opening a record',
    async (count) => {
      const store = await storeOf(count);
      const keys: string[] = [];
      for await (const page of table.keyPages({ keys: (bucket, options) => store.keys(bucket, options) }))
        keys.push(...page);
      expect(keys.map(Number)).toEqual(Array.from({ length: count }, (_, number) => number));
    },
  );

  it.each([
    ['records', 1001, (store: MemoryStore): Promise<unknown> => table.all(store)],
    ['keys', 2001, (store: MemoryStore): Promise<unknown> => Array.fromAsync(table.keyPages(store))],
  ] as const)('lets others be served while %s go by', async (_what, count, goBy) => {
    const store = await storeOf(count);
    let turns = 0;
    const countTurn = (): void => {
      turns += 1;
      next = setImmediate(countTurn);
    };
    let next: NodeJS.Immediate = setImmediate(countTurn);
    await goBy(store);
    clearImmediate(next);
    expect(turns).toBeGreaterThanOrEqual(4);
  });
});
