import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { KmsScene, type Answer } from '../kms-scene.ts';

const kms = new KmsScene([
  { id: 'kst-one', type: 'Software' },
  { id: 'kst-two', type: 'Software' },
  { id: 'kst-three', type: 'Software' },
]);

/** One list action: where its items stand in the answer, what names an item, and all that there are. */
interface ListAction {
  readonly action: string;
  readonly parameters: () => Record<string, unknown>;
  readonly items: (answer: Answer) => readonly unknown[];
  readonly all: () => readonly string[];
}

interface ModelKey {
  id: string;
  KeySpec: string;
  KeyUsage: string;
  KeyState: string;
  DKMSInstanceId: string;
}

interface ModelSecret {
  name: string;
  Description: string;
  SecretType: string;
  DKMSInstanceId: string;
  tags: Record<string, string>;
}

const keys: ModelKey[] = [];
const secrets: ModelSecret[] = [];
const aliases: string[] = [];
const names = Array.from({ length: 13 }, (_, index) => `name-${index}`);
let versionedKey = '';
const keyVersions: string[] = [];

const keyRows = [
  { KeySpec: 'Aliyun_AES_256', KeyUsage: 'ENCRYPT/DECRYPT' },
  { KeySpec: 'Aliyun_SM4', KeyUsage: 'ENCRYPT/DECRYPT' },
  { KeySpec: 'EC_P256', KeyUsage: 'SIGN/VERIFY' },
  { KeySpec: 'HMAC_SHA_256', KeyUsage: 'GENERATE/VERIFY MAC' },
];

async function addKey(index: number): Promise<void> {
  const row = keyRows[index % keyRows.length] ?? { KeySpec: '', KeyUsage: '' };
  const DKMSInstanceId = index % 5 === 0 ? 'kst-one' : '';
  const id = await kms.newKey({ ...row, ...(DKMSInstanceId !== '' && { DKMSInstanceId }) });
  const KeyState = ['Enabled', 'Disabled', 'PendingDeletion'][index % 3] ?? '';
  if (KeyState === 'Disabled') await kms.call('DisableKey', { KeyId: id });
  if (KeyState === 'PendingDeletion') await kms.call('ScheduleKeyDeletion', { KeyId: id, PendingWindowInDays: '7' });
  keys.push({ id, ...row, KeyState, DKMSInstanceId });
}

async function addSecret(index: number): Promise<void> {
  const name = `${index % 2 === 0 ? 'shop' : 'bank'}/s${index}`;
  const Description = `about ${index % 3}`;
  const tags: Record<string, string> = index % 4 === 0 ? { team: 'red' } : { team: 'blue', stage: 'test' };
  const Tags = JSON.stringify(Object.entries(tags).map(([TagKey, TagValue]) => ({ TagKey, TagValue })));
  await kms.call('CreateSecret', { SecretName: name, SecretData: 'x', VersionId: 'v1', Description, Tags });
  secrets.push({ name, Description, SecretType: 'Generic', DKMSInstanceId: '', tags });
}

/** A key with as many versions as a week between each allows. */
async function addVersions(): Promise<void> {
  versionedKey = await kms.newKey();
  const { KeyMetadata } = await kms.call('DescribeKey', { KeyId: versionedKey });
  keyVersions.push((KeyMetadata as { PrimaryKeyVersion: string }).PrimaryKeyVersion);
  while (keyVersions.length < 12) {
    kms.clock.advance(7 * 86_400_000);
    const { KeyVersion } = await kms.call('CreateKeyVersion', { KeyId: versionedKey });
    keyVersions.push((KeyVersion as { KeyVersionId: string }).KeyVersionId);
  }
}

beforeAll(async () => {
  await addVersions();
  for (let index = 0; index < 31; index += 1) await addKey(index);
  for (let index = 0; index < 29; index += 1) await addSecret(index);
  keys.push({
    id: versionedKey,
    KeySpec: 'Aliyun_AES_256',
    KeyUsage: 'ENCRYPT/DECRYPT',
    KeyState: 'Enabled',
    DKMSInstanceId: '',
  });
  for (let index = 0; index < 17; index += 1) {
    const AliasName = `alias/a${index}`;
    await kms.call('CreateAlias', { AliasName, KeyId: index % 2 === 0 ? versionedKey : (keys[0]?.id ?? '') });
    aliases.push(AliasName);
  }
  for (const Name of names) {
    await kms.call('CreateNetworkRule', { Name, Type: 'Private', SourcePrivateIp: '["10.0.0.0/8"]' });
    await kms.call('CreatePolicy', { Name, Permissions: '["SecretUser"]', Resources: '["secret/*"]' });
    await kms.call('CreateApplicationAccessPoint', {
      Name,
      AuthenticationMethod: 'ClientKey',
      Policies: `["${Name}"]`,
    });
  }
  for (let index = 2; index <= 9; index += 1) {
    await kms.call('PutSecretValue', { SecretName: 'shop/s0', SecretData: 'x', VersionId: `v${index}` });
  }
});

