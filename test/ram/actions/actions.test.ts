import { describe, expect, test } from 'vitest';
import { findAccessKey } from '../../../src/ram/access-keys.ts';
import { readSecrets, RamScene, trustAccount, accountId } from '../ram-scene.ts';

const ci = { UserName: 'ci' };
const reader = { PolicyName: 'reader', PolicyDocument: readSecrets };
const attached = { ...ci, PolicyName: 'reader', PolicyType: 'Custom' };

async function sceneWithUser(): Promise<RamScene> {
  const scene = new RamScene();
  await scene.call('CreateUser', ci);
  return scene;
}

async function newKey(scene: RamScene): Promise<string> {
  const { AccessKey } = (await scene.call('CreateAccessKey', ci)) as { AccessKey: { AccessKeyId: string } };
  return AccessKey.AccessKeyId;
}

describe('every action of RAM', () => {
  const parameters = {
    UserName: 'ci',
    RoleName: 'builder',
    PolicyName: 'reader',
    PolicyType: 'Custom',
    PolicyDocument: readSecrets,
    AssumeRolePolicyDocument: trustAccount,
    UserAccessKeyId: 'KAK000000000000000000000',
    Status: 'Active',
    VersionId: 'v1',
    Principal: 'user/ci',
    PolicyAction: 'kms:Decrypt',
    Resource: '*',
    OIDCProviderName: 'builder',
    IssuerUrl: 'https://issuer.example',
    ClientIds: 'ci',
  };

  test('asks for the permission of its own name on what it is about', async () => {
    const scene = new RamScene();
    for (const name of scene.actions.keys()) {
      const access = await scene.access(name, parameters);
      expect(access.length, name).toBeGreaterThan(0);
      for (const one of access) {
        expect(one).toMatch(
          new RegExp(`^ram:${name} on acs:ram::${accountId}:(user|role|policy|oidc-provider)(/(ci|builder|reader))?$`),
        );
      }
    }
  });

  test('that attaches a policy asks about both sides', async () => {
    expect(await new RamScene().access('AttachPolicyToUser', attached)).toEqual([
      `ram:AttachPolicyToUser on acs:ram::${accountId}:user/ci`,
      `ram:AttachPolicyToUser on acs:ram::${accountId}:policy/reader`,
    ]);
  });

  test('about an access key without UserName is about the caller', async () => {
    const scene = await sceneWithUser();
    const self = { kind: 'RamUser', accountId, userName: 'ci', accessKeyId: 'AK' } as const;
    expect(await scene.access('CreateAccessKey', {}, self)).toEqual([
      `ram:CreateAccessKey on acs:ram::${accountId}:user/ci`,
    ]);
    expect(await scene.access('CreateAccessKey')).toEqual([`ram:CreateAccessKey on acs:ram::${accountId}:root`]);
    const pod = { kind: 'ClientKey', accountId, accessPoint: 'shop', accessKeyId: 'KAAP.1' } as const;
    await expect(scene.access('CreateAccessKey', {}, pod)).rejects.toMatchObject({ code: 'MissingParameter' });
  });
});

describe('a user', () => {
  test('is created, read, changed, listed and deleted', async () => {
    const scene = await sceneWithUser();
    const { User } = (await scene.call('GetUser', ci)) as { User: Record<string, unknown> };
    expect(User).toMatchObject({ UserName: 'ci', DisplayName: '', CreateDate: '2026-01-01T00:00:00Z' });
    await scene.call('UpdateUser', { ...ci, NewDisplayName: 'Build server' });
    expect(await scene.call('ListUsers')).toMatchObject({
      IsTruncated: false,
      Users: { User: [{ UserName: 'ci', UserId: User['UserId'], DisplayName: 'Build server' }] },
    });
    await scene.call('DeleteUser', ci);
    await expect(scene.call('GetUser', ci)).rejects.toMatchObject({ code: 'EntityNotExist.User' });
  });

  test('exists once, and keeps its name', async () => {
    const scene = await sceneWithUser();
    await expect(scene.call('CreateUser', ci)).rejects.toMatchObject({ code: 'EntityAlreadyExists.User' });
    const renamed = scene.call('UpdateUser', { ...ci, NewUserName: 'other' });
    await expect(renamed).rejects.toMatchObject({ code: 'UnsupportedOperation' });
  });

  test('is not deleted while policies or access keys hang on it', async () => {
    const scene = await sceneWithUser();
    await scene.call('CreatePolicy', reader);
    await scene.call('AttachPolicyToUser', attached);
    const accessKeyId = await newKey(scene);
    await expect(scene.call('DeleteUser', ci)).rejects.toMatchObject({ code: 'DeleteConflict.User.Policy' });
    await scene.call('DetachPolicyFromUser', attached);
    await expect(scene.call('DeleteUser', ci)).rejects.toMatchObject({ code: 'DeleteConflict.User.AccessKey' });
    await scene.call('DeleteAccessKey', { ...ci, UserAccessKeyId: accessKeyId });
    await expect(scene.call('DeleteUser', ci)).resolves.toEqual({});
  });

  test.each(['', '.', '..', 'a/b', 'a b', 'ü', 'x'.repeat(65)])('is not called %j', async (UserName) => {
    await expect(new RamScene().access('CreateUser', { UserName })).rejects.toMatchObject({ code: 'InvalidParameter' });
  });

  test('list comes in pages that neither repeat nor leave out', async () => {
    const scene = new RamScene();
    for (const UserName of ['c', 'a', 'b']) await scene.call('CreateUser', { UserName });
    const names: string[] = [];
    let Marker = '';
    do {
      const page = (await scene.call('ListUsers', { MaxItems: '1', Marker })) as {
        Users: { User: { UserName: string }[] };
        Marker?: string;
      };
      names.push(...page.Users.User.map((user) => user.UserName));
      Marker = page.Marker ?? '';
    } while (Marker !== '');
    expect(names).toEqual(['a', 'b', 'c']);
  });
});

