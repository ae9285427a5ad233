import { createRequire } from 'node:module';
import type RamSdkModule from '@alicloud/ram20150501';
import { $OpenApiUtil } from '@alicloud/openapi-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KmsClient, staticCredentials } from '../../src/client/kms-client.ts';
import { startTestServer, type TestServer } from '../support/kms-server.ts';
import { trust } from './trust.ts';

const load = createRequire(import.meta.url);
const RamSdk = load('@alicloud/ram20150501') as typeof RamSdkModule;
type Ram = InstanceType<typeof RamSdk.default>;

let server: TestServer;
let ram: Ram;

const account = '1000000000000000';
const userName = 'ci';
const document = (Action: string | string[], Resource = '*'): string =>
  JSON.stringify({ Version: '1', Statement: [{ Effect: 'Allow', Action, Resource }] });
const custom = (policyName: string): { policyName: string; policyType: string } => ({
  policyName,
  policyType: 'Custom',
});

function sdkOf(accessKeyId: string, accessKeySecret: string): Ram {
  const credential = { accessKeyId, accessKeySecret, endpoint: server.host, protocol: 'https', regionId: 'local' };
  return new RamSdk.default(new $OpenApiUtil.Config({ ...credential, ca: server.caPem }));
}

function clientOf(accessKeyId: string, accessKeySecret: string): KmsClient {
  const credentials = staticCredentials({ accessKeyId, accessKeySecret });
  return new KmsClient({ endpoint: server.endpoint, caPem: server.caPem, region: 'local', credentials });
}

/** A new access key of the user. */
async function newKey(): Promise<{ id: string; secret: string }> {
  const { body } = await ram.createAccessKey(new RamSdk.CreateAccessKeyRequest({ userName }));
  return { id: body?.accessKey?.accessKeyId ?? '', secret: body?.accessKey?.accessKeySecret ?? '' };
}

beforeAll(async () => {
  server = await startTestServer();
  trust(server.caPem);
  ram = sdkOf(server.root.AccessKeyId, server.root.AccessKeySecret);
  await server.client.createSecret({ SecretName: 'shop/database', SecretData: 'password', VersionId: 'v1' });
  await ram.createUser(new RamSdk.CreateUserRequest({ userName, displayName: 'Build server' }));
});

afterAll(() => server.close());