type Fields = Record<string, unknown>;
const at = (answer: Answer, outer: string, inner: string): Fields[] =>
  (answer[outer] as Record<string, Fields[]>)[inner] ?? [];
const none = (): Fields => ({});

const actions: readonly ListAction[] = [
  {
    action: 'ListKeys',
    parameters: none,
    items: (answer) => at(answer, 'Keys', 'Key').map(({ KeyId }) => KeyId),
    all: () => keys.map(({ id }) => id),
  },
  {
    action: 'ListSecrets',
    parameters: none,
    items: (answer) => at(answer, 'SecretList', 'Secret').map(({ SecretName }) => SecretName),
    all: () => secrets.map(({ name }) => name),
  },
  {
    action: 'ListAliases',
    parameters: none,
    items: (answer) => at(answer, 'Aliases', 'Alias').map(({ AliasName }) => AliasName),
    all: () => aliases,
  },
  {
    action: 'ListAliasesByKeyId',
    parameters: () => ({ KeyId: versionedKey }),
    items: (answer) => at(answer, 'Aliases', 'Alias').map(({ AliasName }) => AliasName),
    all: () => aliases.filter((_, index) => index % 2 === 0),
  },
  {
    action: 'ListKeyVersions',
    parameters: () => ({ KeyId: versionedKey }),
    items: (answer) => at(answer, 'KeyVersions', 'KeyVersion').map(({ KeyVersionId }) => KeyVersionId),
    all: () => keyVersions,
  },
  {
    action: 'ListSecretVersionIds',
    parameters: () => ({ SecretName: 'shop/s0' }),
    items: (answer) => at(answer, 'VersionIds', 'VersionId').map(({ VersionId }) => VersionId),
    // Those that carry a stage.
    all: () => ['v8', 'v9'],
  },
  {
    action: 'ListSecretVersionIds',
    parameters: () => ({ SecretName: 'shop/s0', IncludeDeprecated: 'true' }),
    items: (answer) => at(answer, 'VersionIds', 'VersionId').map(({ VersionId }) => VersionId),
    all: () => Array.from({ length: 9 }, (_, index) => `v${index + 1}`),
  },
  {
    action: 'ListNetworkRules',
    parameters: none,
    items: (answer) => at(answer, 'NetworkRules', 'NetworkRule').map(({ Name }) => Name),
    all: () => names,
  },
  {
    action: 'ListPolicies',
    parameters: none,
    items: (answer) => at(answer, 'Policies', 'Policy').map(({ Name }) => Name),
    all: () => names,
  },
  {
    action: 'ListApplicationAccessPoints',
    parameters: none,
    items: (answer) => at(answer, 'ApplicationAccessPoints', 'ApplicationAccessPoint').map(({ Name }) => Name),
    all: () => names,
  },
  {
    action: 'ListKmsInstances',
    parameters: none,
    items: (answer) => at(answer, 'KmsInstances', 'KmsInstance').map(({ KmsInstanceId }) => KmsInstanceId),
    all: () => ['kst-one', 'kst-two', 'kst-three'],
  },
];

/** Every item of every page, and one page beyond the end. */
async function walk(list: ListAction, PageSize: number, filters: Fields): Promise<string[]> {
  const found: string[] = [];
  let total = 0;
  for (let PageNumber = 1; ; PageNumber += 1) {
    const page = { PageNumber: String(PageNumber), PageSize: String(PageSize) };
    const answer = await kms.call(list.action, { ...list.parameters(), ...filters, ...page });
    const items = list.items(answer);
    expect(items.length).toBeLessThanOrEqual(PageSize);
    expect(answer).toMatchObject({ PageNumber, PageSize });
    if (PageNumber > 1) expect(answer['TotalCount']).toBe(total);
    total = Number(answer['TotalCount']);
    found.push(...items.map(String));
    if (items.length === 0) {
      expect(found).toHaveLength(total);
      return found;
    }
  }
}

describe.each(actions)('$action', (list) => {
  it('gives each item on one page exactly, whatever the size of pages', async () => {
    const property = fc.asyncProperty(fc.integer({ min: 1, max: 100 }), async (PageSize) => {
      expect((await walk(list, PageSize, {})).toSorted()).toEqual([...list.all()].toSorted());
    });
    await fc.assert(property, { numRuns: 12, examples: [[1], [100]] });
  });

  it('D4: refuses a page that is none', async () => {
    for (const name of ['PageSize', 'PageNumber']) {
      for (const value of ['0', '-1', '999999999999', '1.5', '1e1', 'NaN', ' 1']) {
        const parameters = { ...list.parameters(), [name]: value };
        expect(await kms.failure(list.action, parameters), `${name}=${value}`).toContain('InvalidParameter');
      }
    }
    expect(await kms.failure(list.action, { ...list.parameters(), PageSize: '101' })).toContain('InvalidParameter');
  });
});

