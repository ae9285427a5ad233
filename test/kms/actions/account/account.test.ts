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

/** Something for every required parameter: unknown ones are ignored, so one set plans every action. */
const everything: Record<string, unknown> = {
  AliasName: 'alias/a',
  KeyId: 'k',
  AapName: 'a',
  Algorithm: 'ECDSA_SHA_256',
  Certificate: 'c',
  CertificateId: 'c',
  ClientKeyId: 'KAAP.x',
  CiphertextBlob: Buffer.alloc(100, 'a').toString('base64'),
  DataKeyName: 'd',
  Description: 'd',
  Digest: 'eA==',
  DestinationKeyId: 'k',
  EnableAutomaticRotation: 'false',
  EnableDeletionProtection: 'true',
  KeyPairSpec: 'EC_P256',
  KeyVersionId: 'v',
  EncryptedKeyMaterial: 'eA==',
  ImportToken: 'eA==',
  WrappingAlgorithm: 'SM2PKE',
  WrappingKeySpec: 'EC_SM2',
  PublicKeyBlob: 'eA==',
  KmsInstanceId: 'kst-one',
  Mac: 'eA==',
  Message: 'eA==',
  Name: 'n',
  Password: 'Correct-horse-9',
  PendingWindowInDays: '7',
  Permissions: '["SecretUser"]',
  Plaintext: 'eA==',
  Policies: '["p"]',
  Policy: '{}',
  ResourceId: ['k'],
  ResourceType: 'key',
  Resources: '["secret/a"]',
  SecretData: 'x',
  SecretName: 's',
  Secrets: '[{"SecretName":"s"}]',
  SecretsList: '[{"SecretName":"s"}]',
  SignatureValue: 'eA==',
  SourcePrivateIp: '["10.0.0.1"]',
  Status: 'ACTIVE',
  Subject: 'CN=a,OU=b,O=c,C=DE',
  Tag: [{ Key: 't' }],
  TagKey: ['t'],
  TagKeys: '["t"]',
  Tags: '[]',
  Type: 'Private',
  Value: 'eA==',
  VersionId: 'v',
  VersionStage: 'x',
};

/** Tag actions name one resource, not two; encryption and MACs have other algorithms than signatures. */
function parametersOf(action: string): Record<string, unknown> {
  if (/^(Asymmetric|Certificate(Public|Private)Key)(En|De)crypt$/.test(action))
    return { ...everything, Algorithm: 'RSAES_OAEP_SHA_256' };
  if (action.endsWith('Mac')) return { ...everything, Algorithm: 'HMAC_SHA_256' };
  if (action === 'SetDeletionProtection') return { KeyId: 'k', EnableDeletionProtection: 'true' };
  if (/^(Unb|B)lockKeyUse$/.test(action)) return { KeyId: 'k' };
  if (!/^(Tag|Untag)Resource$|^ListResourceTags$/.test(action)) return everything;
  const { SecretName: _, CertificateId: __, ...rest } = everything;
  return rest;
}

describe('the action table', () => {
  it('has each name once', () => {
    expect(new Set(kms.actionNames).size).toBe(kms.actionNames.length);
    expect(kms.actionNames.length).toBeGreaterThanOrEqual(70);
  });

  it.each(kms.actionNames)('E3: %s asks for a permission of its own name on a named resource', async (name) => {
    const access = await kms.accessRequests(name, parametersOf(name));
    if (name === 'DescribeRegions') {
      expect(access).toEqual([]);
      return;
    }
    const wanted: Record<string, string> = {
      ReEncrypt: 'kms:ReEncryptFrom',
      BatchGetSecretValue: 'kms:GetSecretValue',
      WaitSecretChanges: 'kms:GetSecretValue',
    };
    expect(access[0]?.action).toBe(wanted[name] ?? `kms:${name}`);
    for (const { resource, scope } of access) {
      expect(resource).toMatch(name === 'GetRandomPassword' ? /^\*$/ : /^acs:kms:local:1000000000000000:[a-z]+/);
      expect(scope).not.toBe('');
    }
  });
});
