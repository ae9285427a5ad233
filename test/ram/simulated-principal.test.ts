import { beforeEach, describe, expect, test } from 'vitest';
import type { Principal } from '../../src/policy/principal.ts';
import { findRole } from '../../src/ram/roles.ts';
import { findPrincipal } from '../../src/ram/simulated-principal.ts';
import { accountId, RamScene, trustAccount } from './ram-scene.ts';

let scene: RamScene;

const find = (text: string): Promise<Principal> =>
  findPrincipal({ store: scene.store, accountId, facts: scene.facts }, text);

beforeEach(async () => {
  scene = new RamScene();
  await scene.call('CreateUser', { UserName: 'ci' });
  await scene.call('CreateRole', { RoleName: 'builder', AssumeRolePolicyDocument: trustAccount });
  const serviceAccounts = [{ namespace: 'shop', name: 'shop' }];
  scene.entrances.push(
    { name: 'shop', method: 'RAMRole', roleName: 'shop', serviceAccounts },
    { name: 'bank', method: 'ClientKey', serviceAccounts: [{ namespace: 'bank', name: 'teller' }] },
    { name: 'node', method: 'RAMRole', serviceAccounts: [] },
  );
});

describe('a principal', () => {
  test.each(['root', `acs:ram::${accountId}:root`])('is the account: %s', async (text) => {
    expect(await find(text)).toMatchObject({ kind: 'Account', accountId });
  });

  test.each(['user/ci', `acs:ram::${accountId}:user/ci`])('is a user: %s', async (text) => {
    expect(await find(text)).toMatchObject({ kind: 'RamUser', userName: 'ci' });
  });

  test.each(['role/builder', `acs:ram::${accountId}:assumed-role/builder/run-1`])(
    'is a session of the role as it is now: %s',
    async (text) => {
      const { roleId } = (await findRole(scene.store, 'builder')) ?? {};
      expect(await find(text)).toMatchObject({ kind: 'RoleSession', roleName: 'builder', roleId });
    },
  );

  test('is a pod at the one access point that lists its service account', async () => {
    expect(await find('serviceaccount/shop/shop')).toMatchObject({
      kind: 'RoleSession',
      roleName: 'shop',
      accessPoint: 'shop',
      serviceAccount: { namespace: 'shop', name: 'shop' },
    });
    expect(await find('serviceaccount/bank/teller')).toMatchObject({ kind: 'ClientKey', accessPoint: 'bank' });
  });

  test.each(['applicationaccesspoint/bank', `acs:kms:local:${accountId}:applicationaccesspoint/bank`])(
    'is whoever came through an access point: %s',
    async (text) => {
      expect(await find(text)).toMatchObject({ kind: 'ClientKey', accessPoint: 'bank' });
    },
  );

  test('at several access points is asked for by access point', async () => {
    scene.entrances.push({
      name: 'other',
      method: 'RAMRole',
      roleName: 'other',
      serviceAccounts: [{ namespace: 'shop', name: 'shop' }],
    });
    await expect(find('serviceaccount/shop/shop')).rejects.toThrow('may enter shop, other');
  });

  test.each([
    ['user/nobody', 'EntityNotExist.User'],
    ['role/none', 'EntityNotExist.Role'],
    ['applicationaccesspoint/none', 'Forbidden.ResourceNotFound'],
    ['applicationaccesspoint/node', 'InvalidParameter'],
    ['serviceaccount/shop/intruder', 'InvalidParameter'],
    ['acs:ram::2000:user/ci', 'InvalidParameter'],
    ['user/', 'InvalidParameter'],
    ['ci', 'InvalidParameter'],
  ])('is not %s', async (text, code) => {
    await expect(find(text)).rejects.toMatchObject({ code });
  });
});