/** The filter of the model: every filter holds, by one of its values; `*` at the end stands for anything. */
function passes(
  texts: (key: string) => readonly string[],
  filters: readonly { Key: string; Values: string[] }[],
): boolean {
  const fits = (value: string, text: string): boolean =>
    value.endsWith('*') ? text.startsWith(value.slice(0, -1)) : text === value;
  return filters.every(({ Key, Values }) => Values.some((value) => texts(Key).some((text) => fits(value, text))));
}

const filterOf = (values: Record<string, readonly string[]>): fc.Arbitrary<{ Key: string; Values: string[] }[]> => {
  const one = fc.constantFrom(...Object.keys(values)).chain((Key) =>
    fc.record({
      Key: fc.constant(Key),
      Values: fc.array(fc.constantFrom(...(values[Key] ?? [])), { minLength: 1, maxLength: 3 }),
    }),
  );
  return fc.array(one, { maxLength: 3 });
};

describe('filters, against a model', () => {
  it('of ListKeys let through what has one of the values of each', async () => {
    const list = actions.find(({ action }) => action === 'ListKeys');
    if (list === undefined) throw new Error('unreachable');
    const values = {
      KeyState: ['Enabled', 'Disabled', 'PendingDeletion', 'Unavailable', 'P*'],
      KeySpec: ['Aliyun_AES_256', 'EC_P256', 'Aliyun_*', '*', 'aliyun_aes_256'],
      KeyUsage: ['ENCRYPT/DECRYPT', 'SIGN/VERIFY', 'SIGN'],
      DKMSInstanceId: ['kst-one', '', 'kst-*', 'kst-two'],
    };
    const property = fc.asyncProperty(filterOf(values), fc.integer({ min: 1, max: 40 }), async (filters, PageSize) => {
      const wanted = keys.filter((key) => passes((name) => [key[name as keyof ModelKey]], filters)).map(({ id }) => id);
      const found = await walk(list, PageSize, { Filters: JSON.stringify(filters) });
      expect(found.toSorted()).toEqual(wanted.toSorted());
    });
    await fc.assert(property, { numRuns: 60 });
  });

  it('of ListSecrets let through what has one of the values of each, also among several tags', async () => {
    const list = actions.find(({ action }) => action === 'ListSecrets');
    if (list === undefined) throw new Error('unreachable');
    const values = {
      SecretName: ['shop/*', 'bank/*', 'shop/s4', 'shop', '*'],
      Description: ['about 1', 'about*', 'none'],
      SecretType: ['Generic', 'Rds'],
      TagKey: ['team', 'stage', 'other'],
      TagValue: ['red', 'blue', 'test', 'Red'],
    };
    const textsOf =
      (secret: ModelSecret) =>
      (name: string): readonly string[] => {
        if (name === 'TagKey') return Object.keys(secret.tags);
        if (name === 'TagValue') return Object.values(secret.tags);
        return [name === 'SecretName' ? secret.name : secret[name as 'Description']];
      };
    const property = fc.asyncProperty(filterOf(values), fc.integer({ min: 1, max: 40 }), async (filters, PageSize) => {
      const wanted = secrets.filter((secret) => passes(textsOf(secret), filters)).map(({ name }) => name);
      const found = await walk(list, PageSize, { Filters: JSON.stringify(filters) });
      expect(found.toSorted()).toEqual(wanted.toSorted());
    });
    await fc.assert(property, { numRuns: 60 });
  });

  it('of ListTagResources, over all its pages, give each tag of each resource that has the tags once', async () => {
    const tag = fc.constantFrom<Fields>(
      { Key: 'team', Value: 'red' },
      { Key: 'team' },
      { Key: 'stage', Value: 'test' },
    );
    const property = fc.asyncProperty(fc.array(tag, { maxLength: 2 }), async (asked) => {
      const found: string[] = [];
      let NextToken = '';
      do {
        const more = { ...(NextToken !== '' && { NextToken }), ...(asked.length > 0 && { Tag: asked }) };
        const answer = await kms.call('ListTagResources', { RegionId: 'local', ResourceType: 'secret', ...more });
        for (const { ResourceId, TagKey } of at(answer, 'TagResources', 'TagResource')) {
          found.push(`${String(ResourceId)} ${String(TagKey)}`);
        }
        NextToken = String(answer['NextToken']);
      } while (NextToken !== '');
      const has = (secret: ModelSecret): boolean =>
        asked.every(({ Key, Value }) => {
          const value = secret.tags[String(Key)];
          return value !== undefined && (Value === undefined || value === Value);
        });
      const wanted = secrets.filter(has).flatMap(({ name, tags }) => Object.keys(tags).map((key) => `${name} ${key}`));
      expect(found.toSorted()).toEqual(wanted.toSorted());
    });
    await fc.assert(property, { numRuns: 20 });
  });
});
