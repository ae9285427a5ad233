import { beforeEach, describe, expect, it } from 'vitest';
import { secretVersionKey, secretVersionTable } from '../../../../src/kms/records/secret-version.ts';
import { account, arn, KmsScene } from '../../kms-scene.ts';

const day = 86_400_000;
let kms: KmsScene;
beforeEach(() => {
  kms = new KmsScene();
});

const create = (parameters: Record<string, unknown> = {}): Promise<Record<string, unknown>> =>
  kms.call('CreateSecret', { SecretName: 'shop/db', SecretData: 'one', VersionId: 'v1', ...parameters });
const put = (
  VersionId: string,
  SecretData: string,
  parameters: Record<string, unknown> = {},
): Promise<Record<string, unknown>> =>
  kms.call('PutSecretValue', { SecretName: 'shop/db', VersionId, SecretData, ...parameters });
const get = (parameters: Record<string, unknown> = {}): Promise<Record<string, unknown>> =>
  kms.call('GetSecretValue', { SecretName: 'shop/db', ...parameters });

/** Version id → its stages, all versions. */
async function stages(): Promise<Record<string, string[]>> {
  const { VersionIds } = await kms.call('ListSecretVersionIds', { SecretName: 'shop/db', IncludeDeprecated: 'true' });
  const { VersionId } = VersionIds as { VersionId: { VersionId: string; VersionStages: { VersionStage: string[] } }[] };
  return Object.fromEntries(VersionId.map((entry) => [entry.VersionId, entry.VersionStages.VersionStage]));
}

