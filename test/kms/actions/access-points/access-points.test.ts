import { beforeEach, describe, expect, it } from 'vitest';
import { createAccessPointDirectory, loadAccessPoint } from '../../../../src/kms/access-points.ts';
import { accessPointTable } from '../../../../src/kms/records/access-point.ts';
import { networkRuleTable } from '../../../../src/kms/records/network-rule.ts';
import { rbacPolicyTable } from '../../../../src/kms/records/rbac-policy.ts';
import { openBarrier, type Barrier } from '../../../../src/storage/barrier.ts';
import { MemoryStore } from '../../../../src/storage/memory-store.ts';
import { AccessPointScene } from '../../access-point-scene.ts';
import { arn } from '../../kms-scene.ts';

let kms: AccessPointScene;
beforeEach(async () => {
  kms = await AccessPointScene.start();
});

const pods = (...names: string[]): { namespace: string; name: string }[] =>
  names.map((name) => ({ namespace: 'shop', name }));

const role = (roleName: string, ...names: string[]): string =>
  JSON.stringify({ ramRole: { trustedRole: 'ServiceAccountRole', roleName, serviceAccounts: pods(...names) } });
const found = async (roleName: string): Promise<string[]> =>
  (await createAccessPointDirectory(kms.store, kms.clock).findByRoleName(roleName)).map(({ name }) => name);

/** What the scene has, in a store that gives the same record until it is changed. */
async function sharingCopy(): Promise<Barrier> {
  const wrap = (rootKey: Uint8Array): Promise<Buffer> => Promise.resolve(Buffer.from(rootKey));
  const store = await openBarrier(new MemoryStore(), { kind: 'test', wrap, unwrap: wrap }, { createIfMissing: true });
  await store.transact(async (transaction) => {
    for (const table of [accessPointTable, rbacPolicyTable, networkRuleTable]) {
      for (const { key, value } of await kms.store.scan(table.bucket)) await transaction.put(table.bucket, key, value);
    }
  });
  return store;
}

describe('application access points', () => {
  it('return what they were made with, and JSON text for lists', async () => {
    const config = {
      ramRole: { trustedRole: 'ServiceAccountRole', roleName: 'shop', serviceAccounts: pods('web') },
      mode: 'Shadow',
    };
    await kms.createPoint({ AuthenticationMethod: 'RAMRole', AuthenticationConfig: JSON.stringify(config) });
    const described = await kms.call('DescribeApplicationAccessPoint', { Name: 'shop' });
    expect(described).toMatchObject({
      Arn: arn('applicationaccesspoint/shop'),
      AuthenticationMethod: 'RAMRole',
      Policies: '["shop"]',
    });
    expect(JSON.parse(described['AuthenticationConfig'] as string)).toEqual(config);
    expect(await kms.call('ListApplicationAccessPoints')).toMatchObject({
      ApplicationAccessPoints: { ApplicationAccessPoint: [{ AuthenticationMethod: 'RAMRole', Name: 'shop' }] },
    });
  });

  it.each<[string, Record<string, unknown>, RegExp]>([
    ['no policy', { Policies: '[]' }, /Policies is not valid. It must be a JSON list of one to three/],
    ['four policies', { Policies: '["a","b","c","d"]' }, /Policies is not valid/],
    ['an unknown policy', { Policies: '["none"]' }, /^Forbidden.ResourceNotFound: There is no permission policy none/],
    ['the method RAMRole without a role', { AuthenticationMethod: 'RAMRole' }, /give ramRole, and only that/],
    [
      'a role with the method ClientKey',
      { AuthenticationConfig: '{"ramRole":{"trustedRole":"ECSInstanceRole","roleName":"x"}}' },
      /ramRole goes with the method RAMRole only/,
    ],
    [
      'ServiceAccountRole without service accounts',
      {
        AuthenticationMethod: 'RAMRole',
        AuthenticationConfig: '{"ramRole":{"trustedRole":"ServiceAccountRole","roleName":"x"}}',
      },
      /needs at least one of serviceAccounts/,
    ],
    [
      "a role of Kaap's own (C7)",
      {
        AuthenticationMethod: 'RAMRole',
        AuthenticationConfig: '{"ramRole":{"trustedRole":"ECSInstanceRole","roleName":"kaap-operator"}}',
      },
      /names a role of Kaap itself/,
    ],
    [
      'a service account with a wildcard',
      { AuthenticationConfig: '{"clientKey":{"serviceAccounts":[{"namespace":"*","name":"x"}]}}' },
      /AuthenticationConfig is not valid/,
    ],
    ['a name with a slash', { Name: 'a/b' }, /Name is not valid/],
  ])('refuse %s', async (_what, parameters, message) => {
    expect(
      await kms.failure('CreateApplicationAccessPoint', { Name: 'shop', Policies: '["shop"]', ...parameters }),
    ).toMatch(message);
    expect(await kms.call('ListApplicationAccessPoints')).toMatchObject({ TotalCount: 0 });
  });

  it('give their policies expanded, with network rules, as they are now', async () => {
    await kms.createPoint();
    const grant = await loadAccessPoint(kms.store, 'shop');
    expect(grant).toMatchObject({ name: 'shop', mode: 'Enforce', method: 'ClientKey' });
    expect(grant?.policies.map(({ name, scope }) => [name, scope])).toEqual([['shop', 'shared']]);
    expect(grant?.policies[0]?.networkRules?.map(({ name }) => name)).toEqual(['office']);
    await kms.call('UpdatePolicy', { Name: 'shop', AccessControlRules: '{"NetworkRules":[]}' });
    expect((await loadAccessPoint(kms.store, 'shop'))?.policies[0]).not.toHaveProperty('networkRules');
    expect(await loadAccessPoint(kms.store, 'none')).toBeUndefined();
  });

  it('are expanded once from the same records, and anew when the policy or one of its rules was changed', async () => {
    await kms.createPoint();
    const store = await sharingCopy();
    const policy = async (): Promise<unknown> => (await loadAccessPoint(store, 'shop'))?.policies[0];
    const first = await policy();
    expect(await policy()).toBe(first);
    const [{ record: rule } = {}] = await networkRuleTable.all(store);
    await store.transact(async (transaction) => {
      if (rule !== undefined) await networkRuleTable.put(transaction, 'office', { ...rule, sourcePrivateIp: ['::1'] });
    });
    const second = await policy();
    expect(second).not.toEqual(first);
    const [{ record } = {}] = await rbacPolicyTable.all(store);
    await store.transact(async (transaction) => {
      if (record !== undefined) await rbacPolicyTable.put(transaction, 'shop', { ...record, resources: ['secret/s'] });
    });
    expect(await policy()).toMatchObject({ resources: [{ kind: 'secret', relativeId: 'secret/s' }] });
    await store.transact((transaction) => networkRuleTable.delete(transaction, 'office'));
    expect(await policy()).toMatchObject({ networkRules: [] });
  });

  it('C9: a network rule that is gone admits nobody, not everybody', async () => {
    await kms.createPoint();
    await kms.store.transact((transaction) => transaction.delete('kms/network-rules', 'office'));
    expect((await loadAccessPoint(kms.store, 'shop'))?.policies[0]?.networkRules).toEqual([]);
  });
});

