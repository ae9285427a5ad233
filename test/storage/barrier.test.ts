import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StoreSealedError, type Store } from '../../src/ports/store.ts';
import { openBarrier, type Barrier } from '../../src/storage/barrier.ts';
import { TamperedValueError } from '../../src/storage/barrier-value.ts';
import { MemoryStore } from '../../src/storage/memory-store.ts';
import type { Seal } from '../../src/ports/seal.ts';
import { SealError } from '../../src/ports/seal.ts';
import { openSqliteStore } from '../../src/storage/sqlite-store.ts';
import { describeStore } from './store-contract.ts';
import { put } from './store-values.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const turn = (bytes: Buffer): Buffer => Buffer.from(bytes.map((byte) => byte ^ 0xff));

/** A seal that turns every bit over; `down` makes it fail as an HSM that is away does. */
function fakeSeal(kind = 'fake'): Seal & { down: boolean } {
  const seal = {
    kind,
    down: false,
    wrap: (rootKey: Buffer) => Promise.resolve(turn(rootKey)),
    unwrap: (wrapped: Buffer) =>
      seal.down ? Promise.reject(new SealError('The seal is away.')) : Promise.resolve(turn(wrapped)),
  };
  return seal;
}

const create = { createIfMissing: true };

describeStore('the barrier over the memory store', async () => {
  const inner = new MemoryStore();
  const store = await openBarrier(inner, fakeSeal(), create);
  return { store, connect: () => openBarrier(inner, fakeSeal()), dispose: () => store.close() };
});

describeStore('the barrier over the SQLite store', async () => {
  const directory = await temporaryDirectory();
  const path = join(directory.path, 'kaap.db');
  const connect = (): Promise<Barrier> =>
    openBarrier(openSqliteStore(path, { pollIntervalMs: 10 }), fakeSeal(), create);
  const stores = [await connect()];
  const [store] = stores;
  if (store === undefined) throw new Error('unreachable');
  return {
    store,
    connect: async () => {
      const other = await connect();
      stores.push(other);
      return other;
    },
    dispose: async () => {
      for (const each of stores) await each.close();
      await directory.remove();
    },
  };
});

let inner: MemoryStore;
let seal: ReturnType<typeof fakeSeal>;
let barrier: Barrier;
beforeEach(async () => {
  inner = new MemoryStore();
  seal = fakeSeal();
  barrier = await openBarrier(inner, seal, create);
});
afterEach(() => inner.close());

const read = async (store: Store, bucket: string, key: string): Promise<string | undefined> => {
  const stored = await store.get(bucket, key);
  return stored && Buffer.from(stored.value).toString();
};

/** Writes raw bytes under the barrier, as someone with access to the disk can. */
const overwrite = (bucket: string, key: string, value: Uint8Array): Promise<void> =>
  inner.transact((transaction) => transaction.put(bucket, key, value));

const raw = async (bucket: string, key: string): Promise<Buffer> =>
  Buffer.from((await inner.get(bucket, key))?.value ?? []);

describe('the barrier', () => {
  it('E9: lets no byte of a value, of the keyring or of the root key reach the store', async () => {
    const canary = randomBytes(32);
    await barrier.transact((transaction) => transaction.put('a', 'key', canary));
    for (const [bucket, key] of [
      ['a', 'key'],
      ['system/barrier', 'keyring'],
      ['system/barrier', 'root'],
    ] as const) {
      const stored = await raw(bucket, key);
      expect(stored.length).toBeGreaterThan(32);
      expect(stored.includes(canary)).toBe(false);
      expect(stored.includes('material')).toBe(false);
    }
  });

  it('opens what another opening of it sealed', async () => {
    await put(barrier, 'a', 'key', 'value');
    expect(await read(await openBarrier(inner, seal), 'a', 'key')).toBe('value');
  });

  it('E6: never seals two values under one IV, nor the same value to the same bytes', async () => {
    const seen = new Set<string>();
    for (let index = 0; index < 200; index += 1) {
      await put(barrier, 'a', 'key', 'same');
      seen.add((await raw('a', 'key')).subarray(5, 17).toString('hex'));
    }
    expect(seen.size).toBe(200);
  });

  it('names bucket and key, and no content, of a value that was changed in any byte', async () => {
    await put(barrier, 'a', 'key', 'content');
    const good = await raw('a', 'key');
    for (let index = 0; index < good.length; index += 1) {
      const bad = Buffer.from(good);
      bad.writeUInt8(bad.readUInt8(index) ^ 1, index);
      await overwrite('a', 'key', bad);
      const error: unknown = await barrier.get('a', 'key').catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(TamperedValueError);
      expect(String(error)).toMatch(/key "key" of bucket "a"/);
      expect(String(error)).not.toContain('content');
    }
    await overwrite('a', 'key', Buffer.alloc(0));
    await expect(barrier.scan('a')).rejects.toThrow(TamperedValueError);
  });

  it('does not open a value that was moved to another key or bucket', async () => {
    await put(barrier, 'a', 'low', 'public');
    await put(barrier, 'a', 'high', 'secret');
    await overwrite('a', 'low', await raw('a', 'high'));
    await expect(barrier.get('a', 'low')).rejects.toThrow(TamperedValueError);
    await overwrite('b', 'high', await raw('a', 'high'));
    await expect(barrier.get('b', 'high')).rejects.toThrow(TamperedValueError);
    expect(await read(barrier, 'a', 'high')).toBe('secret');
  });

  it('does not open an earlier value of the same key under a later revision', async () => {
    await put(barrier, 'a', 'key', 'old');
    const old = await raw('a', 'key');
    await put(barrier, 'a', 'key', 'new');
    await overwrite('a', 'key', old);
    await expect(barrier.get('a', 'key')).rejects.toThrow(TamperedValueError);
  });

  it('keeps its own bucket to itself', async () => {
    await expect(barrier.get('system/barrier', 'root')).rejects.toThrow(/belongs to the barrier/);
    await expect(barrier.keys('system/barrier')).rejects.toThrow(/belongs to the barrier/);
    await expect(barrier.scan('system/barrier')).rejects.toThrow(/belongs to the barrier/);
    await expect(put(barrier, 'system/barrier', 'root', 'x')).rejects.toThrow(/belongs to the barrier/);
    const told: string[] = [];
    barrier.watch((changes) => told.push(...changes.map(({ bucket }) => bucket)));
    await barrier.rotate();
    await put(barrier, 'a', 'key', 'x');
    expect(told).toEqual(['a']);
  });
});