describe('an access key', () => {
  test('shows its secret once, can be switched, and is gone for good when deleted', async () => {
    const scene = await sceneWithUser();
    const { AccessKey } = (await scene.call('CreateAccessKey', ci)) as { AccessKey: Record<string, string> };
    expect(AccessKey).toMatchObject({
      Status: 'Active',
      AccessKeySecret: expect.stringMatching(/^[\w-]{43}$/) as string,
    });
    const one = { ...ci, UserAccessKeyId: AccessKey['AccessKeyId'] ?? '' };
    expect(JSON.stringify(await scene.call('ListAccessKeys', ci))).not.toContain(AccessKey['AccessKeySecret']);
    await scene.call('UpdateAccessKey', { ...one, Status: 'Inactive' });
    expect((await findAccessKey(scene.store, one.UserAccessKeyId))?.active).toBe(false);
    await scene.call('DeleteAccessKey', one);
    expect(await findAccessKey(scene.store, one.UserAccessKeyId)).toBeUndefined();
    const back = scene.call('UpdateAccessKey', { ...one, Status: 'Active' });
    await expect(back).rejects.toMatchObject({ code: 'EntityNotExist.User.AccessKey' });
  });

  test('is one of two', async () => {
    const scene = await sceneWithUser();
    await newKey(scene);
    await newKey(scene);
    await expect(newKey(scene)).rejects.toMatchObject({ code: 'LimitExceeded.User.AccessKey' });
  });

  test('of another user, or of the account, cannot be touched through a user', async () => {
    const scene = await sceneWithUser();
    await scene.call('CreateUser', { UserName: 'other' });
    const mine = await newKey(scene);
    const theirs = scene.call('DeleteAccessKey', { UserName: 'other', UserAccessKeyId: mine });
    await expect(theirs).rejects.toMatchObject({ code: 'EntityNotExist.User.AccessKey' });
    const { AccessKey } = (await scene.call('CreateAccessKey')) as { AccessKey: { AccessKeyId: string } };
    const roots = scene.call('UpdateAccessKey', { ...ci, UserAccessKeyId: AccessKey.AccessKeyId, Status: 'Inactive' });
    await expect(roots).rejects.toMatchObject({ code: 'EntityNotExist.User.AccessKey' });
  });

  test('is for users that exist', async () => {
    await expect(newKey(new RamScene())).rejects.toMatchObject({ code: 'EntityNotExist.User' });
  });
});

describe('a role', () => {
  const builder = { RoleName: 'builder', AssumeRolePolicyDocument: trustAccount };

  test('is created, read, changed, listed and deleted', async () => {
    const scene = new RamScene();
    await scene.call('CreateRole', builder);
    await scene.call('UpdateRole', { RoleName: 'builder', NewDescription: 'Builds', NewMaxSessionDuration: '7200' });
    expect(await scene.call('GetRole', { RoleName: 'builder' })).toMatchObject({
      Role: {
        Arn: `acs:ram::${accountId}:role/builder`,
        Description: 'Builds',
        MaxSessionDuration: 7200,
        AssumeRolePolicyDocument: trustAccount,
      },
    });
    expect(JSON.stringify(await scene.call('ListRoles'))).not.toContain('AssumeRolePolicyDocument');
    await scene.call('DeleteRole', { RoleName: 'builder' });
    await expect(scene.call('GetRole', { RoleName: 'builder' })).rejects.toMatchObject({ code: 'EntityNotExist.Role' });
  });

  test('with a trust policy that is none is refused with the element that is wrong', async () => {
    const wrong = new RamScene().call('CreateRole', { ...builder, AssumeRolePolicyDocument: readSecrets });
    await expect(wrong).rejects.toMatchObject({ code: 'InvalidPolicyDocument', path: 'Statement[0].Resource' });
  });

  test('holds policies as users do', async () => {
    const scene = new RamScene();
    await scene.call('CreateRole', builder);
    const one = { RoleName: 'builder', PolicyName: 'AliyunKMSFullAccess', PolicyType: 'System' };
    await scene.call('AttachPolicyToRole', one);
    await expect(scene.call('AttachPolicyToRole', one)).rejects.toMatchObject({
      code: 'EntityAlreadyExists.Role.Policy',
    });
    await expect(scene.call('DeleteRole', builder)).rejects.toMatchObject({ code: 'DeleteConflict.Role.Policy' });
    expect(await scene.call('ListPoliciesForRole', { RoleName: 'builder' })).toMatchObject({
      Policies: { Policy: [{ PolicyName: 'AliyunKMSFullAccess', PolicyType: 'System', DefaultVersion: 'v3' }] },
    });
    await scene.call('DetachPolicyFromRole', one);
    await expect(scene.call('DetachPolicyFromRole', one)).rejects.toMatchObject({ code: 'EntityNotExist.Role.Policy' });
  });
});

