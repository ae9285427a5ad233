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

  it('lets others be served while it goes by', async () => {
    const store = await storeOf(1001);
    let turns = 0;
    const countTurn = (): void => {
      turns += 1;
      next = setImmediate(countTurn);
    };
    let next = setImmediate(countTurn);
    await table.all(store);
    clearImmediate(next);
    expect(turns).toBeGreaterThanOrEqual(4);
  });
});
