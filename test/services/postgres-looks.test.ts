import { createSecretKey, randomBytes } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PostgresNonces } from '../../src/storage/postgres-nonces.ts';
import { openPostgresStore, type PostgresStore } from '../../src/storage/postgres-store.ts';
import type { SealableStore } from '../../src/storage/sealable-store.ts';
import type { StoreChange } from '../../src/ports/store.ts';
import { startPostgres, type PostgresServer } from './postgres-server.ts';

let server: PostgresServer;
let store: PostgresStore;
let nonces: PostgresNonces;
let other: SealableStore;

beforeAll(async () => {
  server = await startPostgres();
  // Neither hears of the other by itself.
  store = await openPostgresStore({ url: server.url, pollIntervalMs: 3_600_000 });
  const salt = createSecretKey(randomBytes(32));
  nonces = new PostgresNonces({ connection: { url: server.url }, salt, saw: store.saw });
  other = await openPostgresStore({ url: server.url, pollIntervalMs: 3_600_000 });
});
afterAll(async () => {
  await nonces.close();
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

describe('A claim of nonces', () => {
  const told: StoreChange[] = [];
  const follow = (): (() => void) => {
    told.length = 0;
    return store.follow({ changed: (changes) => void told.push(...changes), lostTrack: () => undefined });
  };

  it('is a look for whoever goes on because of it, as long as nothing else comes in', async () => {
    await store.catchUp();
    await nextTurn();
    await expect(nonces.claim('key', 'one')).resolves.toBe('fresh');
    expect(store.catchUp()).toBeUndefined();
    await nextTurn();
    expect(store.catchUp()).toBeInstanceOf(Promise);
  });

  it('is none when it saw another revision than the store was told of: then the store looks itself', async () => {
    const unfollow = follow();
    await write('before-a-claim');
    await store.catchUp();
    await nextTurn();
    const revision = told.at(-1)?.revision ?? 0;
    store.saw(revision + 1);
    expect(store.catchUp()).toBeInstanceOf(Promise);
    await nextTurn();
    store.saw(revision - 1);
    expect(store.catchUp()).toBeInstanceOf(Promise);
    await nextTurn();
    store.saw(revision);
    expect(store.catchUp()).toBeUndefined();
    unfollow();
  });

  it('is none for a nonce that was used', async () => {
    await store.catchUp();
    await nonces.claim('key', 'three');
    await nextTurn();
    await expect(nonces.claim('key', 'three')).resolves.toBe('used');
    expect(store.catchUp()).toBeInstanceOf(Promise);
  });

  it('does not count for a change that was committed while it was under way', async () => {
    for (let round = 0; round < 50; round += 1) {
      const unfollow = follow();
      const underWay = nonces.claim('key', `under-way-${round}`);
      await write(`during-${round}`);
      await store.catchUp();
      expect(told.map(({ key }) => key)).toContain(`during-${round}`);
      await underWay;
      unfollow();
    }
  });
});
