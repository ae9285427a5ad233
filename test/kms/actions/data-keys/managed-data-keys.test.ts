import { beforeEach, describe, expect, it } from 'vitest';
import { createAccessFacts } from '../../../../src/kms/access-facts.ts';
import { instance, XkiScene } from '../../../support/xki-scene.ts';
import { arn, KmsScene, type Answer } from '../../kms-scene.ts';

const DataKeyName = 'shop/files';
const day = 86_400_000;
let kms: KmsScene;
let KeyId: string;
beforeEach(async () => {
  kms = new KmsScene();
  KeyId = await kms.newKey();
});

const create = (parameters: Answer = {}): Promise<Answer> =>
  kms.call('CreateManagedDataKey', { DataKeyName, KeyId, ...parameters });
const rotate = (): Promise<Answer> => kms.call('CreateManagedDataKeyVersion', { DataKeyName });
const get = (parameters: Answer = {}): Promise<Answer> => kms.call('GetManagedDataKey', { DataKeyName, ...parameters });
const bytesOf = ({ Plaintext }: Answer): Buffer => Buffer.from(String(Plaintext), 'base64');

describe('A managed data key', () => {
  it('is made with a version, whose name holds the names of both, and is the same at each reading', async () => {
    const { DataKeyVersionId: id, ...made } = await create();
    expect(id).toMatch(/^[A-Za-z0-9]{8}$/);
    const DataKeyVersionName = `kms-datakeyversion!shop/files!${String(id)}`;
    expect(made).toEqual({ KeyId, DataKeyName, DataKeyVersionName });
    const answer = await get();
    expect(answer).toEqual({
      DataKeyName,
      DataKeyVersionId: id,
      DataKeyVersionName,
      Plaintext: expect.stringMatching(/^[A-Za-z0-9+/]{43}=$/),
    });
    expect(await get()).toEqual(answer);
  });

  it('gives the version that is named, else the last with UseLatest, else the first', async () => {
    const made = [await create(), await rotate(), await rotate()];
    const [first, second, third] = made.map(({ DataKeyVersionId }) => DataKeyVersionId);
    const versionOf = async (parameters: Answer): Promise<unknown> => (await get(parameters))['DataKeyVersionId'];
    expect(await versionOf({})).toBe(first);
    expect(await versionOf({ UseLatest: 'false' })).toBe(first);
    expect(await versionOf({ UseLatest: 'true' })).toBe(third);
    expect(await versionOf({ UseLatest: 'true', DataKeyVersionId: second })).toBe(second);
    const texts = await Promise.all([first, second, third].map((DataKeyVersionId) => get({ DataKeyVersionId })));
    expect(new Set(texts.map(({ Plaintext }) => Plaintext)).size).toBe(3);
    expect(await kms.failure('GetManagedDataKey', { DataKeyName, DataKeyVersionId: 'xH6OPUmz' })).toBe(
      'Forbidden.ResourceNotFound: Managed data key shop/files has no such version. ' +
        'ListManagedDataKeyVersions shows those that exist.',
    );
  });

  it.each([
    [{ KeySpec: 'AES_128' }, 16],
    [{ NumberOfBytes: '1024' }, 1024],
    [{ NumberOfBytes: '5', KeySpec: 'AES_256' }, 5],
  ])('made with %j has %i bytes in each version', async (parameters, length) => {
    await create(parameters);
    await rotate();
    expect(bytesOf(await get())).toHaveLength(length);
    expect(bytesOf(await get({ UseLatest: true }))).toHaveLength(length);
  });

  it('lists its versions, oldest first and page by page, without their values', async () => {
    const made = [await create(), await rotate(), await rotate()];
    const named = made.map(({ DataKeyVersionId, DataKeyVersionName }) => ({ DataKeyVersionId, DataKeyVersionName }));
    const list = (page: Answer): Promise<Answer> => kms.call('ListManagedDataKeyVersions', { DataKeyName, ...page });
    expect(await list({})).toEqual({
      DataKeyName,
      ManagedDataKeyVersions: { ManagedDataKeyVersion: named },
      PageNumber: 1,
      PageSize: 10,
      TotalCount: 3,
    });
    expect(await list({ PageSize: '2', PageNumber: '2' })).toMatchObject({
      ManagedDataKeyVersions: { ManagedDataKeyVersion: [named[2]] },
    });
    expect(await kms.failure('ListManagedDataKeyVersions', { DataKeyName, PageSize: '101' })).toMatch(
      /^InvalidParameter: /,
    );
  });

  it('is listed with its key, and never with its value', async () => {
    await create();
    await rotate();
    const values = [await get(), await get({ UseLatest: true })].map(({ Plaintext }) => String(Plaintext));
    const listed = await kms.call('ListManagedDataKeys');
    expect(listed).toEqual({
      ManagedDataKeys: {
        ManagedDataKey: [
          { CreateTime: '2026-01-01T00:00:00Z', DataKeyName, KeyId, PlannedDeleteTime: '', VersionCount: 2 },
        ],
      },
      PageNumber: 1,
      PageSize: 10,
      TotalCount: 1,
    });
    const stored = (await kms.store.scan('kms/data-keys')).map(({ value }) => Buffer.from(value).toString('utf8'));
    expect(stored).toHaveLength(1);
    for (const value of values) expect(JSON.stringify([listed, stored])).not.toContain(value);
  });

  it('keeps every version, and takes no more than a hundred', async () => {
    const { Plaintext, ...made } = { ...(await create()), ...(await get()) };
    for (let count = 1; count < 100; count += 1) await rotate();
    expect(await kms.failure('CreateManagedDataKeyVersion', { DataKeyName })).toBe(
      'Rejected.LimitExceeded: Managed data key shop/files has 100 versions already. Create a new data key.',
    );
    expect(await get({ DataKeyVersionId: made['DataKeyVersionId'] })).toMatchObject({ Plaintext });
  });

  it('rotated many times at once gets every version', async () => {
    await create();
    const made = await Promise.all(Array.from({ length: 8 }, rotate));
    const { TotalCount } = await kms.call('ListManagedDataKeyVersions', { DataKeyName });
    expect(new Set(made.map(({ DataKeyVersionId }) => DataKeyVersionId)).size).toBe(8);
    expect(TotalCount).toBe(9);
  });

  it.each(['', 'a!b', 'a//b', '../a', 'a b', 'a*', 'é', 'x'.repeat(129)])('is not named %j', async (name) => {
    expect(await kms.failure('CreateManagedDataKey', { DataKeyName: name, KeyId })).toMatch(
      /^(?:InvalidParameter|MissingParameter): /,
    );
  });

  it('has a name of its own, also while it is about to be deleted', async () => {
    await create();
    await expect(create()).rejects.toMatchObject({ code: 'Rejected.ResourceExist' });
    await kms.call('DeleteManagedDataKey', { DataKeyName });
    await expect(create()).rejects.toMatchObject({ code: 'Rejected.ResourceInDeleteWindow' });
  });

  it('is one for all who make it at the same time', async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 4 }, () => create()));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });
});

