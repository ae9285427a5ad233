import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applicationAccessPointType } from '../../src/api/v1alpha1/application-access-point.ts';
import { ramPolicyType } from '../../src/api/v1alpha1/ram-policy.ts';
import { ramRoleType } from '../../src/api/v1alpha1/ram-role.ts';
import { ramUserType } from '../../src/api/v1alpha1/ram-user.ts';
import { rbacPolicyType } from '../../src/api/v1alpha1/rbac-policy.ts';
import { KmsClient, staticCredentials } from '../../src/client/kms-client.ts';
import type { ResourceType } from '../../src/kube/resource.ts';
import { secretType, startOperatorScene, until, type OperatorScene, type Subject } from './operator-scene.ts';

let scene: OperatorScene;

beforeAll(async () => {
  scene = await startOperatorScene();
});
afterAll(() => scene.close());

const allow = (Action: string, Resource = '*'): string =>
  JSON.stringify({ Version: '1', Statement: [{ Effect: 'Allow', Action, Resource }] });
const trusts = (Principal: object): string =>
  JSON.stringify({ Version: '1', Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal }] });
const account = trusts({ RAM: 'acs:ram::1000000000000000:root' });

const messageOf = (object: Subject): string => object.status?.conditions?.[0]?.message ?? '';
const ram = (action: string, parameters: Record<string, unknown>): Promise<Record<string, unknown>> =>
  scene.kms.call('Ram', action, parameters);

async function attached(kind: 'User' | 'Role', name: string): Promise<string[]> {
  const answer = await ram(`ListPoliciesFor${kind}`, { [`${kind}Name`]: name });
  const { Policy } = answer['Policies'] as { Policy: { PolicyName: string }[] };
  return Policy.map(({ PolicyName }) => PolicyName).toSorted();
}

describe('A RamPolicy', () => {
  it('becomes a policy of RAM, and a new version with each change', async () => {
    await scene.apply(ramPolicyType, 'reader', { document: allow('kms:GetSecretValue') });
    expect((await scene.withReason(ramPolicyType, 'reader', 'Ready')).status).toMatchObject({ defaultVersion: 'v1' });
    await scene.apply(ramPolicyType, 'reader', { document: allow('kms:Describe*') });
    const changed = await until(async () => {
      const object = await scene.withReason(ramPolicyType, 'reader', 'Ready');
      return object.status?.['defaultVersion'] === 'v2' ? object : undefined;
    });
    expect(messageOf(changed)).toBe('Version v2 is in force.');
    const { DefaultPolicyVersion } = await ram('GetPolicy', { PolicyName: 'reader', PolicyType: 'Custom' });
    expect(DefaultPolicyVersion).toMatchObject({ PolicyDocument: allow('kms:Describe*') });
  });

  it('with a bad document is not Ready and names the element', async () => {
    const document = JSON.stringify({
      Version: '1',
      Statement: [
        { Effect: 'Allow', Action: 'kms:*', Resource: '*', Condition: { IpAdress: { 'acs:SourceIp': '::1' } } },
      ],
    });
    await scene.apply(ramPolicyType, 'wrong', { document });
    const refused = await scene.withReason(ramPolicyType, 'wrong', 'InvalidDocument');
    expect(messageOf(refused)).toContain(
      'spec.document: The policy document is not valid at Statement[0].Condition.IpAdress',
    );
  });

  it('B3: does not take a name of the installation', async () => {
    await scene.apply(ramPolicyType, 'kaap-operator', { document: allow('kms:*') });
    const refused = await scene.withReason(ramPolicyType, 'kaap-operator', 'NameReserved');
    expect(messageOf(refused)).toContain('belong to the installation itself');
  });

  it('stays while it is attached, says so, and goes afterwards', async () => {
    await scene.apply(ramPolicyType, 'held', { document: allow('kms:ListKeys') });
    await scene.withReason(ramPolicyType, 'held', 'Ready');
    await ram('CreateUser', { UserName: 'holder' });
    await ram('AttachPolicyToUser', { UserName: 'holder', PolicyType: 'Custom', PolicyName: 'held' });
    await scene.remove(ramPolicyType, 'held');
    expect(messageOf(await scene.withReason(ramPolicyType, 'held', 'ReleaseBlocked'))).toContain(
      'attached to the user holder',
    );
    await ram('DetachPolicyFromUser', { UserName: 'holder', PolicyType: 'Custom', PolicyName: 'held' });
    await scene.gone(ramPolicyType, 'held');
    await expect(ram('GetPolicy', { PolicyName: 'held', PolicyType: 'Custom' })).rejects.toMatchObject({
      code: 'EntityNotExist.Policy',
    });
  });
});

