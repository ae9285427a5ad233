import { beforeEach, describe, expect, it } from 'vitest';
import { arn } from '../../kms-scene.ts';
import { SecretScene } from '../../secret-scene.ts';

const day = 86_400_000;
let kms: SecretScene;
beforeEach(() => {
  kms = new SecretScene();
});

describe('permissions on secrets', () => {
  it('with the key of the service: on the secret alone', async () => {
    expect(await kms.access('CreateSecret', { SecretName: 'n', SecretData: 'x', VersionId: '1' })).toEqual([
      `kms:CreateSecret on ${arn('secret')}`,
    ]);
    await kms.create();
    expect(await kms.access('GetSecretValue', { SecretName: 'shop/db' })).toEqual([
      `kms:GetSecretValue on ${arn('secret/shop/db')}`,
    ]);
    expect(await kms.access('GetSecretValue', { SecretName: 'shop/none' })).toEqual([
      `kms:GetSecretValue on ${arn('secret/shop/none')}`,
    ]);
  });

  it('with a self-managed key: also on the key, which access points imply', async () => {
    const key = await kms.newKey();
    await kms.create({ EncryptionKeyId: key });
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
    await kms.create();
    const plan = await kms.plan('GetSecretValue', { SecretName: 'shop/db' });
    await kms.call('DeleteSecret', { SecretName: 'shop/db', ForceDeleteWithoutRecovery: 'true' });
    await kms.create({ SecretData: 'new', EncryptionKeyId: await kms.newKey() });
    await expect(plan.run()).rejects.toMatchObject({ code: 'Forbidden.ResourceNotFound' });
  });
});

describe('a secret with a self-managed key', () => {
  it('E1: cannot be read or written while the key is disabled', async () => {
    const KeyId = await kms.newKey();
    await kms.create({ EncryptionKeyId: KeyId });
    await kms.call('DisableKey', { KeyId });
    await expect(kms.get()).rejects.toMatchObject({ code: 'Rejected.Disabled' });
    await expect(kms.put('v2', 'two')).rejects.toMatchObject({ code: 'Rejected.Disabled' });
    await kms.call('EnableKey', { KeyId });
    expect(await kms.get()).toMatchObject({ SecretData: 'one' });
  });

  it('must have a key of its own instance', async () => {
    const EncryptionKeyId = await kms.newKey({ DKMSInstanceId: 'kst-one' });
    await expect(kms.create({ EncryptionKeyId })).rejects.toMatchObject({
      message: 'The parameter EncryptionKeyId must name a key of the same KMS instance.',
    });
    await kms.create({ EncryptionKeyId, DKMSInstanceId: 'kst-one' });
    expect(await kms.call('DescribeSecret', { SecretName: 'shop/db' })).toMatchObject({
      EncryptionKeyId,
      DKMSInstanceId: 'kst-one',
    });
  });

  it('survives a rotation of the key', async () => {
    const KeyId = await kms.newKey();
    await kms.create({ EncryptionKeyId: KeyId });
    kms.clock.advance(7 * day);
    await kms.call('CreateKeyVersion', { KeyId });
    await kms.put('v2', 'two');
    expect(await kms.get({ VersionStage: 'ACSPrevious' })).toMatchObject({ SecretData: 'one' });
    expect(await kms.get()).toMatchObject({ SecretData: 'two' });
  });
});

describe('the key of the service', () => {
  it('is one for each instance, made once, and can be neither disabled nor deleted', async () => {
    await Promise.all(['a', 'b', 'c'].map((SecretName) => kms.create({ SecretName })));
    const { Keys } = await kms.call('ListKeys', { Filters: '[{"Key":"CreatorType","Values":["Service"]}]' });
    const [key, ...others] = (Keys as { Key: { KeyId: string }[] }).Key;
    expect(others).toEqual([]);
    const message = `UnsupportedOperation: Key ${key?.KeyId} is kept by the service for secrets and stays enabled.`;
    expect(await kms.failure('DisableKey', { KeyId: key?.KeyId })).toBe(message);
    expect(await kms.failure('ScheduleKeyDeletion', { KeyId: key?.KeyId, PendingWindowInDays: '7' })).toBe(message);
  });
});
