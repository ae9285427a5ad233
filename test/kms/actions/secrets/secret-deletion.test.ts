import { beforeEach, describe, expect, it } from 'vitest';
import { account } from '../../kms-scene.ts';
import { SecretScene } from '../../secret-scene.ts';

let kms: SecretScene;
beforeEach(() => {
  kms = new SecretScene();
});

describe('DeleteSecret and RestoreSecret', () => {
  it('keep a secret for its window, out of use, and give it back', async () => {
    await kms.create();
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
    expect(await kms.get()).toMatchObject({ SecretData: 'one' });
    expect(await kms.failure('RestoreSecret', { SecretName: 'shop/db' })).toBe(
      'Rejected.StateModifiedFailed: Secret shop/db is not about to be deleted.',
    );
  });

  it('E8: a window once set is not shortened, neither by days nor by force', async () => {
    await kms.create();
    await kms.call('DeleteSecret', { SecretName: 'shop/db' });
    for (const shorter of [{ RecoveryWindowInDays: '7' }, { ForceDeleteWithoutRecovery: 'true' }]) {
      expect(await kms.failure('DeleteSecret', { SecretName: 'shop/db', ...shorter })).toMatch(
        /^Rejected.ResourceInDeleteWindow: /,
      );
    }
  });

  it('by force removes every value at once and frees the name', async () => {
    await kms.create();
    await kms.put('v2', 'two');
    await kms.call('DeleteSecret', { SecretName: 'shop/db', ForceDeleteWithoutRecovery: 'true' });
    expect(await kms.store.scan('kms/secret-versions')).toEqual([]);
    expect(await kms.failure('DescribeSecret', { SecretName: 'shop/db' })).toBe(
      'Forbidden.ResourceNotFound: There is no secret shop/db. ListSecrets shows those that exist.',
    );
    await kms.create({ SecretData: 'new' });
    expect(await kms.stages()).toEqual({ v1: ['ACSCurrent'] });
  });
});

describe('ListSecrets', () => {
  it('filters by name, exactly or by beginning, and by tags; never shows a value', async () => {
    await kms.create({ Tags: '[{"TagKey":"team","TagValue":"shop"}]' });
    await kms.create({ SecretName: 'other' });
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
    await kms.create({ Description: 'old', ExtendedConfig: '{"CustomData":{"a":"1"}}' });
    kms.clock.advance(1000);
    await kms.call('UpdateSecret', { SecretName: 'shop/db', Description: '' });
    expect(await kms.call('DescribeSecret', { SecretName: 'shop/db' })).toMatchObject({
      Description: '',
      ExtendedConfig: '{"CustomData":{"a":"1"}}',
      UpdateTime: '2026-01-01T00:00:01Z',
    });
    await kms.call('UpdateSecret', { SecretName: 'shop/db', ExtendedConfig: { CustomData: { b: '2' } } });
    expect(await kms.get({ FetchExtendedConfig: 'true' })).toMatchObject({
      ExtendedConfig: '{"CustomData":{"b":"2"}}',
      SecretData: 'one',
    });
  });

  it('a policy goes to authorization with the secret', async () => {
    await kms.create();
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