describe('The key that protects a managed data key', () => {
  it('E1: disabled, or about to be deleted, makes it unreadable at once', async () => {
    await create();
    const { Plaintext } = await get();
    await kms.call('DisableKey', { KeyId });
    await expect(get()).rejects.toMatchObject({ code: 'Rejected.Disabled' });
    await expect(rotate()).rejects.toMatchObject({ code: 'Rejected.Disabled' });
    await kms.call('EnableKey', { KeyId });
    expect(await get()).toMatchObject({ Plaintext });
    await kms.call('ScheduleKeyDeletion', { KeyId, PendingWindowInDays: '7' });
    await expect(get()).rejects.toMatchObject({ code: 'Rejected.PendingDeletion' });
  });

  it('may rotate: versions before and after stay readable', async () => {
    await create();
    const { Plaintext } = await get();
    kms.clock.advance(7 * day);
    await kms.call('CreateKeyVersion', { KeyId });
    await rotate();
    expect(await get()).toMatchObject({ Plaintext });
    expect(bytesOf(await get({ UseLatest: 'true' }))).toHaveLength(32);
  });

  it.each([
    [{ KeySpec: 'RSA_2048' }, /^UnsupportedOperation: /],
    [{ KeySpec: 'HMAC_SHA_256', KeyUsage: 'GENERATE/VERIFY MAC' }, /^UnsupportedOperation: /],
  ])('is symmetric, and not %j', async (parameters, error) => {
    const other = await kms.newKey(parameters);
    expect(await kms.failure('CreateManagedDataKey', { DataKeyName, KeyId: other })).toMatch(error);
  });

  it('may be its owner’s: his disable makes it unreadable within a second', async () => {
    const owner = await XkiScene.start();
    kms = new KmsScene([{ id: instance, type: 'External' }], { xki: owner.provider(owner.client()) });
    KeyId = await kms.newKey({ DKMSInstanceId: instance, ExternalKeyId: 'full' });
    try {
      await create();
      expect(bytesOf(await get())).toHaveLength(32);
      await owner.setStatus('full', 'DISABLED');
      await expect
        .poll(() => get().then(String, String), { timeout: 1000, interval: 50 })
        .toContain('The external key full is DISABLED at its owner');
    } finally {
      await owner.close();
    }
  });

  it('E5: does not open a version under the name of another', async () => {
    await create();
    await rotate();
    const [stored] = await kms.store.scan('kms/data-keys');
    const record = JSON.parse(Buffer.from(stored?.value ?? '').toString('utf8')) as {
      versions: { id: string; ciphertextBlob: string }[];
    };
    const [one, two] = record.versions;
    [one!.ciphertextBlob, two!.ciphertextBlob] = [two!.ciphertextBlob, one!.ciphertextBlob];
    await kms.store.transact((transaction) =>
      transaction.put('kms/data-keys', DataKeyName, Buffer.from(JSON.stringify(record))),
    );
    await expect(get()).rejects.toMatchObject({ code: 'InvalidCiphertext' });
  });
});

