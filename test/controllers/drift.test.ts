import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applicationAccessPointType } from '../../src/api/v1alpha1/application-access-point.ts';
import { kmsInstanceType } from '../../src/api/v1alpha1/kms-instance.ts';
import { kmsKeyType } from '../../src/api/v1alpha1/kms-key.ts';
import { kmsSecretType } from '../../src/api/v1alpha1/kms-secret.ts';
import { networkRuleType } from '../../src/api/v1alpha1/network-rule.ts';
import { rbacPolicyType } from '../../src/api/v1alpha1/rbac-policy.ts';
import { ControllerScene } from './controller-scene.ts';

let scene: ControllerScene;

beforeAll(async () => {
  scene = await ControllerScene.start({ driftIntervalMs: 300, environment: { KAAP_INSTANCES: 'kst-team1' } });
  await scene.namespace('shop');
});
afterAll(() => scene.stop());

const call = (action: string, parameters: Record<string, unknown>): Promise<unknown> =>
  scene.kms.call('Kms', action, parameters);

describe('What somebody changes in KMS behind the back of a KmsKey', () => {
  const ref = { namespace: 'shop', name: 'main' };
  const spec = {
    description: 'of the shop',
    rotation: { intervalDays: 30 },
    tags: { team: 'shop' },
    deletionProtection: true,
  };
  let KeyId: string;

  beforeAll(async () => {
    KeyId = String((await scene.ready(kmsKeyType, ref, spec)).status?.['keyId']);
  });

  it.each<[string, string, () => Record<string, unknown>, string, (answer: string) => boolean]>([
    [
      'its description',
      'UpdateKeyDescription',
      () => ({ KeyId, Description: 'mine' }),
      'DescribeKey',
      has('of the shop'),
    ],
    ['that it is enabled', 'DisableKey', () => ({ KeyId }), 'DescribeKey', has('"KeyState":"Enabled"')],
    [
      'its rotation',
      'UpdateRotationPolicy',
      () => ({ KeyId, EnableAutomaticRotation: false }),
      'DescribeKey',
      has('"RotationInterval":"2592000s"'),
    ],
    [
      'its protection',
      'SetDeletionProtection',
      () => ({ ProtectedResourceArn: `acs:kms:local:1000000000000000:key/${KeyId}`, EnableDeletionProtection: false }),
      'DescribeKey',
      has('"DeletionProtection":"Enabled"'),
    ],
    ['a tag', 'UntagResource', () => ({ KeyId, TagKeys: '["team"]' }), 'ListResourceTags', has('"TagValue":"shop"')],
    [
      'a tag that nobody asked for',
      'TagResource',
      () => ({ KeyId, Tags: '[{"TagKey":"admin","TagValue":"yes"}]' }),
      'ListResourceTags',
      (answer) => !answer.includes('admin'),
    ],
    ['its owner', 'UntagResource', () => ({ KeyId, TagKeys: '["kaap.dev/owner"]' }), 'ListResourceTags', has(':main')],
  ])('is put back: %s', async (_what, action, parameters, look, holds) => {
    await call(action, parameters());
    await scene.untilKms(look, { KeyId }, holds);
  });

  it('is put back: its alias', async () => {
    await call('DeleteAlias', { AliasName: 'alias/shop/main' });
    await scene.untilKms('DescribeKey', { KeyId: 'alias/shop/main' }, has(KeyId));
  });
});

describe('What somebody changes in KMS behind the back of a KmsSecret', () => {
  const ref = { namespace: 'shop', name: 'token' };
  const SecretName = 'shop/token';

  beforeAll(async () => {
    await scene.ready(kmsSecretType, ref, { description: 'a token', generate: {}, tags: { team: 'shop' } });
  });

  it.each<[string, string, Record<string, unknown>, (answer: string) => boolean]>([
    ['its description', 'UpdateSecret', { SecretName, Description: 'mine' }, has('a token')],
    ['a tag', 'UntagResource', { SecretName, TagKeys: '["team"]' }, has('"TagValue":"shop"')],
    ['that it is kept', 'DeleteSecret', { SecretName, RecoveryWindowInDays: '7' }, has('"PlannedDeleteTime":""')],
  ])('is put back: %s', async (_what, action, parameters, holds) => {
    await call(action, parameters);
    await scene.untilKms('DescribeSecret', { SecretName, FetchTags: true }, holds);
  });
});