describe('A RamRole', () => {
  it('waits for its policies, and has exactly those', async () => {
    await scene.apply(ramRoleType, 'app', {
      trustPolicy: account,
      policies: [
        { name: 'later', type: 'Custom' },
        { name: 'AliyunKMSReadOnlyAccess', type: 'System' },
      ],
      maxSessionSeconds: 7200,
    });
    expect(messageOf(await scene.withReason(ramRoleType, 'app', 'PolicyNotFound'))).toContain('names later');
    await scene.apply(ramPolicyType, 'later', { document: allow('kms:ListKeys') });
    const ready = await scene.withReason(ramRoleType, 'app', 'Ready');
    expect(ready.status?.['arn']).toBe('acs:ram::1000000000000000:role/app');
    expect(await attached('Role', 'app')).toEqual(['AliyunKMSReadOnlyAccess', 'later']);
  });

  it('is repaired: a policy that somebody attached goes, a trust policy that somebody changed comes back', async () => {
    await ram('AttachPolicyToRole', { RoleName: 'app', PolicyType: 'System', PolicyName: 'AliyunKMSFullAccess' });
    await ram('UpdateRole', { RoleName: 'app', NewAssumeRolePolicyDocument: trusts({ Service: 'ecs.aliyuncs.com' }) });
    await scene.apply(ramRoleType, 'app', {
      trustPolicy: account,
      policies: [{ name: 'later', type: 'Custom' }],
      maxSessionSeconds: 3600,
    });
    await until(async () => ((await attached('Role', 'app')).join() === 'later' ? true : undefined));
    expect((await ram('GetRole', { RoleName: 'app' }))['Role']).toMatchObject({
      AssumeRolePolicyDocument: account,
      MaxSessionDuration: 3600,
    });
  });

  it('names the element of a trust policy that is not valid', async () => {
    await scene.apply(ramRoleType, 'wrong', {
      trustPolicy: trusts({ RAM: 'acs:ram::*:root' }),
      maxSessionSeconds: 3600,
    });
    const refused = await scene.withReason(ramRoleType, 'wrong', 'InvalidDocument');
    expect(messageOf(refused)).toContain(
      'spec.trustPolicy: The policy document is not valid at Statement[0].Principal.RAM',
    );
  });

  it('takes the role along when it is deleted, and leaves it under Retain', async () => {
    await scene.apply(ramRoleType, 'kept', {
      name: 'KeptRole',
      trustPolicy: account,
      maxSessionSeconds: 3600,
      deletionPolicy: 'Retain',
    });
    await scene.withReason(ramRoleType, 'kept', 'Ready');
    for (const name of ['app', 'kept']) {
      await scene.remove(ramRoleType, name);
      await scene.gone(ramRoleType, name);
    }
    await expect(ram('GetRole', { RoleName: 'app' })).rejects.toMatchObject({ code: 'EntityNotExist.Role' });
    expect((await ram('GetRole', { RoleName: 'KeptRole' }))['Role']).toMatchObject({ RoleName: 'KeptRole' });
  });
});