describe('CreateSecret', () => {
  it('stores the first version as ACSCurrent and answers with the fields of the API', async () => {
    expect(await create({ Description: 'database', Tags: '[{"TagKey":"team","TagValue":"shop"}]' })).toEqual({
      Arn: arn('secret/shop/db'),
      AutomaticRotation: 'Disabled',
      DKMSInstanceId: '',
      ExtendedConfig: '',
      NextRotationDate: '',
      RotationInterval: '',
      SecretName: 'shop/db',
      SecretType: 'Generic',
      VersionId: 'v1',
    });
    expect(await get()).toEqual({
      AutomaticRotation: 'Disabled',
      CreateTime: '2026-01-01T00:00:00Z',
      ExtendedConfig: '',
      LastRotationDate: '',
      NextRotationDate: '',
      RotationInterval: '',
      SecretData: 'one',
      SecretDataType: 'text',
      SecretName: 'shop/db',
      SecretType: 'Generic',
      VersionId: 'v1',
      VersionStages: { VersionStage: ['ACSCurrent'] },
    });
    expect(await kms.call('DescribeSecret', { SecretName: arn('secret/shop/db'), FetchTags: 'true' })).toEqual({
      Arn: arn('secret/shop/db'),
      AutomaticRotation: 'Disabled',
      CreateTime: '2026-01-01T00:00:00Z',
      DKMSInstanceId: '',
      Description: 'database',
      EncryptionKeyId: '',
      ExtendedConfig: '',
      LastRotationDate: '',
      NextRotationDate: '',
      OwingService: '',
      PlannedDeleteTime: '',
      RotationInterval: '',
      SecretName: 'shop/db',
      SecretType: 'Generic',
      Tags: { Tag: [{ TagKey: 'team', TagValue: 'shop' }] },
      UpdateTime: '2026-01-01T00:00:00Z',
    });
  });

  it('E9: no stored value holds the secret in plain', async () => {
    await create({ SecretData: 'canary-4711' });
    for (const bucket of ['kms/secrets', 'kms/secret-versions']) {
      for (const { value } of await kms.store.scan(bucket)) {
        const text = Buffer.from(value).toString('utf8');
        expect(text).not.toContain('canary-4711');
        expect(text).not.toContain(Buffer.from('canary-4711').toString('base64'));
      }
    }
  });

  it('a value moved to another secret or version does not open', async () => {
    await create();
    await put('v2', 'two');
    const table = secretVersionTable;
    const first = await table.get(kms.store, secretVersionKey('shop/db', 'v1'));
    if (first === undefined) throw new Error('v1 is not stored');
    await kms.store.transact((transaction) => table.put(transaction, secretVersionKey('shop/db', 'v2'), first));
    await expect(get({ VersionId: 'v2' })).rejects.toMatchObject({ code: 'InvalidCiphertext' });
  });

  it('is refused for a name that is taken, and succeeds once when two race', async () => {
    const results = await Promise.allSettled([create({ SecretData: 'a' }), create({ SecretData: 'b' })]);
    expect(results.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(await kms.failure('CreateSecret', { SecretName: 'shop/db', SecretData: 'x', VersionId: 'v1' })).toBe(
      'Rejected.ResourceExist: Secret shop/db exists already. Change it with PutSecretValue.',
    );
  });

  it.each(['acs/x', 'a//b', '/a', 'a/', 'a/../b', '.', 'ä', 'a b', 'a%2fb', 'a*', '', 'x'.repeat(193)])(
    'D1: refuses the name %j',
    async (SecretName) => {
      expect(await kms.failure('CreateSecret', { SecretName, SecretData: 'x', VersionId: '1' })).toBe(
        'InvalidParameter: The parameter SecretName is not valid. It must be 1 to 192 letters, digits or _/+=.@-, without empty, "." or ".." segments, and not begin with acs/.',
      );
    },
  );

  it('B4: names that differ in case are two secrets', async () => {
    await create();
    await create({ SecretName: 'shop/DB', SecretData: 'other' });
    expect(await get()).toMatchObject({ SecretData: 'one' });
    expect(await get({ SecretName: 'shop/DB' })).toMatchObject({ SecretData: 'other' });
  });

  it('takes 30720 bytes and no more; binary values are base64', async () => {
    await create({ SecretData: 'é'.repeat(15_360) });
    const tooLong = 'InvalidParameter: The parameter SecretData is not valid. It must be 1 to 30720 bytes.';
    const parameters = { SecretName: 'b', VersionId: '1' };
    expect(await kms.failure('CreateSecret', { ...parameters, SecretData: 'é'.repeat(15_361) })).toBe(tooLong);
    expect(await kms.failure('CreateSecret', { ...parameters, SecretData: '' })).toBe(
      'MissingParameter: CreateSecret needs the parameter SecretData.',
    );
    expect(
      await kms.failure('CreateSecret', { ...parameters, SecretData: 'no base64', SecretDataType: 'binary' }),
    ).toBe('InvalidParameter: The parameter SecretData must be base64 when SecretDataType is binary.');
    await kms.call('CreateSecret', { ...parameters, SecretData: 'AAEC', SecretDataType: 'binary' });
    expect(await kms.call('GetSecretValue', { SecretName: 'b' })).toMatchObject({
      SecretData: 'AAEC',
      SecretDataType: 'binary',
    });
  });
});

describe('SecretDataGenerator', () => {
  it('makes the value in the service: the answer does not hold it', async () => {
    const rules = '{"PasswordLength":"40","ExcludePunctuation":"true"}';
    const answer = await create({ SecretData: undefined, SecretDataGenerator: rules });
    const { SecretData } = await get();
    expect(SecretData).toMatch(/^[A-Za-z0-9]{40}$/);
    expect(JSON.stringify(answer)).not.toContain(SecretData);
  });

  it('does not go together with SecretData', async () => {
    const both = { SecretName: 'b', VersionId: '1', SecretData: 'x', SecretDataGenerator: '{}' };
    expect(await kms.failure('CreateSecret', both)).toBe(
      'InvalidParameter: Give SecretData or SecretDataGenerator, not both.',
    );
  });
});

describe('permissions on secrets', () => {
  it('with the key of the service: on the secret alone', async () => {
    expect(await kms.access('CreateSecret', { SecretName: 'n', SecretData: 'x', VersionId: '1' })).toEqual([
      `kms:CreateSecret on ${arn('secret')}`,
    ]);
    await create();
    expect(await kms.access('GetSecretValue', { SecretName: 'shop/db' })).toEqual([
      `kms:GetSecretValue on ${arn('secret/shop/db')}`,
    ]);
    expect(await kms.access('GetSecretValue', { SecretName: 'shop/none' })).toEqual([
      `kms:GetSecretValue on ${arn('secret/shop/none')}`,
    ]);
  });

  it('with a self-managed key: also on the key, which access points imply', async () => {
    const key = await kms.newKey();
    await create({ EncryptionKeyId: key });
    expect(await kms.accessRequests('GetSecretValue', { SecretName: 'shop/db' })).toEqual([
      { action: 'kms:GetSecretValue', resource: arn('secret/shop/db'), scope: 'shared', tags: {} },
      { action: 'kms:Decrypt', resource: arn(`key/${key}`), scope: 'shared', tags: {}, impliedByAccessPoint: true },
    ]);
    expect(await kms.access('PutSecretValue', { SecretName: 'shop/db', SecretData: 'x', VersionId: '2' })).toEqual([
      `kms:PutSecretValue on ${arn('secret/shop/db')}`,
      `kms:GenerateDataKey on ${arn(`key/${key}`)}`,
    ]);
  });

  it('B5: a plan made for a secret does not read another one that took its name', async () => {
    await create();
    const plan = await kms.plan('GetSecretValue', { SecretName: 'shop/db' });
    await kms.call('DeleteSecret', { SecretName: 'shop/db', ForceDeleteWithoutRecovery: 'true' });
    await create({ SecretData: 'new', EncryptionKeyId: await kms.newKey() });
    await expect(plan.run()).rejects.toMatchObject({ code: 'Forbidden.ResourceNotFound' });
  });
});

describe('a secret with a self-managed key', () => {
  it('E1: cannot be read or written while the key is disabled', async () => {
    const KeyId = await kms.newKey();
    await create({ EncryptionKeyId: KeyId });
    await kms.call('DisableKey', { KeyId });
    await expect(get()).rejects.toMatchObject({ code: 'Rejected.Disabled' });
    await expect(put('v2', 'two')).rejects.toMatchObject({ code: 'Rejected.Disabled' });
    await kms.call('EnableKey', { KeyId });
    expect(await get()).toMatchObject({ SecretData: 'one' });
  });

  it('must have a key of its own instance', async () => {
    const EncryptionKeyId = await kms.newKey({ DKMSInstanceId: 'kst-one' });
    await expect(create({ EncryptionKeyId })).rejects.toMatchObject({
      message: 'The parameter EncryptionKeyId must name a key of the same KMS instance.',
    });
    await create({ EncryptionKeyId, DKMSInstanceId: 'kst-one' });
    expect(await kms.call('DescribeSecret', { SecretName: 'shop/db' })).toMatchObject({
      EncryptionKeyId,
      DKMSInstanceId: 'kst-one',
    });
  });

  it('survives a rotation of the key', async () => {
    const KeyId = await kms.newKey();
    await create({ EncryptionKeyId: KeyId });
    kms.clock.advance(7 * day);
    await kms.call('CreateKeyVersion', { KeyId });
    await put('v2', 'two');
    expect(await get({ VersionStage: 'ACSPrevious' })).toMatchObject({ SecretData: 'one' });
    expect(await get()).toMatchObject({ SecretData: 'two' });
  });
});

describe('the key of the service', () => {
  it('is one for each instance, made once, and can be neither disabled nor deleted', async () => {
    await Promise.all(['a', 'b', 'c'].map((SecretName) => create({ SecretName })));
    const { Keys } = await kms.call('ListKeys', { Filters: '[{"Key":"CreatorType","Values":["Service"]}]' });
    const [key, ...others] = (Keys as { Key: { KeyId: string }[] }).Key;
    expect(others).toEqual([]);
    const message = `UnsupportedOperation: Key ${key?.KeyId} is kept by the service for secrets and stays enabled.`;
    expect(await kms.failure('DisableKey', { KeyId: key?.KeyId })).toBe(message);
    expect(await kms.failure('ScheduleKeyDeletion', { KeyId: key?.KeyId, PendingWindowInDays: '7' })).toBe(message);
  });
});

describe('PutSecretValue', () => {
  it('moves ACSCurrent to the new version and ACSPrevious to the one before', async () => {
    await create();
    expect(await put('v2', 'two')).toEqual({
      SecretName: 'shop/db',
      VersionId: 'v2',
      VersionStages: { VersionStage: ['ACSCurrent'] },
    });
    await put('v3', 'three');
    expect(await stages()).toEqual({ v3: ['ACSCurrent'], v2: ['ACSPrevious'], v1: [] });
    expect(await get({ VersionStage: 'ACSPrevious' })).toMatchObject({ SecretData: 'two', VersionId: 'v2' });
    expect(await get({ VersionId: 'v1' })).toMatchObject({ SecretData: 'one', VersionStages: { VersionStage: [] } });
  });

  it('succeeds again with the same value, and refuses another one under the same version id', async () => {
    await create();
    await put('v2', 'two');
    expect(await put('v2', 'two')).toMatchObject({ VersionId: 'v2' });
    const refused =
      'Rejected.ResourceExist: Secret shop/db has a version of this VersionId with another value. Use a new VersionId.';
    const again = { SecretName: 'shop/db', VersionId: 'v2' };
    expect(await kms.failure('PutSecretValue', { ...again, SecretData: 'other' })).toBe(refused);
    expect(await kms.failure('PutSecretValue', { ...again, SecretData: 'dHdv', SecretDataType: 'binary' })).toBe(
      refused,
    );
  });

  it('calls that race with the same version store one value', async () => {
    await create();
    const same = await Promise.all(Array.from({ length: 5 }, () => put('v2', 'two')));
    expect(same.map(({ VersionId }) => VersionId)).toEqual(Array.from({ length: 5 }, () => 'v2'));
    const different = await Promise.allSettled(['x', 'y', 'z'].map((value) => put('v3', value)));
    expect(different.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('keeps ten versions, and drops the oldest that is neither current nor previous', async () => {
    await create();
    for (let version = 2; version <= 12; version += 1) await put(`v${version}`, `value ${version}`);
    expect(Object.keys(await stages())).toEqual(['v12', 'v11', 'v10', 'v9', 'v8', 'v7', 'v6', 'v5', 'v4', 'v3']);
    expect(await kms.store.get('kms/secret-versions', secretVersionKey('shop/db', 'v2'))).toBeUndefined();
    await expect(get({ VersionId: 'v2' })).rejects.toMatchObject({
      code: 'Forbidden.ResourceNotFound',
      message: 'Secret shop/db has no such version. ListSecretVersionIds shows those that exist and their stages.',
    });
  });

  it('takes stages of its own, without moving ACSCurrent', async () => {
    await create();
    await put('v2', 'two', { VersionStages: '["test"]' });
    expect(await get()).toMatchObject({ SecretData: 'one' });
    expect(await get({ VersionStage: 'test' })).toMatchObject({ SecretData: 'two' });
    await expect(get({ VersionId: 'v1', VersionStage: 'test' })).rejects.toMatchObject({
      code: 'Forbidden.ResourceNotFound',
    });
    await expect(get({ VersionStage: 'constructor' })).rejects.toMatchObject({ code: 'Forbidden.ResourceNotFound' });
  });
});

describe('UpdateSecretVersionStage', () => {
  it('moves stages, and ACSPrevious follows ACSCurrent', async () => {
    await create();
    await put('v2', 'two');
    await put('v3', 'three');
    const move = { SecretName: 'shop/db', VersionStage: 'ACSCurrent', MoveToVersion: 'v1', RemoveFromVersion: 'v3' };
    await kms.call('UpdateSecretVersionStage', move);
    expect(await stages()).toEqual({ v3: ['ACSPrevious'], v2: [], v1: ['ACSCurrent'] });
  });

  it('does not merely remove ACSCurrent or ACSPrevious', async () => {
    await create();
    const message =
      'MissingParameter: The parameter MoveToVersion is required: only a stage of your own can be removed without it.';
    const remove = { SecretName: 'shop/db', VersionStage: 'ACSCurrent', RemoveFromVersion: 'v1' };
    expect(await kms.failure('UpdateSecretVersionStage', remove)).toBe(message);
    await kms.call('UpdateSecretVersionStage', { SecretName: 'shop/db', VersionStage: 'mine', MoveToVersion: 'v1' });
    await kms.call('UpdateSecretVersionStage', { ...remove, VersionStage: 'mine' });
    expect(await stages()).toEqual({ v1: ['ACSCurrent'] });
    expect(await kms.failure('UpdateSecretVersionStage', { ...remove, VersionStage: 'mine' })).toBe(
      'InvalidParameter: The parameter RemoveFromVersion must name the version that has the stage.',
    );
    expect(
      await kms.failure('UpdateSecretVersionStage', {
        SecretName: 'shop/db',
        VersionStage: 'mine',
        MoveToVersion: 'v9',
      }),
    ).toMatch(/^Forbidden.ResourceNotFound: Secret shop\/db has no such version/);
  });
});

describe('BatchGetSecretValue', () => {
  it('gives values and errors side by side, and needs the permission on each', async () => {
    await create();
    await create({ SecretName: 'shop/api', SecretData: 'two' });
    const SecretsList = [{ SecretName: 'shop/db' }, { SecretName: 'shop/none' }, { SecretName: 'shop/api' }];
    expect(await kms.access('BatchGetSecretValue', { SecretsList })).toEqual(
      SecretsList.map(({ SecretName }) => `kms:GetSecretValue on ${arn(`secret/${SecretName}`)}`),
    );
    const { SecretValues, Errors } = await kms.call('BatchGetSecretValue', {
      SecretsList: JSON.stringify(SecretsList),
    });
    expect((SecretValues as { SecretData: string }[]).map(({ SecretData }) => SecretData)).toEqual(['one', 'two']);
    expect(Errors).toEqual([
      {
        Code: 'Forbidden.ResourceNotFound',
        HttpStatus: 404,
        Message: 'There is no secret shop/none. ListSecrets shows those that exist.',
        SecretName: 'shop/none',
      },
    ]);
    const many = Array.from({ length: 21 }, () => ({ SecretName: 'x' }));
    expect(await kms.failure('BatchGetSecretValue', { SecretsList: many })).toBe(
      'InvalidParameter: The parameter SecretsList is not valid. It must be a list of 1 to 20 {"SecretName"}.',
    );
  });
});

describe('DeleteSecret and RestoreSecret', () => {
  it('keep a secret for its window, out of use, and give it back', async () => {
    await create();
    expect(await kms.call('DeleteSecret', { SecretName: 'shop/db', RecoveryWindowInDays: '7' })).toEqual({
      PlannedDeleteTime: '2026-01-08T00:00:00Z',
      SecretName: 'shop/db',
    });
    const inWindow = 'Rejected.ResourceInDeleteWindow: Secret shop/db is about to be deleted.';
    expect(await kms.failure('GetSecretValue', { SecretName: 'shop/db' })).toBe(
      `${inWindow} Keep it with RestoreSecret.`,
    );
    expect(await kms.failure('CreateSecret', { SecretName: 'shop/db', SecretData: 'x', VersionId: '1' })).toBe(
      `${inWindow} Keep it with RestoreSecret, or use another name.`,
    );
    expect(await kms.failure('PutSecretValue', { SecretName: 'shop/db', SecretData: 'x', VersionId: '1' })).toMatch(
      inWindow,
    );
    expect(await kms.call('DescribeSecret', { SecretName: 'shop/db' })).toMatchObject({
      PlannedDeleteTime: '2026-01-08T00:00:00Z',
    });
    await kms.call('RestoreSecret', { SecretName: 'shop/db' });
    expect(await get()).toMatchObject({ SecretData: 'one' });
    expect(await kms.failure('RestoreSecret', { SecretName: 'shop/db' })).toBe(
      'Rejected.StateModifiedFailed: Secret shop/db is not about to be deleted.',
    );
  });

  it('E8: a window once set is not shortened, neither by days nor by force', async () => {
    await create();
    await kms.call('DeleteSecret', { SecretName: 'shop/db' });
    for (const shorter of [{ RecoveryWindowInDays: '7' }, { ForceDeleteWithoutRecovery: 'true' }]) {
      expect(await kms.failure('DeleteSecret', { SecretName: 'shop/db', ...shorter })).toMatch(
        /^Rejected.ResourceInDeleteWindow: /,
      );
    }
  });

  it('by force removes every value at once and frees the name', async () => {
    await create();
    await put('v2', 'two');
    await kms.call('DeleteSecret', { SecretName: 'shop/db', ForceDeleteWithoutRecovery: 'true' });
    expect(await kms.store.scan('kms/secret-versions')).toEqual([]);
    expect(await kms.failure('DescribeSecret', { SecretName: 'shop/db' })).toBe(
      'Forbidden.ResourceNotFound: There is no secret shop/db. ListSecrets shows those that exist.',
    );
    await create({ SecretData: 'new' });
    expect(await stages()).toEqual({ v1: ['ACSCurrent'] });
  });
});

describe('ListSecrets', () => {
  it('filters by name, exactly or by beginning, and by tags; never shows a value', async () => {
    await create({ Tags: '[{"TagKey":"team","TagValue":"shop"}]' });
    await create({ SecretName: 'other' });
    const names = async (Key: string, value: string): Promise<string[]> => {
      const { SecretList } = await kms.call('ListSecrets', { Filters: JSON.stringify([{ Key, Values: [value] }]) });
      return (SecretList as { Secret: { SecretName: string }[] }).Secret.map(({ SecretName }) => SecretName);
    };
    expect(await names('SecretName', 'shop/*')).toEqual(['shop/db']);
    expect(await names('SecretName', 'shop')).toEqual([]);
    expect(await names('TagKey', 'team')).toEqual(['shop/db']);
    expect(await names('SecretType', 'Generic')).toEqual(['other', 'shop/db']);
    expect(JSON.stringify(await kms.call('ListSecrets', { FetchTags: 'true' }))).not.toContain('one');
    expect(await kms.failure('ListSecrets', { Filters: '[{"Key":"Value","Values":["x"]}]' })).toBe(
      'InvalidParameter: The parameter Filters is not valid. It must be a JSON list of {"Key","Values"}, where Key is one of SecretName, Description, SecretType, DKMSInstanceId, TagKey, TagValue.',
    );
  });
});

describe('UpdateSecret and secret policies', () => {
  it('change what they are about and nothing else', async () => {
    await create({ Description: 'old', ExtendedConfig: '{"CustomData":{"a":"1"}}' });
    kms.clock.advance(1000);
    await kms.call('UpdateSecret', { SecretName: 'shop/db', Description: '' });
    expect(await kms.call('DescribeSecret', { SecretName: 'shop/db' })).toMatchObject({
      Description: '',
      ExtendedConfig: '{"CustomData":{"a":"1"}}',
      UpdateTime: '2026-01-01T00:00:01Z',
    });
    await kms.call('UpdateSecret', { SecretName: 'shop/db', ExtendedConfig: { CustomData: { b: '2' } } });
    expect(await get({ FetchExtendedConfig: 'true' })).toMatchObject({
      ExtendedConfig: '{"CustomData":{"b":"2"}}',
      SecretData: 'one',
    });
  });

  it('a policy goes to authorization with the secret', async () => {
    await create();
    const Policy = JSON.stringify({
      Version: '1',
      Statement: [
        { Effect: 'Deny', Principal: { RAM: [`acs:ram::${account}:user/eve`] }, Action: ['kms:*'], Resource: ['*'] },
      ],
    });
    await kms.call('SetSecretPolicy', { SecretName: 'shop/db', Policy });
    expect(await kms.call('GetSecretPolicy', { SecretName: 'shop/db' })).toEqual({ Policy });
    expect((await kms.accessRequests('GetSecretValue', { SecretName: 'shop/db' }))[0]).toMatchObject({
      resourcePolicy: Policy,
    });
  });
});

describe('GetRandomPassword', () => {
  const password = async (parameters: Record<string, unknown> = {}): Promise<string> =>
    (await kms.call('GetRandomPassword', parameters))['RandomPassword'] as string;

  it('has 32 characters of every kind', async () => {
    for (let i = 0; i < 50; i += 1) {
      const value = await password();
      expect(value).toHaveLength(32);
      for (const kind of [/[a-z]/, /[A-Z]/, /[0-9]/, /[^A-Za-z0-9]/]) expect(value).toMatch(kind);
    }
  });

  it('leaves out what is excluded', async () => {
    const value = await password({
      PasswordLength: '128',
      ExcludePunctuation: 'true',
      ExcludeUppercase: 'true',
      ExcludeCharacters: 'abc012',
    });
    expect(value).toMatch(/^[d-z3-9]{128}$/);
    const exclude = {
      ExcludeLowercase: 'true',
      ExcludeUppercase: 'true',
      ExcludePunctuation: 'true',
      ExcludeCharacters: '0123456789',
    };
    expect(await kms.failure('GetRandomPassword', exclude)).toBe(
      'InvalidParameter: The parameters exclude every character. Exclude fewer.',
    );
    expect(await kms.failure('GetRandomPassword', { PasswordLength: '7' })).toBe(
      'InvalidParameter: The parameter PasswordLength is not valid. It must be a whole number from 8 to 128.',
    );
    expect(await kms.access('GetRandomPassword')).toEqual(['kms:GetRandomPassword on *']);
  });
});