describe('The rotation of a KmsSecret', () => {
  const ref = { namespace: 'shop', name: 'rotating' };
  const SecretName = 'shop/rotating';
  const spec = {
    generate: { length: 16, generatedField: 'password', template: { user: 'app' } },
    rotation: { intervalHours: 24 },
  };
  const generator = { PasswordLength: 24, GeneratedField: 'password' };

  beforeAll(async () => {
    await scene.ready(kmsSecretType, ref, spec);
  });

  it('is that of the object, with a first value by its template, and its times are in the status', async () => {
    const { SecretData } = (await call('GetSecretValue', { SecretName })) as { SecretData: string };
    expect(JSON.parse(SecretData)).toEqual({ user: 'app', password: expect.stringMatching(/^.{16}$/) as string });
    const { status } = (await scene.read(kmsSecretType, ref))!;
    expect(status).toMatchObject({
      automaticRotation: 'Enabled',
      nextRotationTime: expect.stringMatching(/Z$/) as string,
    });
    expect(status).not.toHaveProperty('lastRotationTime');
    await call('RotateSecret', { SecretName, VersionId: 'second' });
    await scene.until(async () => (await scene.read(kmsSecretType, ref))?.status?.['lastRotationTime']);
  });

  it('makes values without a quote, which the kubelet cannot take in a variable, unless the object allows it', async () => {
    const described = async (name: string): Promise<unknown> => {
      const answer = (await call('DescribeSecret', { SecretName: `shop/${name}` })) as { SecretDataGenerator: string };
      return (JSON.parse(answer.SecretDataGenerator) as { ExcludeCharacters: string }).ExcludeCharacters;
    };
    expect(await described('rotating')).toBe("'");
    await scene.ready(kmsSecretType, { namespace: 'shop', name: 'any' }, { generate: { excludeCharacters: '' } });
    expect(await described('any')).toBe('');
  });

  it.each<[string, Record<string, unknown>]>([
    ['that it is on', { EnableAutomaticRotation: false }],
    ['its interval', { EnableAutomaticRotation: true, RotationInterval: '6h' }],
    [
      'its generator',
      { EnableAutomaticRotation: true, RotationInterval: '24h', SecretDataGenerator: JSON.stringify(generator) },
    ],
  ])('is put back: %s', async (_what, parameters) => {
    await call('UpdateSecretRotationPolicy', { SecretName, ...parameters });
    await scene.untilKms(
      'DescribeSecret',
      { SecretName },
      (answer) => answer.includes('"RotationInterval":"86400s"') && answer.includes(String.raw`PasswordLength\":16`),
    );
  });

  it('is not set again where nothing differs, which would put it off for ever', async () => {
    const looks = scene.calls.get('DescribeSecret') ?? 0;
    const changes = scene.calls.get('UpdateSecretRotationPolicy');
    await scene.until(async () => ((scene.calls.get('DescribeSecret') ?? 0) > looks + 12 ? true : undefined));
    expect(scene.calls.get('UpdateSecretRotationPolicy')).toBe(changes);
  });

  it('ends when the object says nothing about it any more', async () => {
    await scene.apply(kmsSecretType, ref, { generate: spec.generate });
    await scene.untilKms('DescribeSecret', { SecretName }, has('"AutomaticRotation":"Disabled"'));
  });
});

describe('What somebody changes in KMS behind the back of an administrator', () => {
  beforeAll(async () => {
    await scene.ready(networkRuleType, { name: 'private' }, { type: 'Private', addresses: ['10.0.0.0/8'] });
    const policy = { templates: ['SecretUser'], resources: ['secret/shop/*'], networkRules: ['private'] };
    await scene.ready(rbacPolicyType, { name: 'reader' }, policy);
    const ramRole = {
      trustedRole: 'ServiceAccountRole',
      roleName: 'shop',
      serviceAccounts: [{ namespace: 'shop', name: 'shop' }],
    };
    await scene.ready(
      applicationAccessPointType,
      { name: 'shop' },
      { authentication: { ramRole }, policies: ['reader'] },
    );
  });

  it('is put back: the addresses of a NetworkRule', async () => {
    await call('UpdateNetworkRule', { Name: 'private', SourcePrivateIp: '["0.0.0.0/0"]' });
    await scene.untilKms('DescribeNetworkRule', { Name: 'private' }, (answer) => !answer.includes('0.0.0.0/0'));
  });

  it('is put back: that an RbacPolicy is enforced', async () => {
    await call('UpdatePolicy', { Name: 'reader', Mode: 'Shadow' });
    await scene.untilKms('DescribePolicy', { Name: 'reader' }, has('"Mode":"Enforce"'));
  });

  it('is put back: the resources of an RbacPolicy', async () => {
    const Permissions = '["RbacPermission/Template/CryptoServiceSecretUser"]';
    await call('UpdatePolicy', { Name: 'reader', Resources: '["secret/*"]', Permissions });
    await scene.untilKms('DescribePolicy', { Name: 'reader' }, has('["secret/shop/*"]'));
  });

  it('is put back: an ApplicationAccessPoint that was deleted', async () => {
    await call('DeleteApplicationAccessPoint', { Name: 'shop' });
    await scene.untilKms('DescribeApplicationAccessPoint', { Name: 'shop' }, has('"reader'));
  });
});

describe('A KmsInstance', () => {
  it('is Ready when the configuration of the KMS has it, and counts what is in it', async () => {
    await scene.ready(kmsKeyType, { namespace: 'shop', name: 'apart' }, { instanceId: 'kst-team1' });
    const { status } = await scene.ready(
      kmsInstanceType,
      { name: 'team1' },
      { type: 'Software', instanceId: 'kst-team1' },
    );
    expect(status).toMatchObject({ instanceId: 'kst-team1', state: 'Connected', keyCount: 1, secretCount: 0 });
  });

  it('says where to add it when the configuration has it not', async () => {
    await scene.apply(kmsInstanceType, { name: 'team2' }, { type: 'Software', instanceId: 'kst-team2' });
    const { message } = await scene.condition(kmsInstanceType, { name: 'team2' }, 'InstanceNotServed');
    expect(message).toContain('kms.instances');
  });

  it('for callers that name none is the shared one', async () => {
    const { status } = await scene.ready(kmsInstanceType, { name: 'shared' }, { type: 'Shared' });
    expect(status).toMatchObject({ instanceId: 'shared', state: 'Connected' });
  });
});

function has(text: string): (answer: string) => boolean {
  return (answer) => answer.includes(text) || answer.includes(text.replaceAll('"', String.raw`\"`));
}