describe('a sealed barrier', () => {
  it('refuses everything until it is unsealed', async () => {
    await put(barrier, 'a', 'key', 'value');
    barrier.seal();
    expect(barrier.sealed).toBe(true);
    await expect(barrier.get('a', 'key')).rejects.toThrow(StoreSealedError);
    await expect(barrier.scan('a')).rejects.toThrow(StoreSealedError);
    await expect(barrier.keys('a')).rejects.toThrow(StoreSealedError);
    await expect(put(barrier, 'a', 'key', 'x')).rejects.toThrow(StoreSealedError);
    await expect(barrier.transact((transaction) => transaction.get('a', 'key'))).rejects.toThrow(StoreSealedError);
    await expect(barrier.transact((transaction) => transaction.delete('a', 'key'))).rejects.toThrow(StoreSealedError);
    await expect(barrier.rotate()).rejects.toThrow(StoreSealedError);
    expect(() => barrier.watch(() => undefined)).toThrow(StoreSealedError);
    expect(() => barrier.deriveSecretKey('x')).toThrow(StoreSealedError);
    expect(() => barrier.deriveSigningKey('x')).toThrow(StoreSealedError);
    await barrier.unseal();
    expect(await read(barrier, 'a', 'key')).toBe('value');
  });

  it('does not commit a transaction during which it was sealed', async () => {
    const work = barrier.transact(async (transaction) => {
      await transaction.put('a', 'key', Buffer.from('x'));
      barrier.seal();
    });
    await expect(work).rejects.toThrow(StoreSealedError);
    await barrier.unseal();
    expect(await barrier.get('a', 'key')).toBeUndefined();
  });

  it('stays sealed when the seal is away, and opens when it is back', async () => {
    barrier.seal();
    seal.down = true;
    await expect(barrier.unseal()).rejects.toThrow('The seal is away.');
    expect(barrier.sealed).toBe(true);
    seal.down = false;
    await barrier.unseal();
    expect(barrier.sealed).toBe(false);
  });
});

describe('the keys of the barrier', () => {
  it('rotate: later values are sealed with the new key, earlier ones stay readable, also for other replicas', async () => {
    const replica = await openBarrier(inner, seal);
    await put(barrier, 'a', 'old', 'old');
    expect(await barrier.rotate()).toBe(2);
    await put(barrier, 'a', 'new', 'new');
    const keyNumbers = [(await raw('a', 'old')).readUInt32BE(1), (await raw('a', 'new')).readUInt32BE(1)];
    expect(keyNumbers).toEqual([1, 2]);
    expect([await read(replica, 'a', 'old'), await read(replica, 'a', 'new')]).toEqual(['old', 'new']);
  });

  it('E6: rotate by themselves before their limit, counting the uses of all replicas and of earlier runs', async () => {
    const options = { rotateAfterUses: 10 };
    const uses = new Map<number, number>();
    for (let run = 0; run < 3; run += 1) {
      const replicas = [await openBarrier(inner, seal, options), await openBarrier(inner, seal, options)];
      const writes = Array.from({ length: 8 }, (_, index) =>
        replicas.map((replica, side) => put(replica, 'n', `${run}-${index}-${side}`, 'x')),
      );
      await Promise.all(writes.flat());
    }
    for (const { key } of await inner.scan('n')) {
      const id = (await raw('n', key)).readUInt32BE(1);
      uses.set(id, (uses.get(id) ?? 0) + 1);
    }
    expect(Math.max(...uses.values())).toBeLessThanOrEqual(10);
    expect([...uses.values()].reduce((sum, count) => sum + count)).toBe(48);
  });

  it('refuse a limit that random IVs do not allow', async () => {
    await expect(openBarrier(inner, seal, { rotateAfterUses: 2 ** 32 })).rejects.toThrow(RangeError);
  });

  it('derive the same keys after a restart and a rotation, and others for other purposes', async () => {
    const [secret, signing] = [barrier.deriveSecretKey('a'), barrier.deriveSigningKey('a')];
    await barrier.rotate();
    const again = await openBarrier(inner, seal);
    expect(again.deriveSecretKey('a').equals(secret)).toBe(true);
    expect(again.deriveSigningKey('a').equals(signing)).toBe(true);
    expect(again.deriveSecretKey('b').equals(secret)).toBe(false);
  });
});

