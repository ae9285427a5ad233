import { beforeEach, describe, expect, it } from 'vitest';
import { arn, KmsScene } from '../../kms-scene.ts';

let kms: KmsScene;
beforeEach(() => {
  kms = new KmsScene();
});

const team = [{ Key: 'team', Value: 'a' }];

async function tagRows(parameters: Record<string, unknown>): Promise<unknown[]> {
  const { TagResources } = (await kms.call('ListTagResources', parameters)) as {
    TagResources: { TagResource: unknown[] };
  };
  return TagResources.TagResource;
}

describe('tags of many resources at once', () => {
  it('are added, listed and removed, for keys and for secrets', async () => {
    const keys = [await kms.newKey(), await kms.newKey()].toSorted();
    const secrets = ['s1', 's2'];
    for (const SecretName of secrets) {
      await kms.call('CreateSecret', { SecretName, SecretData: 'x', VersionId: '1' });
    }
    for (const [ResourceType, ResourceId] of [
      ['key', keys],
      ['secret', secrets],
    ] as const) {
      const resources = { ResourceType, ResourceId };
      await kms.call('TagResources', { ...resources, Tag: [...team, { Key: 'stage' }] });
      await kms.call('UntagResources', { ...resources, TagKey: ['stage', 'none'] });
      const expected = ResourceId.map((id) => ({ ResourceId: id, ResourceType, TagKey: 'team', TagValue: 'a' }));
      expect(await tagRows(resources)).toEqual(expected);
      expect(await tagRows({ ResourceType })).toEqual(expected);
      await kms.call('UntagResources', { ...resources, All: 'true' });
      expect(await tagRows(resources)).toEqual([]);
    }
  });

  it('are the same tags that TagResource and ListResourceTags know', async () => {
    const KeyId = await kms.newKey();
    await kms.call('TagResources', { ResourceType: 'key', ResourceId: [KeyId], Tag: team });
    expect(await kms.call('ListResourceTags', { KeyId })).toEqual({
      Tags: { Tag: [{ KeyId, TagKey: 'team', TagValue: 'a' }] },
    });
  });

  it('find the resources that have every tag asked for', async () => {
    const [one, two] = [await kms.newKey(), await kms.newKey()];
    await kms.call('TagResources', { ResourceType: 'key', ResourceId: [one, two], Tag: team });
    await kms.call('TagResources', { ResourceType: 'key', ResourceId: [two], Tag: [{ Key: 'stage', Value: 'test' }] });
    const idsWith = async (Tag: unknown): Promise<Set<unknown>> =>
      new Set((await tagRows({ ResourceType: 'key', Tag })).map((row) => (row as { ResourceId: unknown }).ResourceId));
    expect(await idsWith([{ Key: 'team' }])).toEqual(new Set([one, two]));
    expect(await idsWith([...team, { Key: 'stage', Value: 'test' }])).toEqual(new Set([two]));
    expect(await idsWith([{ Key: 'stage', Value: 'other' }])).toEqual(new Set());
    expect(await idsWith([{ Key: 'toString' }])).toEqual(new Set());
  });

  it('come page by page, each once', async () => {
    const ids = await Promise.all(Array.from({ length: 26 }, () => kms.newKey()));
    const Tag = ['a', 'b', 'c', 'd', 'e'].map((Key) => ({ Key, Value: 'v' }));
    await kms.call('TagResources', { ResourceType: 'key', ResourceId: ids, Tag });
    const first = (await kms.call('ListTagResources', { ResourceType: 'key' })) as { NextToken: string };
    const second = await kms.call('ListTagResources', { ResourceType: 'key', NextToken: first.NextToken });
    const rows = [first, second].flatMap(
      (page) => (page as never as { TagResources: never }).TagResources['TagResource'],
    );
    expect(rows).toHaveLength(130);
    expect(new Set(rows.map((row) => JSON.stringify(row))).size).toBe(130);
    expect(second['NextToken']).toBe('');
  });

  it('change on all resources or on none', async () => {
    const KeyId = await kms.newKey();
    expect(await kms.failure('TagResources', { ResourceType: 'key', ResourceId: [KeyId, 'none'], Tag: team })).toMatch(
      /^Forbidden\.KeyNotFound/,
    );
    expect(await tagRows({ ResourceType: 'key' })).toEqual([]);
  });

  it('E3: ask for the permission on every resource, or on the whole type', async () => {
    const parameters = { ResourceType: 'secret', ResourceId: ['s1', 's2'] };
    for (const [action, more] of [
      ['TagResources', { Tag: team }],
      ['UntagResources', { All: true }],
      ['ListTagResources', {}],
    ] as const) {
      expect(await kms.access(action, { ...parameters, ...more })).toEqual([
        `kms:${action} on ${arn('secret/s1')}`,
        `kms:${action} on ${arn('secret/s2')}`,
      ]);
    }
    expect(await kms.access('ListTagResources', { ResourceType: 'key' })).toEqual([
      `kms:ListTagResources on ${arn('key')}`,
    ]);
  });

  it.each([
    ['TagResources', { ResourceType: 'key', ResourceId: [], Tag: team }, 'MissingParameter'],
    ['TagResources', { ResourceType: 'key', ResourceId: ['k'], Tag: [] }, 'InvalidParameter'],
    [
      'TagResources',
      { ResourceType: 'key', ResourceId: ['k'], Tag: [{ Key: 'acs:x', Value: '' }] },
      'InvalidParameter',
    ],
    ['TagResources', { ResourceType: 'certificate', ResourceId: ['k'], Tag: team }, 'InvalidParameter'],
    ['UntagResources', { ResourceType: 'key', ResourceId: ['k'] }, 'MissingParameter'],
    ['ListTagResources', { ResourceType: 'key', NextToken: 'nonsense' }, 'InvalidParameter'],
  ])('%s of %j is refused with %s', async (action, parameters, code) => {
    expect(await kms.failure(action, parameters)).toMatch(new RegExp(`^${code}: `));
  });
});