describe('the directory of access points', () => {
  it('finds access points by the role that pods assume, and follows updates and deletes', async () => {
    await kms.createPoint({ AuthenticationMethod: 'RAMRole', AuthenticationConfig: role('r', 'web') });
    await kms.createPoint({ Name: 'two', AuthenticationMethod: 'RAMRole', AuthenticationConfig: role('r', 'api') });
    expect(await createAccessPointDirectory(kms.store, kms.clock).findByRoleName('r')).toEqual([
      { name: 'shop', method: 'RAMRole', serviceAccounts: pods('web') },
      { name: 'two', method: 'RAMRole', serviceAccounts: pods('api') },
    ]);
    await kms.call('UpdateApplicationAccessPoint', { Name: 'shop', AuthenticationConfig: role('other', 'web') });
    expect([await found('r'), await found('other')]).toEqual([['two'], ['shop']]);
    await kms.call('DeleteApplicationAccessPoint', { Name: 'two' });
    expect(await found('r')).toEqual([]);
  });

  it('C7: matches role names exactly', async () => {
    await kms.createPoint({ AuthenticationMethod: 'RAMRole', AuthenticationConfig: role('reader', 'web') });
    for (const name of ['read', 'reader2', 'READER', '', '*', 'reader\nshop']) expect(await found(name)).toEqual([]);
  });

  it('knows the implied role of a client key access point, once it names service accounts', async () => {
    await kms.createPoint();
    expect(await found('kaap-client-key-shop')).toEqual([]);
    await kms.call('UpdateApplicationAccessPoint', {
      Name: 'shop',
      AuthenticationConfig: JSON.stringify({ clientKey: { serviceAccounts: pods('web') } }),
    });
    expect(await found('kaap-client-key-shop')).toEqual(['shop']);
  });

  it('says of a role that is not for service accounts which service it is for', async () => {
    await kms.createPoint({
      AuthenticationMethod: 'RAMRole',
      AuthenticationConfig: '{"ramRole":{"trustedRole":"ACKWorkerRole","roleName":"worker"}}',
    });
    const entry = { name: 'shop', method: 'RAMRole', serviceAccounts: [], service: 'ecs.aliyuncs.com' };
    expect(await createAccessPointDirectory(kms.store, kms.clock).findByRoleName('worker')).toEqual([entry]);
  });
});