describe('the root key', () => {
  it('rotates without a stop: this and other replicas go on, also over later rotations, and keys for purposes stay', async () => {
    const replica = await openBarrier(inner, seal, { rotateAfterUses: 2 ** 20 });
    await put(barrier, 'a', 'before', 'before');
    const before = await raw('system/barrier', 'root');
    const derived = barrier.deriveSecretKey('a');
    await barrier.rotateRoot();
    expect((await raw('system/barrier', 'root')).equals(before)).toBe(false);
    await barrier.rotate();
    await put(barrier, 'a', 'after', 'after');
    expect([await read(replica, 'a', 'before'), await read(replica, 'a', 'after')]).toEqual(['before', 'after']);
    await replica.rotateRoot();
    await barrier.rotate();
    const again = await openBarrier(inner, seal);
    expect([await read(again, 'a', 'before'), await read(again, 'a', 'after')]).toEqual(['before', 'after']);
    for (const each of [barrier, replica, again]) expect(each.deriveSecretKey('a').equals(derived)).toBe(true);
  });

  it('is not opened any more with what it was before', async () => {
    const before = await raw('system/barrier', 'root');
    await barrier.rotateRoot();
    await overwrite('system/barrier', 'root', before);
    await expect(openBarrier(inner, seal)).rejects.toThrow(/keyring does not open under the root key/);
  });

  it('moves to another seal: the store opens with that one alone', async () => {
    await put(barrier, 'a', 'key', 'value');
    const other = {
      ...fakeSeal('hsm'),
      wrap: async (key: Buffer) => Buffer.concat([key, key]),
      unwrap: async (wrapped: Buffer) => Buffer.from(wrapped.subarray(32)),
    };
    const replica = await openBarrier(inner, seal);
    await barrier.reseal(other);
    expect(await read(await openBarrier(inner, other), 'a', 'key')).toBe('value');
    await expect(openBarrier(inner, seal)).rejects.toThrow('sealed with a hsm seal, not a fake one');
    await barrier.rotateRoot();
    expect(await read(await openBarrier(inner, other), 'a', 'key')).toBe('value');
    // A replica that was not told of the other seal would put a new root key under the former one.
    await expect(replica.rotateRoot()).rejects.toThrow('sealed with a hsm seal, not a fake one');
  });
});

describe('opening the barrier', () => {
  it('makes nothing unless asked, and one root key when two processes begin at once', async () => {
    const empty = new MemoryStore();
    await expect(openBarrier(empty, seal)).rejects.toThrow(/no root key/);
    expect(await empty.get('system/barrier', 'root')).toBeUndefined();
    const [left, right] = await Promise.all([openBarrier(empty, seal, create), openBarrier(empty, seal, create)]);
    await put(left, 'a', 'key', 'value');
    expect(await read(right, 'a', 'key')).toBe('value');
  });

  it('makes no new root key in a store that has lost its own', async () => {
    await inner.transact((transaction) => transaction.delete('system/barrier', 'root'));
    await expect(openBarrier(inner, seal, create)).rejects.toThrow(/holds data but no root key.*Restore/s);
  });

  it('says what to do when the seal is of another kind', async () => {
    await expect(openBarrier(inner, fakeSeal('hsm'))).rejects.toThrow('sealed with a fake seal, not a hsm one');
  });

  it('says what to do when root key or keyring were changed, swapped or lost', async () => {
    const other = new MemoryStore();
    await openBarrier(other, seal, create);
    const foreignRoot = (await other.get('system/barrier', 'root'))?.value ?? Buffer.alloc(0);
    const root = await raw('system/barrier', 'root');
    await overwrite('system/barrier', 'root', foreignRoot);
    await expect(openBarrier(inner, seal)).rejects.toThrow(/keyring does not open under the root key.*Restore/);
    await overwrite('system/barrier', 'root', Buffer.from('{'));
    await expect(openBarrier(inner, seal)).rejects.toThrow(/root key is damaged.*Restore/);
    await overwrite('system/barrier', 'root', root);
    await overwrite('system/barrier', 'keyring', await raw('system/barrier', 'keyring'));
    await expect(openBarrier(inner, seal)).rejects.toThrow(/keyring does not open/);
    await inner.transact((transaction) => transaction.delete('system/barrier', 'keyring'));
    await expect(openBarrier(inner, seal)).rejects.toThrow(/no keyring/);
  });
});
