import { beforeEach, describe, expect, it } from 'vitest';
import { arn, KmsScene } from '../../kms-scene.ts';

let kms: KmsScene;
beforeEach(() => {
  kms = new KmsScene();
});

const tags = (pairs: Record<string, string>): string =>
  JSON.stringify(Object.entries(pairs).map(([TagKey, TagValue]) => ({ TagKey, TagValue })));

describe('tags', () => {
  it('of a key and of a secret are added, replaced, removed, and go to authorization', async () => {
    const KeyId = await kms.newKey();
    await kms.call('CreateSecret', { SecretName: 's', SecretData: 'x', VersionId: '1' });
    for (const resource of [{ KeyId }, { SecretName: 's' }]) {
      await kms.call('TagResource', { ...resource, Tags: tags({ team: 'a', stage: 'test' }) });
      await kms.call('TagResource', { ...resource, Tags: tags({ team: 'b' }) });
      await kms.call('UntagResource', { ...resource, TagKeys: '["stage","none"]' });
      expect(await kms.call('ListResourceTags', resource)).toEqual({
        Tags: { Tag: [{ ...resource, TagKey: 'team', TagValue: 'b' }] },
      });
      expect((await kms.accessRequests('ListResourceTags', resource))[0]?.tags).toEqual({ team: 'b' });
    }
    expect(await kms.access('TagResource', { SecretName: 's', Tags: '[]' })).toEqual([
      `kms:TagResource on ${arn('secret/s')}`,
    ]);
  });

  it('are at most twenty, and a refused change leaves them as they were', async () => {
    const KeyId = await kms.newKey();
    const many = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`k${index}`, 'v']));
    await kms.call('TagResource', { KeyId, Tags: tags(many) });
    expect(await kms.failure('TagResource', { KeyId, Tags: tags({ more: 'v' }) })).toBe(
      'Rejected.LimitExceeded: A resource has at most 20 tags. Remove some first.',
    );
    await kms.call('TagResource', { KeyId, Tags: tags({ k0: 'changed' }) });
    expect((await kms.accessRequests('DescribeKey', { KeyId }))[0]?.tags).toEqual({ ...many, k0: 'changed' });
  });

  it('may have names that JavaScript objects know', async () => {
    const KeyId = await kms.newKey({
      Tags: '[{"TagKey":"__proto__","TagValue":"x"},{"TagKey":"constructor","TagValue":"y"}]',
    });
    expect(await kms.call('ListResourceTags', { KeyId })).toEqual({
      Tags: {
        Tag: [
          { KeyId, TagKey: '__proto__', TagValue: 'x' },
          { KeyId, TagKey: 'constructor', TagValue: 'y' },
        ],
      },
    });
  });

  it('belong to one resource that the parameters name', async () => {
    const message =
      'MissingParameter: One of the parameters KeyId, SecretName and CertificateId is required, and not more.';
    await expect(kms.plan('ListResourceTags')).rejects.toMatchObject({ code: 'MissingParameter' });
    expect(await kms.failure('TagResource', { KeyId: 'a', SecretName: 'b', Tags: '[]' })).toBe(message);
  });
});