describe('A RamUser', () => {
  const inSecret = async (name: string): Promise<Record<string, string>> => {
    const type = secretType as ResourceType<Subject & { data: Record<string, string> }>;
    const secret = await scene.standalone.cluster.get(type, { name, namespace: 'ci' }, { signal: scene.signal });
    return Object.fromEntries(
      Object.entries(secret?.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]),
    );
  };
  const asUser = (key: Record<string, string>): KmsClient =>
    new KmsClient({
      endpoint: scene.standalone.endpoint,
      caPem: scene.standalone.service.caPem,
      region: 'local',
      credentials: staticCredentials({
        accessKeyId: key['ALIBABA_CLOUD_ACCESS_KEY_ID'] ?? '',
        accessKeySecret: key['ALIBABA_CLOUD_ACCESS_KEY_SECRET'] ?? '',
      }),
    });
  const callerIs = async (key: Record<string, string>): Promise<unknown> => {
    const client = asUser(key);
    try {
      return (await client.call('Sts', 'GetCallerIdentity', {}))['Arn'];
    } catch (error) {
      return (error as { code: string }).code;
    } finally {
      client.close();
    }
  };
  const userSpec = (secret: string, previous: 'Keep' | 'Delete' = 'Keep'): object => ({
    policies: [{ name: 'AliyunKMSReadOnlyAccess', type: 'System' }],
    accessKey: { secretRef: { namespace: 'ci', name: secret }, previous },
  });

  it('B2: does not take over a Secret that is there, and leaves no access key behind', async () => {
    const metadata = { name: 'one', namespace: 'ci' };
    await scene.standalone.cluster.create(secretType, { metadata }, { signal: scene.signal });
    await scene.apply(ramUserType, 'ci', userSpec('one'));
    await scene.withReason(ramUserType, 'ci', 'SecretExists');
    const { AccessKeys } = await ram('ListAccessKeys', { UserName: 'ci' });
    expect(AccessKeys).toEqual({ AccessKey: [] });
    await scene.remove(secretType, 'one', 'ci');
  });

  let first: Record<string, string>;
  it('C10: delivers an access key once, which is in no status', async () => {
    await scene.apply(ramUserType, 'ci', { ...userSpec('one'), comments: 'again' });
    const ready = await scene.withReason(ramUserType, 'ci', 'Ready');
    first = await inSecret('one');
    expect(await callerIs(first)).toBe('acs:ram::1000000000000000:user/ci');
    expect(ready.status).toMatchObject({
      accessKeyId: first['ALIBABA_CLOUD_ACCESS_KEY_ID'],
      accessKeySecret: 'ci/one',
    });
    expect(JSON.stringify(ready)).not.toContain(first['ALIBABA_CLOUD_ACCESS_KEY_SECRET']);
    const client = asUser(first);
    await client.call('Kms', 'ListKeys', {});
    await expect(client.call('Kms', 'CreateKey', {})).rejects.toMatchObject({ code: 'Forbidden.NoPermission' });
    client.close();
  });

  it('gets a new access key for another Secret, and keeps the one before until told', async () => {
    await scene.apply(ramUserType, 'ci', userSpec('two'));
    const object = await until(async () => {
      const ready = await scene.withReason(ramUserType, 'ci', 'Ready');
      return ready.status?.['accessKeySecret'] === 'ci/two' ? ready : undefined;
    });
    expect(object.status?.['previousAccessKeyId']).toBe(first['ALIBABA_CLOUD_ACCESS_KEY_ID']);
    const second = await inSecret('two');
    expect(await callerIs(first)).toBe('acs:ram::1000000000000000:user/ci');
    expect(await callerIs(second)).toBe('acs:ram::1000000000000000:user/ci');
    await scene.apply(ramUserType, 'ci', userSpec('two', 'Delete'));
    await until(async () => ((await callerIs(first)) === 'InvalidAccessKeyId.NotFound' ? true : undefined));
    expect(await callerIs(second)).toBe('acs:ram::1000000000000000:user/ci');
  });

  it('has another access key made when somebody deleted the one in the Secret, for a Secret of another name', async () => {
    const second = await inSecret('two');
    const UserAccessKeyId = second['ALIBABA_CLOUD_ACCESS_KEY_ID'];
    await ram('DeleteAccessKey', { UserName: 'ci', UserAccessKeyId });
    await scene.apply(ramUserType, 'ci', { ...userSpec('two', 'Delete'), comments: 'look' });
    await scene.withReason(ramUserType, 'ci', 'SecretExists');
    await scene.apply(ramUserType, 'ci', userSpec('three', 'Delete'));
    await scene.withReason(ramUserType, 'ci', 'Ready');
    expect(await callerIs(await inSecret('three'))).toBe('acs:ram::1000000000000000:user/ci');
  });

  it('takes its access keys along when it is deleted', async () => {
    const third = await inSecret('three');
    await scene.remove(ramUserType, 'ci');
    await scene.gone(ramUserType, 'ci');
    expect(await callerIs(third)).toBe('InvalidAccessKeyId.NotFound');
  });
});

describe("An access point by a service's role", () => {
  const accessPoint = (trustedRole: string, roleName: string): object => ({
    authentication: { ramRole: { trustedRole, roleName } },
    policies: ['nodes'],
  });

  it('says that there is no such role, that its trust policy does not fit, and then is Ready', async () => {
    await scene.apply(rbacPolicyType, 'nodes', {
      templates: ['SecretUser'],
      resources: ['secret/nodes/*'],
      scope: 'shared',
    });
    await scene.apply(applicationAccessPointType, 'nodes', accessPoint('ACKWorkerRole', 'Worker'));
    const absent = await scene.withReason(applicationAccessPointType, 'nodes', 'RoleNotFound');
    expect(messageOf(absent)).toContain('names the service ecs.aliyuncs.com');
    const role = { name: 'Worker', maxSessionSeconds: 3600, deletionPolicy: 'Delete' };
    await scene.apply(ramRoleType, 'worker', { ...role, trustPolicy: trusts({ Service: 'fc.aliyuncs.com' }) });
    const unfit = await scene.withReason(applicationAccessPointType, 'nodes', 'TrustPolicyDoesNotFit');
    expect(messageOf(unfit)).toContain('"Principal":{"Service":["ecs.aliyuncs.com"]}');
    await scene.apply(ramRoleType, 'worker', { ...role, trustPolicy: trusts({ Service: 'ecs.aliyuncs.com' }) });
    await scene.withReason(applicationAccessPointType, 'nodes', 'Ready');
  });

  it.each([
    ['ECSInstanceRole', 'Ready'],
    ['FunctionComputeRole', 'TrustPolicyDoesNotFit'],
  ])('%s asks for its own service: %s', async (trustedRole, reason) => {
    await scene.apply(applicationAccessPointType, trustedRole.toLowerCase(), accessPoint(trustedRole, 'Worker'));
    await scene.withReason(applicationAccessPointType, trustedRole.toLowerCase(), reason);
  });
});
