import { beforeEach, describe, expect, it } from 'vitest';
import { AccessPointScene } from '../../access-point-scene.ts';
import { arn } from '../../kms-scene.ts';

let kms: AccessPointScene;
beforeEach(async () => {
  kms = await AccessPointScene.start();
});

describe('permission policies', () => {
  it('take short and long names, return JSON text on create and lists on describe', async () => {
    const made = await kms.call('CreatePolicy', {
      Name: 'p',
      Permissions: '["SecretUser","CryptoServiceKeyUser"]',
      Resources: '["secret/a","key/*"]',
    });
    const Permissions = [
      'RbacPermission/Template/CryptoServiceSecretUser',
      'RbacPermission/Template/CryptoServiceKeyUser',
    ];
    expect(made).toEqual({
      AccessControlRules: '{"NetworkRules":[]}',
      Arn: arn('policy/p'),
      Description: '',
      KmsInstance: 'shared',
      Mode: 'Enforce',
      Name: 'p',
      Permissions: JSON.stringify(Permissions),
      Resources: '["secret/a","key/*"]',
    });
    expect(await kms.call('DescribePolicy', { Name: 'p' })).toMatchObject({
      Permissions,
      Resources: ['secret/a', 'key/*'],
    });
    await kms.call('UpdatePolicy', {
      Name: 'p',
      Resources: '["secret/b"]',
      AccessControlRules: '{"NetworkRules":["office"]}',
    });
    expect(await kms.call('DescribePolicy', { Name: 'p' })).toMatchObject({
      AccessControlRules: '{"NetworkRules":["office"]}',
      Permissions,
      Resources: ['secret/b'],
    });
  });

  it('are tried out in mode Shadow, and enforced again', async () => {
    const mode = async (): Promise<unknown> => (await kms.call('DescribePolicy', { Name: 'shop' }))['Mode'];
    expect(await mode()).toBe('Enforce');
    await kms.call('UpdatePolicy', { Name: 'shop', Mode: 'Shadow' });
    await kms.call('UpdatePolicy', { Name: 'shop', Description: 'tried' });
    expect(await mode()).toBe('Shadow');
    await kms.call('UpdatePolicy', { Name: 'shop', Mode: 'Enforce' });
    expect(await mode()).toBe('Enforce');
    expect(await kms.failure('UpdatePolicy', { Name: 'shop', Mode: 'shadow' })).toMatch(/^InvalidParameter: /);
  });

  it.each<[string, Record<string, unknown>]>([
    ['an unknown permission', { Permissions: '["Admin"]' }],
    ['a wildcard that is not at the end (D1)', { Resources: '["secret/*x"]' }],
    ['a path with dots (D1)', { Resources: '["secret/a/../b"]' }],
    ['an unknown network rule', { AccessControlRules: '{"NetworkRules":["none"]}' }],
  ])('refuse %s, and an update to it', async (_what, parameters) => {
    const good = { Name: 'p', Permissions: '["SecretUser"]', Resources: '["secret/a"]' };
    expect(await kms.failure('CreatePolicy', { ...good, ...parameters })).toMatch(
      /^(InvalidParameter|Forbidden.ResourceNotFound): /,
    );
    expect(await kms.failure('UpdatePolicy', { Name: 'shop', ...parameters })).toMatch(
      /^(InvalidParameter|Forbidden.ResourceNotFound): /,
    );
    expect(await kms.call('DescribePolicy', { Name: 'shop' })).toMatchObject({ Resources: ['secret/shop/*'] });
  });

  it('refuse an unknown instance, and stay while an access point has them', async () => {
    const policy = { Name: 'p', Permissions: '["SecretUser"]', Resources: '["secret/a"]', KmsInstance: 'kst-none' };
    expect(await kms.failure('CreatePolicy', policy)).toMatch(
      /^InvalidParameter: The parameter KmsInstance names no KMS instance./,
    );
    await kms.createPoint();
    expect(await kms.failure('DeletePolicy', { Name: 'shop' })).toBe(
      'Rejected.ResourceInUse: The permission policy shop is used by shop. Remove it there first.',
    );
  });
});
