import { describe, expect, it } from 'vitest';
import { arn, KmsScene } from '../../kms-scene.ts';

const kms = new KmsScene([
  { id: 'kst-one', type: 'Software' },
  { id: 'kst-hsm', type: 'Hardware' },
]);

describe('account actions', () => {
  it('DescribeRegions names the one region, without a permission', async () => {
    expect(await kms.access('DescribeRegions')).toEqual([]);
    expect(await kms.call('DescribeRegions')).toEqual({ Regions: { Region: [{ RegionId: 'local' }] } });
  });

  it('the service is open', async () => {
    expect(await kms.call('DescribeAccountKmsStatus')).toEqual({ AccountStatus: 'Enabled' });
    expect(await kms.failure('OpenKmsService')).toBe(
      'Forbidden.Opened: KMS is open for this account. Go on and use it.',
    );
  });
});

describe('instances', () => {
  it('are those of the configuration', async () => {
    expect(await kms.call('ListKmsInstances', { PageSize: '1' })).toEqual({
      KmsInstances: { KmsInstance: [{ KmsInstanceArn: arn('instance/kst-one'), KmsInstanceId: 'kst-one' }] },
      PageNumber: 1,
      PageSize: 1,
      TotalCount: 2,
    });
    expect(await kms.call('GetDefaultKmsInstance')).toEqual({ DefaultKmsInstanceId: 'shared' });
  });

  it('say whether their provider is there, and how much they hold', async () => {
    await kms.newKey({ DKMSInstanceId: 'kst-one' });
    await kms.newKey();
    expect(await kms.call('GetKmsInstance', { KmsInstanceId: 'kst-one' })).toMatchObject({
      KmsInstance: { InstanceId: 'kst-one', KeyNum: 1, SecretNum: '0', Status: 'Connected' },
    });
    expect(await kms.call('GetKmsInstance', { KmsInstanceId: 'kst-hsm' })).toMatchObject({
      KmsInstance: { Status: 'Disconnected' },
    });
    expect(await kms.failure('GetKmsInstance', { KmsInstanceId: 'kst-none' })).toBe(
      'Forbidden.ResourceNotFound: There is no KMS instance kst-none. ListKmsInstances shows those that exist.',
    );
  });

  it('without a provider make no keys', async () => {
    await expect(kms.newKey({ DKMSInstanceId: 'kst-hsm' })).rejects.toMatchObject({ code: 'Rejected.Unavailable' });
  });
});

describe('the action table', () => {
  it('has each name once, and asks for a permission in every action but DescribeRegions', () => {
    expect(new Set(kms.actionNames).size).toBe(kms.actionNames.length);
    expect(kms.actionNames).toEqual(
      expect.arrayContaining(['CreateKey', 'Encrypt', 'GetSecretValue', 'CreateClientKey']),
    );
  });
});
