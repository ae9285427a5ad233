import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPostgresStore } from '../../src/storage/postgres-store.ts';
import type { SealableStore } from '../../src/storage/sealable-store.ts';
import type { StoreChange } from '../../src/ports/store.ts';
import { startPostgres, type PostgresServer } from './postgres-server.ts';

let server: PostgresServer;
let store: SealableStore;
let other: SealableStore;

beforeAll(async () => {
  server = await startPostgres();
  // Neither hears of the other by itself.
  store = await openPostgresStore({ url: server.url, pollIntervalMs: 3_600_000 });
  other = await openPostgresStore({ url: server.url, pollIntervalMs: 3_600_000 });
});
afterAll(async () => {
  await store.close();
  await other.close();
  await server.stop();
});

const write = (key: string): Promise<void> =>
  other.transact((transaction) => transaction.put('looks', key, Buffer.from('x')));

describe('A look at what others committed', () => {
  it('counts for whoever goes on because of it, as long as nothing else comes in', async () => {
    const looking = store.catchUp();
    expect(looking).toBeInstanceOf(Promise);
    await looking;
    expect(store.catchUp()).toBeUndefined();
    await Promise.resolve();
    expect(store.catchUp()).toBeUndefined();
    await nextTurn();
    expect(store.catchUp()).toBeInstanceOf(Promise);
  });

  it('does not count for somebody who comes while it is under way: he learns what was committed before he came', async () => {
    for (let round = 0; round < 50; round += 1) {
      const told: StoreChange[] = [];
      const unfollow = store.follow({ changed: (changes) => told.push(...changes), lostTrack: () => undefined });
      const underWay = store.catchUp();
      await write(`key-${round}`);
      await store.catchUp();
      expect(told.map(({ key }) => key)).toContain(`key-${round}`);
      await underWay;
      unfollow();
    }
  });
});
