import { beforeEach, describe, expect, it } from 'vitest';
import { Purge } from '../../src/kms/purge.ts';
import { KmsScene } from './kms-scene.ts';

const day = 86_400_000;
const nothing = { keys: [], secrets: [], dataKeys: [] };
let kms: KmsScene;
let purge: Purge;
let KeyId: string;
beforeEach(async () => {
  kms = new KmsScene();
  purge = new Purge(kms.dependencies);
  KeyId = await kms.newKey();
  await kms.call('CreateAlias', { AliasName: 'alias/a', KeyId });
  await kms.call('CreateSecret', { SecretName: 's', SecretData: 'x', VersionId: '1' });
  await kms.call('CreateManagedDataKey', { DataKeyName: 'd', KeyId: await kms.newKey() });
});

const schedule = async (): Promise<void> => {
  await kms.call('ScheduleKeyDeletion', { KeyId, PendingWindowInDays: '7' });
  await kms.call('DeleteSecret', { SecretName: 's', RecoveryWindowInDays: '7' });
  await kms.call('DeleteManagedDataKey', { DataKeyName: 'd', RecoveryWindowInDays: '7' });
};

describe('Purge', () => {
  it('removes what is due, material, aliases and values too, and leaves tombstones for keys', async () => {
    const { CiphertextBlob } = await kms.call('Encrypt', { KeyId, Plaintext: 'eA==' });
    await schedule();
    kms.clock.advance(7 * day - 1);
    expect(await purge.round()).toEqual(nothing);
    expect(await kms.keyState(KeyId)).toBe('PendingDeletion');
    kms.clock.advance(1);
    expect(await purge.round()).toEqual({ keys: [KeyId], secrets: ['s'], dataKeys: ['d'] });
    expect(await kms.failure('DescribeKey', { KeyId })).toMatch(/^Forbidden.KeyNotFound: /);
    expect(await kms.failure('Decrypt', { CiphertextBlob })).toMatch(/^InvalidCiphertext: /);
    expect(await kms.failure('DescribeSecret', { SecretName: 's' })).toMatch(/^Forbidden.ResourceNotFound: /);
    expect(await kms.call('ListAliases')).toMatchObject({ TotalCount: 0 });
    expect(await kms.store.scan('kms/secret-versions')).toEqual([]);
    const versions = await kms.store.scan('kms/key-versions');
    expect(versions.filter(({ value }) => Buffer.from(value).includes(KeyId))).toEqual([]);
    expect(await kms.failure('GetManagedDataKey', { DataKeyName: 'd' })).toMatch(/^Forbidden.ResourceNotFound: /);
    expect((await kms.store.scan('kms/tombstones')).map(({ key }) => key)).toEqual([
      expect.stringMatching(/^data-key\/[0-9a-f-]{36}$/),
      `key/${KeyId}`,
    ]);
  });

  it('E8: a clock set forward deletes nothing early', async () => {
    await schedule();
    kms.clock.stepWallClockTo(kms.clock.now() + 400 * day);
    expect(await purge.round()).toEqual(nothing);
    kms.clock.advance(6 * day);
    expect(await purge.round()).toEqual(nothing);
    kms.clock.advance(day);
    expect(await purge.round()).toEqual({ keys: [KeyId], secrets: ['s'], dataKeys: ['d'] });
  });

  it('E8: a clock set back deletes nothing early either', async () => {
    await schedule();
    kms.clock.advance(7 * day);
    kms.clock.stepWallClockTo(kms.clock.now() - 3 * day);
    expect(await purge.round()).toEqual(nothing);
    kms.clock.advance(3 * day);
    expect(await purge.round()).toEqual({ keys: [KeyId], secrets: ['s'], dataKeys: ['d'] });
  });

  it('does not count the time before a restart twice, nor the time it was stopped', async () => {
    await schedule();
    kms.clock.advance(4 * day);
    await purge.round();
    kms.clock.advance(30 * day);
    const restarted = new Purge(kms.dependencies);
    expect(await restarted.round()).toEqual(nothing);
    kms.clock.advance(3 * day);
    expect(await restarted.round()).toEqual({ keys: [KeyId], secrets: ['s'], dataKeys: ['d'] });
  });

  it('leaves alone what was kept, and starts a new window from its beginning', async () => {
    await schedule();
    kms.clock.advance(6 * day);
    await purge.round();
    await kms.call('CancelKeyDeletion', { KeyId });
    await kms.call('RestoreSecret', { SecretName: 's' });
    await kms.call('RestoreManagedDataKey', { DataKeyName: 'd' });
    await schedule();
    kms.clock.advance(6 * day);
    expect(await purge.round()).toEqual(nothing);
    expect(await kms.keyState(KeyId)).toBe('PendingDeletion');
  });
});
