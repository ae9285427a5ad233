import { beforeEach, describe, expect, it } from 'vitest';
import { MemoryStore } from '../../src/storage/memory-store.ts';
import { RehearsedStore } from '../../src/storage/rehearsed-store.ts';

const bytes = (text: string): Buffer => Buffer.from(text);
let store: MemoryStore;
let rehearsed: RehearsedStore;
beforeEach(async () => {
  store = new MemoryStore();
  await store.transact(async (transaction) => {
    for (const key of ['a', 'b', 'c']) await transaction.put('bucket', key, bytes(`stored ${key}`));
  });
  rehearsed = new RehearsedStore(store);
});

const write = (): Promise<void> =>
  rehearsed.transact(async (transaction) => {
    await transaction.put('bucket', 'aa', bytes('rehearsed'));
    await transaction.delete('bucket', 'b');
  });
const keys = async (from: Pick<MemoryStore, 'scan'>, after?: string): Promise<string[]> =>
  (await from.scan('bucket', { ...(after !== undefined && { after }), limit: 2 })).map(({ key }) => key);

describe('A store for a dry run', () => {
  it('keeps from the real one what is written, whose watchers hear nothing', async () => {
    let heard = 0;
    store.watch(() => (heard += 1));
    await write();
    expect((await store.get('bucket', 'b'))?.value.toString()).toBe('stored b');
    expect(await store.get('bucket', 'aa')).toBeUndefined();
    expect(heard).toBe(0);
  });

  it('shows it to whoever reads later in the same run: single values, records and pages', async () => {
    await write();
    expect((await rehearsed.get('bucket', 'aa'))?.value.toString()).toBe('rehearsed');
    expect(await rehearsed.get('bucket', 'b')).toBeUndefined();
    expect(await rehearsed.view('bucket', 'a', (value) => ({ text: Buffer.from(value).toString() }))).toEqual({
      text: 'stored a',
    });
    expect(await keys(rehearsed)).toEqual(['a', 'aa']);
    expect(await keys(rehearsed, 'aa')).toEqual(['c']);
    const seen = await rehearsed.transact((transaction) => transaction.get('bucket', 'aa'));
    expect(seen?.value.toString()).toBe('rehearsed');
  });

  it('keeps nothing of a transaction that throws', async () => {
    const failing = rehearsed.transact(async (transaction) => {
      await transaction.put('bucket', 'a', bytes('half'));
      throw new Error('refused');
    });
    await expect(failing).rejects.toThrow('refused');
    expect((await rehearsed.get('bucket', 'a'))?.value.toString()).toBe('stored a');
  });

  it('is not seen by another run', async () => {
    await write();
    expect(await keys(new RehearsedStore(store))).toEqual(['a', 'b']);
  });
});
