import { beforeEach, describe, expect, it } from 'vitest';
import { secretVersionKey, secretVersionTable } from '../../../../src/kms/records/secret-version.ts';
import { arn } from '../../kms-scene.ts';
import { SecretScene } from '../../secret-scene.ts';

let kms: SecretScene;
beforeEach(() => {
  kms = new SecretScene();
});

describe('CreateSecret', () => {
  it('stores the first version as ACSCurrent and answers with the fields of the API', async () => {
    expect(await kms.create({ Description: 'database', Tags: '[{"TagKey":"team","TagValue":"shop"}]' })).toEqual({
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
    expect(await kms.get()).toEqual({
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
    await kms.create({ SecretData: 'canary-4711' });
    for (const bucket of ['kms/secrets', 'kms/secret-versions']) {
      for (const { value } of await kms.store.scan(bucket)) {
        const text = Buffer.from(value).toString('utf8');
        expect(text).not.toContain('canary-4711');
        expect(text).not.toContain(Buffer.from('canary-4711').toString('base64'));
      }
    }
  });

  it('a value moved to another secret or version does not open', async () => {
    await kms.create();
    await kms.put('v2', 'two');
    const table = secretVersionTable;
    const first = await table.get(kms.store, secretVersionKey('shop/db', 'v1'));
    if (first === undefined) throw new Error('v1 is not stored');
    await kms.store.transact((transaction) => table.put(transaction, secretVersionKey('shop/db', 'v2'), first));
    await expect(kms.get({ VersionId: 'v2' })).rejects.toMatchObject({ code: 'InvalidCiphertext' });
  });

  it('is refused for a name that is taken, and succeeds once when two race', async () => {
    const results = await Promise.allSettled([kms.create({ SecretData: 'a' }), kms.create({ SecretData: 'b' })]);
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
    await kms.create();
    await kms.create({ SecretName: 'shop/DB', SecretData: 'other' });
    expect(await kms.get()).toMatchObject({ SecretData: 'one' });
    expect(await kms.get({ SecretName: 'shop/DB' })).toMatchObject({ SecretData: 'other' });
  });

  it('takes 30720 bytes and no more; binary values are base64', async () => {
    await kms.create({ SecretData: 'é'.repeat(15_360) });
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
    const answer = await kms.create({ SecretData: undefined, SecretDataGenerator: rules });
    const { SecretData } = await kms.get();
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