describe('a policy', () => {
  test('is refused with the path of the element that is wrong', async () => {
    const PolicyDocument = JSON.stringify({
      Version: '1',
      Statement: [{ Effect: 'Allow', Action: ['kms:*', 'everything'], Resource: '*' }],
    });
    await expect(new RamScene().call('CreatePolicy', { ...reader, PolicyDocument })).rejects.toMatchObject({
      code: 'InvalidPolicyDocument',
      message: expect.stringContaining('Statement[0].Action[1]') as string,
    });
  });

  test('is not deleted while it is attached, and a policy that does not exist is not attached', async () => {
    const scene = await sceneWithUser();
    await expect(scene.call('AttachPolicyToUser', attached)).rejects.toMatchObject({ code: 'EntityNotExist.Policy' });
    await scene.call('CreatePolicy', reader);
    await scene.call('AttachPolicyToUser', attached);
    await expect(scene.call('DeletePolicy', reader)).rejects.toMatchObject({ code: 'DeleteConflict.Policy.User' });
    expect(await scene.call('ListEntitiesForPolicy', attached)).toMatchObject({
      Users: { User: [{ UserName: 'ci' }] },
    });
    expect(await scene.call('GetPolicy', attached)).toMatchObject({ Policy: { AttachmentCount: 1 } });
    await scene.call('DetachPolicyFromUser', attached);
    await expect(scene.call('DeletePolicy', reader)).resolves.toEqual({});
  });

  test('list has the system policies and one’s own', async () => {
    const scene = new RamScene();
    await scene.call('CreatePolicy', reader);
    const all = (await scene.call('ListPolicies')) as { Policies: { Policy: { PolicyName: string }[] } };
    expect(all.Policies.Policy).toHaveLength(7);
    const own = await scene.call('ListPolicies', { PolicyType: 'Custom' });
    expect(own).toMatchObject({ Policies: { Policy: [{ PolicyName: 'reader', DefaultVersion: 'v1' }] } });
  });

  test('is changed by a new version, of which five are kept', async () => {
    const scene = new RamScene();
    await scene.call('CreatePolicy', reader);
    const document = readSecrets.replace('Allow', 'Deny');
    const add = (more: object): Promise<Record<string, unknown>> =>
      scene.call('CreatePolicyVersion', { PolicyName: 'reader', PolicyDocument: document, ...more });
    expect(await add({ SetAsDefault: 'true' })).toMatchObject({
      PolicyVersion: { VersionId: 'v2', IsDefaultVersion: true, PolicyDocument: document },
    });
    for (let count = 3; count <= 5; count += 1) await add({});
    await expect(add({})).rejects.toMatchObject({ code: 'LimitExceeded.Policy.Version' });
    await add({ RotateStrategy: 'DeleteOldestNonDefaultVersionWhenLimitExceeded' });
    const versions = (await scene.call('ListPolicyVersions', { PolicyName: 'reader', PolicyType: 'Custom' })) as {
      PolicyVersions: { PolicyVersion: { VersionId: string }[] };
    };
    const ids = versions.PolicyVersions.PolicyVersion.map(({ VersionId }) => VersionId);
    expect(ids).toEqual(['v2', 'v3', 'v4', 'v5', 'v6']);
    const inForce = scene.call('DeletePolicyVersion', { PolicyName: 'reader', VersionId: 'v2' });
    await expect(inForce).rejects.toMatchObject({ code: 'DeleteConflict.Policy.Version' });
    await scene.call('SetDefaultPolicyVersion', { PolicyName: 'reader', VersionId: 'v6' });
    await scene.call('DeletePolicyVersion', { PolicyName: 'reader', VersionId: 'v2' });
    await expect(scene.call('DeletePolicy', reader)).rejects.toMatchObject({ code: 'DeleteConflict.Policy.Version' });
  });
});
