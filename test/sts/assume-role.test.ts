import { beforeEach, describe, expect, test } from 'vitest';
import type { Principal } from '../../src/policy/principal.ts';
import { accountTrustDocument } from '../../src/ram/trust-documents.ts';
import { account, accountId, clientKey, documentOf, podSession, roleSession, user } from '../support/policy-scene.ts';
import { StsScene } from '../support/sts-scene.ts';

const role = { name: 'admin', roleId: 'r1', maxSessionSeconds: 7200, trustPolicy: accountTrustDocument(accountId) };
const forAdmin = { RoleArn: `acs:ram::${accountId}:role/admin`, RoleSessionName: 'run-1' };

let sts: StsScene;
const assume = (principal: Principal, input: object = {}) =>
  sts.call('AssumeRole', { ...forAdmin, ...input }, principal);

beforeEach(() => {
  sts = new StsScene();
  sts.roles.push(role);
});

describe('AssumeRole', () => {
  test("asks for the caller's permission on exactly that role", async () => {
    const action = sts.action('AssumeRole');
    const plan = await action.plan(action.input.parse(forAdmin), sts.context(user));
    expect(plan.access).toEqual([{ action: 'sts:AssumeRole', resource: forAdmin.RoleArn, scope: 'shared' }]);
  });

  test('gives a user a session of the role', async () => {
    const answer = await assume(user, { DurationSeconds: '7200' });
    expect(answer.AssumedRoleUser).toEqual({
      Arn: `acs:ram::${accountId}:role/admin/run-1`,
      AssumedRoleId: 'r1:run-1',
    });
    expect(answer).not.toHaveProperty('OIDCTokenInfo');
    expect(sts.open(answer).session).toMatchObject({
      roleName: 'admin',
      roleId: 'r1',
      expiresAt: sts.clock.now() + 7_200_000,
    });
  });

  test('gives a session of a role a session of an hour at most', async () => {
    expect(sts.open(await assume(roleSession)).session.roleName).toBe('admin');
    await expect(assume(roleSession, { DurationSeconds: '3601' })).rejects.toMatchObject({
      code: 'InvalidParameter.DurationSeconds',
    });
  });

  test.each([
    ['the account itself', account],
    ['a pod at an access point', podSession],
    ['a client key', clientKey],
    ['nobody', { kind: 'Anonymous' } as const],
  ])('gives nothing to %s, whatever the role trusts', async (_title, principal) => {
    await expect(assume(principal)).rejects.toMatchObject({ code: 'NoPermission' });
  });

  test('gives nothing to whom the trust policy does not name, and says which policy it was', async () => {
    const trustPolicy = documentOf({
      Effect: 'Allow',
      Action: 'sts:AssumeRole',
      Principal: { RAM: `acs:ram::${accountId}:user/other` },
    });
    sts.roles[0] = { ...role, trustPolicy };
    await expect(assume(user)).rejects.toMatchObject({
      code: 'NoPermission',
      detail: { NoPermissionType: 'ImplicitDeny', PolicyType: 'AssumeRolePolicy', AuthPrincipalDisplayName: 'ci' },
    });
  });

  test('takes the external id that the trust policy asks for', async () => {
    const statement = { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { RAM: `acs:ram::${accountId}:root` } };
    const Condition = { StringEquals: { 'sts:ExternalId': 'x1' } };
    sts.roles[0] = { ...role, trustPolicy: documentOf({ ...statement, Condition }) };
    await expect(assume(user)).rejects.toMatchObject({ code: 'NoPermission' });
    expect((await assume(user, { ExternalId: 'x1' })).Credentials.AccessKeyId).toMatch(/^STS\./);
  });

  test('does not know a role that is not there, nor one in another case', async () => {
    for (const name of ['none', 'Admin']) {
      const RoleArn = `acs:ram::${accountId}:role/${name}`;
      await expect(assume(user, { RoleArn })).rejects.toMatchObject({ code: 'EntityNotExist.Role' });
    }
  });
});

describe('GetCallerIdentity', () => {
  test.each([
    [
      account,
      { IdentityType: 'Account', Arn: 'acs:ram::1000:root', AccountId: '1000', PrincipalId: '1000', UserId: '1000' },
    ],
    [
      user,
      { IdentityType: 'RAMUser', Arn: 'acs:ram::1000:user/ci', AccountId: '1000', PrincipalId: 'ci', UserId: 'ci' },
    ],
    [
      { ...roleSession, roleId: 'r9' },
      {
        IdentityType: 'AssumedRoleUser',
        Arn: 'acs:ram::1000:assumed-role/builder/run-1',
        AccountId: '1000',
        PrincipalId: 'r9:run-1',
        RoleId: 'r9',
      },
    ],
    [
      clientKey,
      {
        IdentityType: 'ClientKey',
        Arn: 'acs:kms::1000:applicationaccesspoint/shop/clientkey/KAAP.1',
        AccountId: '1000',
        PrincipalId: 'shop',
      },
    ],
  ])('tells who signed: %#', async (principal, expected) => {
    expect(await sts.call('GetCallerIdentity', {}, principal)).toEqual(expected);
  });

  test('needs no permission', () => {
    expect(sts.action('GetCallerIdentity').unauthorized).toBe(true);
  });
});
