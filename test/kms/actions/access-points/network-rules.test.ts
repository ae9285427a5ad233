import { beforeEach, describe, expect, it } from 'vitest';
import { AccessPointScene } from '../../access-point-scene.ts';
import { arn } from '../../kms-scene.ts';

let kms: AccessPointScene;
beforeEach(async () => {
  kms = await AccessPointScene.start();
});

describe('network rules', () => {
  it('are created, described, updated, listed and deleted, with the fields of the API', async () => {
    const made = await kms.call('CreateNetworkRule', {
      Name: 'a',
      Type: 'Private',
      SourcePrivateIp: '["10.1.2.3"]',
      Description: 'd',
    });
    const fields = { Arn: arn('network/a'), Description: 'd', SourcePrivateIp: '["10.1.2.3"]', Type: 'Private' };
    expect(made).toEqual({ ...fields, Name: 'a' });
    expect(await kms.call('DescribeNetworkRule', { Name: 'a' })).toEqual(fields);
    await kms.call('UpdateNetworkRule', { Name: 'a', SourcePrivateIp: '["10.9.0.0/16"]' });
    expect(await kms.call('DescribeNetworkRule', { Name: 'a' })).toEqual({
      ...fields,
      SourcePrivateIp: '["10.9.0.0/16"]',
    });
    expect(await kms.call('ListNetworkRules')).toEqual({
      NetworkRules: {
        NetworkRule: [
          { Name: 'a', Type: 'Private' },
          { Name: 'office', Type: 'Private' },
        ],
      },
      PageNumber: 1,
      PageSize: 20,
      TotalCount: 2,
    });
    expect(await kms.access('DeleteNetworkRule', { Name: 'a' })).toEqual([
      `kms:DeleteNetworkRule on ${arn('network/a')}`,
    ]);
    await kms.call('DeleteNetworkRule', { Name: 'a' });
    expect(await kms.failure('DescribeNetworkRule', { Name: 'a' })).toBe(
      'Forbidden.ResourceNotFound: There is no network rule a. Create it, or check the name.',
    );
  });

  it.each(['["10.0.0.0/33"]', '["010.0.0.1"]', '["fe80::1%eth0"]', '["not an address"]', '[]', 'x', '["10.0.0.1", 7]'])(
    'D6: refuse the addresses %s, also in an update',
    async (SourcePrivateIp) => {
      expect(await kms.failure('CreateNetworkRule', { Name: 'bad', Type: 'Private', SourcePrivateIp })).toMatch(
        /^InvalidParameter: /,
      );
      expect(await kms.failure('UpdateNetworkRule', { Name: 'office', SourcePrivateIp })).toMatch(
        /^InvalidParameter: /,
      );
      expect(await kms.call('DescribeNetworkRule', { Name: 'office' })).toMatchObject({
        SourcePrivateIp: '["10.0.0.0/8"]',
      });
    },
  );

  it('exist once by name, and stay while a policy uses them', async () => {
    expect(await kms.failure('CreateNetworkRule', { Name: 'office', SourcePrivateIp: '["10.0.0.1"]' })).toBe(
      'Rejected.ResourceExist: There is a network rule office already. Update it, or use another name.',
    );
    expect(await kms.failure('DeleteNetworkRule', { Name: 'office' })).toBe(
      'Rejected.ResourceInUse: The network rule office is used by shop. Remove it there first.',
    );
  });
});