describe('@alicloud/ram20150501 1.2.1', () => {
  test('makes a user whose access key may do what the attached policies say, from the next call on', async () => {
    const { id, secret } = await newKey();
    const client = clientOf(id, secret);
    const read = (): Promise<unknown> => client.getSecretValue({ SecretName: 'shop/database' });
    await expect(read()).rejects.toMatchObject({ code: 'Forbidden.NoPermission' });

    const policyDocument = document('kms:GetSecretValue', `acs:kms:*:${account}:secret/shop/*`);
    const created = await ram.createPolicy(new RamSdk.CreatePolicyRequest({ policyName: 'shop', policyDocument }));
    expect(created.body?.policy).toMatchObject({ policyName: 'shop', policyType: 'Custom', defaultVersion: 'v1' });
    await ram.attachPolicyToUser(new RamSdk.AttachPolicyToUserRequest({ ...custom('shop'), userName }));
    await expect(read()).resolves.toMatchObject({ SecretData: 'password' });

    await ram.detachPolicyFromUser(new RamSdk.DetachPolicyFromUserRequest({ ...custom('shop'), userName }));
    await expect(read()).rejects.toMatchObject({ code: 'Forbidden.NoPermission' });
    client.close();
    await ram.deleteAccessKey(new RamSdk.DeleteAccessKeyRequest({ userName, userAccessKeyId: id }));
  });

  test('switches an access key off and on, and deletes it, at once', async () => {
    const { id, secret } = await newKey();
    const client = clientOf(id, secret);
    const whoAmI = (): Promise<unknown> => client.call('Sts', 'GetCallerIdentity', {});
    const put = (status: string): Promise<unknown> =>
      ram.updateAccessKey(new RamSdk.UpdateAccessKeyRequest({ userName, userAccessKeyId: id, status }));
    await expect(whoAmI()).resolves.toMatchObject({ IdentityType: 'RAMUser' });
    await put('Inactive');
    await expect(whoAmI()).rejects.toMatchObject({ code: 'InvalidAccessKeyId.Inactive' });
    await put('Active');
    await expect(whoAmI()).resolves.toBeDefined();
    const asked = new RamSdk.GetAccessKeyLastUsedRequest({ userName, userAccessKeyId: id });
    const { body: used } = await ram.getAccessKeyLastUsed(asked);
    expect(used?.accessKeyLastUsed?.lastUsedDate).toMatch(/^\d{4}-\d\d-\d\dT/);
    await ram.deleteAccessKey(new RamSdk.DeleteAccessKeyRequest({ userName, userAccessKeyId: id }));
    await expect(whoAmI()).rejects.toMatchObject({ code: 'InvalidAccessKeyId.NotFound' });
    const left = await ram.listAccessKeys(new RamSdk.ListAccessKeysRequest({ userName }));
    expect(left.body?.accessKeys?.accessKey).toEqual([]);
    client.close();
  });

  test('is refused to users without permission for RAM', async () => {
    const { id, secret } = await newKey();
    const refused = sdkOf(id, secret).createUser(new RamSdk.CreateUserRequest({ userName: 'mallory' }));
    await expect(refused).rejects.toMatchObject({ code: 'NoPermission' });
    const all = await ram.listUsers(new RamSdk.ListUsersRequest({}));
    expect(all.body?.users?.user?.map((user) => user.userName)).toEqual([userName]);
    await ram.deleteAccessKey(new RamSdk.DeleteAccessKeyRequest({ userName, userAccessKeyId: id }));
  });

  test('makes roles and lists them with what is attached', async () => {
    const assumeRolePolicyDocument = JSON.stringify({
      Version: '1',
      Statement: [
        { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { RAM: [`acs:ram::${account}:user/${userName}`] } },
      ],
    });
    const roleName = 'builder';
    await ram.createRole(
      new RamSdk.CreateRoleRequest({ roleName, assumeRolePolicyDocument, maxSessionDuration: 7200 }),
    );
    const system = { policyName: 'AliyunKMSReadOnlyAccess', policyType: 'System' };
    await ram.attachPolicyToRole(new RamSdk.AttachPolicyToRoleRequest({ ...system, roleName }));
    const { body } = await ram.getRole(new RamSdk.GetRoleRequest({ roleName }));
    expect(body?.role).toMatchObject({ arn: `acs:ram::${account}:role/builder`, maxSessionDuration: 7200 });
    const attached = await ram.listPoliciesForRole(new RamSdk.ListPoliciesForRoleRequest({ roleName }));
    expect(attached.body?.policies?.policy).toMatchObject([system]);
    const deleted = ram.deleteRole(new RamSdk.DeleteRoleRequest({ roleName }));
    await expect(deleted).rejects.toMatchObject({ code: 'DeleteConflict.Role.Policy' });
  });

  test('makes roles that its users assume, and whose sessions end with the role', async () => {
    const { id, secret } = await newKey();
    const user = clientOf(id, secret);
    const roleName = 'deployer';
    const trusted = { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { RAM: [`acs:ram::${account}:root`] } };
    const assumeRolePolicyDocument = JSON.stringify({ Version: '1', Statement: [trusted] });
    await ram.createRole(new RamSdk.CreateRoleRequest({ roleName, assumeRolePolicyDocument }));
    const system = { policyName: 'AliyunKMSReadOnlyAccess', policyType: 'System' };
    await ram.attachPolicyToRole(new RamSdk.AttachPolicyToRoleRequest({ ...system, roleName }));
    const assume = (): Promise<Record<string, unknown>> =>
      user.call('Sts', 'AssumeRole', { RoleArn: `acs:ram::${account}:role/${roleName}`, RoleSessionName: 'run' });
    await expect(assume()).rejects.toMatchObject({ code: 'NoPermission' });

    const policyDocument = document('sts:AssumeRole', `acs:ram::${account}:role/${roleName}`);
    await ram.createPolicy(new RamSdk.CreatePolicyRequest({ policyName: 'assume', policyDocument }));
    await ram.attachPolicyToUser(new RamSdk.AttachPolicyToUserRequest({ ...custom('assume'), userName }));
    const { Credentials } = (await assume()) as { Credentials: Record<string, string> };
    const credentials = staticCredentials({
      accessKeyId: Credentials['AccessKeyId'] ?? '',
      accessKeySecret: Credentials['AccessKeySecret'] ?? '',
      securityToken: Credentials['SecurityToken'] ?? '',
    });
    const session = new KmsClient({ endpoint: server.endpoint, caPem: server.caPem, region: 'local', credentials });
    await expect(session.listKeys({})).resolves.toBeDefined();

    await ram.detachPolicyFromRole(new RamSdk.DetachPolicyFromRoleRequest({ ...system, roleName }));
    await expect(session.listKeys({})).rejects.toMatchObject({ code: 'Forbidden.NoPermission' });
    await ram.deleteRole(new RamSdk.DeleteRoleRequest({ roleName }));
    await ram.createRole(new RamSdk.CreateRoleRequest({ roleName, assumeRolePolicyDocument }));
    await ram.attachPolicyToRole(new RamSdk.AttachPolicyToRoleRequest({ ...system, roleName }));
    await expect(session.listKeys({})).rejects.toMatchObject({ code: 'Forbidden.NoPermission' });
    user.close();
    session.close();
  });

  test('shows the path of what is wrong in a policy', async () => {
    const policyDocument = document(['kms:*', 'all']);
    const refused = ram.createPolicy(new RamSdk.CreatePolicyRequest({ policyName: 'wrong', policyDocument }));
    await expect(refused).rejects.toMatchObject({
      code: 'InvalidPolicyDocument',
      message: expect.stringContaining('Statement[0].Action[1]') as string,
    });
  });
});
