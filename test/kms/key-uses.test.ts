import { describe, expect, it } from 'vitest';
import { KeyUses } from '../../src/kms/key-uses.ts';
import { MemoryStore } from '../../src/storage/memory-store.ts';
import { keyUseTable } from '../../src/kms/records/key-use.ts';
import { KmsScene } from './kms-scene.ts';

async function takeAll(uses: KeyUses, versionId = 'v'): Promise<number> {
  let taken = 0;
  while (await uses.take(versionId)) taken += 1;
  return taken;
}

describe('the uses of a key version', () => {
  it('E7: are as many as the limit, whatever the blocks in which they are set aside', async () => {
    for (const firstBlock of [1, 3, 64, 1000]) {
      expect(await takeAll(new KeyUses(new MemoryStore(), { usesPerVersion: 100, firstBlock }))).toBe(100);
    }
  });

  it('E7: are shared by all replicas, and counted on after a restart', async () => {
    const store = new MemoryStore();
    const options = { usesPerVersion: 1000, firstBlock: 4 };
    const replicas = [new KeyUses(store, options), new KeyUses(store, options), new KeyUses(store, options)];
    const taken = await Promise.all(replicas.map((replica) => takeAll(replica)));
    expect(taken.reduce((sum, one) => sum + one, 0)).toBe(1000);
    expect(await new KeyUses(store, options).take('v')).toBe(false);
    expect(await new KeyUses(store, options).take('another')).toBe(true);
  });

  it('E7: what a process had set aside when it ended counts as used', async () => {
    const store = new MemoryStore();
    const options = { usesPerVersion: 100, firstBlock: 60 };
    await new KeyUses(store, options).take('v');
    expect(await takeAll(new KeyUses(store, options))).toBe(40);
  });

  it('write the store once for a block, which doubles; calls at the same time share it', async () => {
    const store = new MemoryStore();
    let writes = 0;
    store.watch(() => (writes += 1));
    const uses = new KeyUses(store);
    await Promise.all(Array.from({ length: 1024 }, () => uses.take('v')));
    expect(writes).toBe(1);
    for (let i = 0; i < 2048; i += 1) await uses.take('v');
    expect(writes).toBe(2);
    expect(await keyUseTable.get(store, 'v')).toEqual({ reserved: 1024 + 2048 });
  });
});

describe('a key whose version has no use left', () => {
  /** Four uses a version. */
  const tiredScene = (): KmsScene => new KmsScene([], {}, { usesPerVersion: 4, firstBlock: 2 });

  it('E7: is rotated before it encrypts again, once, and decrypts all it ever made', async () => {
    const kms = tiredScene();
    const KeyId = await kms.newKey();
    const made = await Promise.all(Array.from({ length: 10 }, () => kms.call('Encrypt', { KeyId, Plaintext: 'eA==' })));
    const counts = Map.groupBy(made, ({ KeyVersionId }) => KeyVersionId);
    expect([...counts.values()].map(({ length }) => length).toSorted((a, b) => a - b)).toEqual([2, 4, 4]);
    expect(await kms.call('ListKeyVersions', { KeyId })).toMatchObject({ TotalCount: 3 });
    for (const { CiphertextBlob } of made) {
      expect(await kms.call('Decrypt', { CiphertextBlob })).toMatchObject({ KeyId, Plaintext: 'eA==' });
    }
  });

  it('E7: is refused when no new material can be made for it', async () => {
    const kms = tiredScene();
    const KeyId = await kms.newKey();
    await kms.store.transact(async (transaction) => {
      const stored = await transaction.get('kms/keys', KeyId);
      const record = JSON.parse(Buffer.from(stored?.value ?? '').toString('utf8')) as Record<string, unknown>;
      const imported = { check: '', present: true };
      await transaction.put(
        'kms/keys',
        KeyId,
        Buffer.from(JSON.stringify({ ...record, origin: 'EXTERNAL', imported })),
      );
    });
    for (let i = 0; i < 4; i += 1) await kms.call('Encrypt', { KeyId, Plaintext: 'eA==' });
    expect(await kms.failure('Encrypt', { KeyId, Plaintext: 'eA==' })).toBe(
      `Rejected.LimitExceeded: Key ${KeyId} has encrypted as often as its material may. Create a new key.`,
    );
  });
});