describe('Permissions on managed data keys', () => {
  it('are those on the data key, and to use the protecting key as the call does', async () => {
    const onKey = (action: string): string => `kms:${action} on ${arn(`key/${KeyId}`)}`;
    const on = (action: string, name = 'shop/files'): string => `kms:${action} on ${arn(`datakey/${name}`)}`;
    expect(await kms.access('CreateManagedDataKey', { DataKeyName, KeyId })).toEqual([
      `kms:CreateManagedDataKey on ${arn('datakey')}`,
      onKey('GenerateDataKey'),
    ]);
    await create();
    const access = (action: string): Promise<string[]> => kms.access(action, { DataKeyName });
    expect(await access('GetManagedDataKey')).toEqual([on('GetManagedDataKey'), onKey('Decrypt')]);
    expect(await access('CreateManagedDataKeyVersion')).toEqual([
      on('CreateManagedDataKeyVersion'),
      onKey('GenerateDataKey'),
    ]);
    for (const action of ['ListManagedDataKeyVersions', 'DeleteManagedDataKey', 'RestoreManagedDataKey'])
      expect(await access(action)).toEqual([on(action)]);
    expect(await kms.access('GetManagedDataKey', { DataKeyName: 'none' })).toEqual([on('GetManagedDataKey', 'none')]);
    expect(await kms.access('ListManagedDataKeys')).toEqual([`kms:ListManagedDataKeys on ${arn('datakey')}`]);
  });

  it('are explained as they are asked for', async () => {
    await create();
    const facts = createAccessFacts(kms.dependencies);
    for (const action of ['GetManagedDataKey', 'CreateManagedDataKeyVersion', 'DeleteManagedDataKey']) {
      const asked = await kms.accessRequests(action, { DataKeyName });
      expect(await facts.requestsFor(`kms:${action}`, `datakey/${DataKeyName}`)).toEqual(asked);
    }
  });

  it('B5: a plan made for a data key does not read another one that took its name', async () => {
    await create();
    const plan = await kms.plan('GetManagedDataKey', { DataKeyName });
    await kms.call('DeleteManagedDataKey', { DataKeyName, ForceDeleteWithoutRecovery: 'true' });
    await create({ KeyId: await kms.newKey() });
    await expect(plan.run()).rejects.toMatchObject({ code: 'Forbidden.ResourceNotFound' });
  });
});

describe('DeleteManagedDataKey and RestoreManagedDataKey', () => {
  it('keep a data key for its window, out of use, and give it back', async () => {
    await create();
    const { Plaintext } = await get();
    expect(await kms.call('DeleteManagedDataKey', { DataKeyName, RecoveryWindowInDays: '7' })).toEqual({
      DataKeyName,
      PlannedDeleteTime: '2026-01-08T00:00:00Z',
    });
    await expect(get()).rejects.toMatchObject({ code: 'Rejected.ResourceInDeleteWindow' });
    await expect(rotate()).rejects.toMatchObject({ code: 'Rejected.ResourceInDeleteWindow' });
    expect(JSON.stringify(await kms.call('ListManagedDataKeys'))).toContain(
      '"PlannedDeleteTime":"2026-01-08T00:00:00Z"',
    );
    await kms.call('RestoreManagedDataKey', { DataKeyName });
    expect(await get()).toMatchObject({ Plaintext });
    expect(await kms.failure('RestoreManagedDataKey', { DataKeyName })).toMatch(/^Rejected.StateModifiedFailed: /);
  });

  it('E8: a window once set is not shortened, neither by days nor by force', async () => {
    await create();
    await kms.call('DeleteManagedDataKey', { DataKeyName });
    for (const shorter of [{ RecoveryWindowInDays: '7' }, { ForceDeleteWithoutRecovery: 'true' }])
      expect(await kms.failure('DeleteManagedDataKey', { DataKeyName, ...shorter })).toMatch(
        /^Rejected.ResourceInDeleteWindow: /,
      );
  });

  it('by force remove it at once, leave a tombstone, and free the name', async () => {
    const { DataKeyVersionId } = await create();
    await kms.call('DeleteManagedDataKey', { DataKeyName, ForceDeleteWithoutRecovery: 'true' });
    expect(await kms.store.scan('kms/data-keys')).toEqual([]);
    expect(await kms.store.scan('kms/tombstones')).toHaveLength(1);
    await create();
    await expect(get({ DataKeyVersionId })).rejects.toMatchObject({ code: 'Forbidden.ResourceNotFound' });
  });
});
