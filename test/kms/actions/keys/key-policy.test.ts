import { beforeEach, describe, expect, it } from 'vitest';
import { account, arn, KmsScene } from '../../kms-scene.ts';

let kms: KmsScene;
beforeEach(() => {
  kms = new KmsScene();
});

describe('key policies', () => {
  const policy = JSON.stringify({
    Version: '1',
    Statement: [
      { Effect: 'Allow', Principal: { RAM: [`acs:ram::${account}:user/ann`] }, Action: ['kms:*'], Resource: ['*'] },
    ],
  });

  it('are the default policy until one is set, and go to authorization with the key', async () => {
    const KeyId = await kms.newKey({ Tags: '[{"TagKey":"team","TagValue":"shop"}]' });
    const { Policy } = await kms.call('GetKeyPolicy', { KeyId });
    expect(JSON.parse(Policy as string)).toMatchObject({
      Statement: [{ Sid: 'kms default key policy', Principal: { RAM: [`acs:ram::${account}:*`] } }],
    });
    expect((await kms.accessRequests('Encrypt', { KeyId, Plaintext: 'eA==' }))[0]).not.toHaveProperty('resourcePolicy');
    await kms.call('SetKeyPolicy', { KeyId, Policy: policy, PolicyName: 'default' });
    expect(await kms.call('GetKeyPolicy', { KeyId })).toEqual({ Policy: policy });
    expect(await kms.accessRequests('Encrypt', { KeyId, Plaintext: 'eA==' })).toEqual([
      {
        action: 'kms:Encrypt',
        resource: arn(`key/${KeyId}`),
        scope: 'shared',
        tags: { team: 'shop' },
        resourcePolicy: policy,
      },
    ]);
  });

  it('that cannot be read, and other policy names, are refused', async () => {
    const KeyId = await kms.newKey();
    for (const Policy of ['{}', 'no', '{"Version":"1","Statement":[{"Effect":"Maybe"}]}']) {
      expect(await kms.failure('SetKeyPolicy', { KeyId, Policy })).toMatch(
        /^InvalidPolicyDocument: The policy document is not valid/,
      );
    }
    expect(await kms.failure('GetKeyPolicy', { KeyId, PolicyName: 'mine' })).toBe(
      'InvalidParameter: The parameter PolicyName is not valid. It must be one of default.',
    );
  });
});

describe('UpdateKeyDescription', () => {
  it('changes the description, also to nothing', async () => {
    const KeyId = await kms.newKey({ Description: 'old' });
    await kms.call('UpdateKeyDescription', { KeyId, Description: '' });
    expect(await kms.call('DescribeKey', { KeyId })).toMatchObject({ KeyMetadata: { Description: '' } });
  });
});
