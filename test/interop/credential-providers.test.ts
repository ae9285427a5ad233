import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type CredentialsModule from '@alicloud/credentials';
import type OpenApiModule from '@alicloud/openapi-client';
import { RuntimeOptions } from '@alicloud/tea-util';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { startTestServer, type TestServer } from '../support/kms-server.ts';
import { clusterVerifier, createShop, podToken, shopAudience } from './cluster-tokens.ts';
import { trust } from './trust.ts';

const load = createRequire(import.meta.url);
const Credentials = load('@alicloud/credentials') as typeof CredentialsModule;
const OpenApi = load('@alicloud/openapi-client') as typeof OpenApiModule;

const account = '1000000000000000';
const roleArn = (name: string): string => `acs:ram::${account}:role/${name}`;
const externalId = 'agreed';

interface AccessKey {
  AccessKeyId: string;
  AccessKeySecret: string;
}

let server: TestServer;
let folder: string;
/** Of a RAM user that may assume the role `reader`, and nothing else. */
let userKey: AccessKey;

beforeAll(async () => {
  server = await startTestServer({ verifiers: new Map([['kubernetes', await clusterVerifier()]]) });
  trust(server.caPem);
  folder = await mkdtemp(join(tmpdir(), 'kaap-credentials-'));
  await createShop(server.client);
  userKey = await createReader();
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});
afterEach(() => vi.unstubAllEnvs());

/** The role `reader` reads secrets; the user `ci` assumes it, with an external id. */
async function createReader(): Promise<AccessKey> {
  const ram = (action: string, parameters: Record<string, string>): Promise<Record<string, unknown>> =>
    server.client.call('Ram', action, parameters);
  await ram('CreateUser', { UserName: 'ci' });
  const trusted = {
    Effect: 'Allow',
    Action: 'sts:AssumeRole',
    Principal: { RAM: [`acs:ram::${account}:user/ci`] },
    Condition: { StringEquals: { 'sts:ExternalId': externalId } },
  };
  const AssumeRolePolicyDocument = JSON.stringify({ Version: '1', Statement: [trusted] });
  await ram('CreateRole', { RoleName: 'reader', AssumeRolePolicyDocument });
  const reading = { PolicyType: 'System', PolicyName: 'AliyunKMSSecretUserAccess' };
  await ram('AttachPolicyToRole', { ...reading, RoleName: 'reader' });
  const assuming = { Effect: 'Allow', Action: 'sts:AssumeRole', Resource: roleArn('reader') };
  const PolicyDocument = JSON.stringify({ Version: '1', Statement: [assuming] });
  await ram('CreatePolicy', { PolicyName: 'assume-reader', PolicyDocument });
  await ram('AttachPolicyToUser', { PolicyType: 'Custom', PolicyName: 'assume-reader', UserName: 'ci' });
  return (await ram('CreateAccessKey', { UserName: 'ci' }))['AccessKey'] as AccessKey;
}

type Config = ConstructorParameters<typeof Credentials.Config>[0];
type Credential = InstanceType<typeof Credentials.default>;

function credentialOf(config: Config): Credential {
  return new Credentials.default(new Credentials.Config({ stsEndpoint: server.host, ...config }));
}

/** What Alibaba's OpenAPI client does with the credential: the answer's fields, or the code of the error. */
async function call(credential: Credential, version: string, action: string, query: object): Promise<unknown> {
  const config = { endpoint: server.host, protocol: 'https', ca: server.caPem, regionId: 'local' };
  const sdk = new OpenApi.default(new OpenApi.Config({ ...config, credential }));
  const form = { protocol: 'HTTPS', pathname: '/', method: 'POST', authType: 'AK', style: 'RPC' };
  const params = new OpenApi.Params({ ...form, action, version, reqBodyType: 'formData', bodyType: 'json' });
  const request = new OpenApi.OpenApiRequest({ query });
  try {
    const answer = (await sdk.callApi(params, request, new RuntimeOptions({ ca: server.caPem }))) as { body: unknown };
    return answer.body;
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}

async function read(credential: Credential, SecretName: string): Promise<unknown> {
  const answer = await call(credential, '2016-01-20', 'GetSecretValue', { SecretName });
  return typeof answer === 'string' ? answer : (answer as { SecretData: string }).SecretData;
}

async function identity(credential: Credential): Promise<unknown> {
  const answer = await call(credential, '2015-04-01', 'GetCallerIdentity', {});
  return typeof answer === 'string' ? answer : (answer as { Arn: string }).Arn;
}

const roleConfig = (): Config => ({
  type: 'ram_role_arn',
  accessKeyId: userKey.AccessKeyId,
  accessKeySecret: userKey.AccessKeySecret,
  roleArn: roleArn('reader'),
  roleSessionName: 'interop',
  roleSessionExpiration: 900,
  externalId,
});

async function oidcConfig(audience: string): Promise<Config> {
  const oidcTokenFilePath = join(folder, 'token');
  await writeFile(oidcTokenFilePath, await podToken(audience));
  return {
    type: 'oidc_role_arn',
    oidcTokenFilePath,
    oidcProviderArn: `acs:ram::${account}:oidc-provider/kubernetes`,
    roleArn: roleArn('shop'),
    roleSessionName: 'interop',
    roleSessionExpiration: 900,
  };
}

/** The ECS RAM role and the credentials URI are in credentials.test.ts: they have an address built in. */
describe('@alicloud/credentials 2.4, unmodified, with @alicloud/openapi-client', () => {
  test('access_key: the account’s key is the account', async () => {
    const { AccessKeyId: accessKeyId, AccessKeySecret: accessKeySecret } = server.root;
    const credential = credentialOf({ type: 'access_key', accessKeyId, accessKeySecret });
    expect(await identity(credential)).toBe(`acs:ram::${account}:root`);
    expect(await read(credential, 'other/database')).toBe('password');
  });

  test('the default chain finds a key in the environment, and no key that has been made void', async () => {
    vi.stubEnv('ALIBABA_CLOUD_ACCESS_KEY_ID', userKey.AccessKeyId);
    vi.stubEnv('ALIBABA_CLOUD_ACCESS_KEY_SECRET', userKey.AccessKeySecret);
    const credential = new Credentials.default();
    expect(await identity(credential)).toBe(`acs:ram::${account}:user/ci`);
    const status = { UserName: 'ci', UserAccessKeyId: userKey.AccessKeyId };
    await server.client.call('Ram', 'UpdateAccessKey', { ...status, Status: 'Inactive' });
    expect(await identity(credential)).toBe('InvalidAccessKeyId.Inactive');
    await server.client.call('Ram', 'UpdateAccessKey', { ...status, Status: 'Active' });
  });

  test('ram_role_arn: a user’s key becomes a session of the role, with the role’s permissions', async () => {
    const credential = credentialOf(roleConfig());
    expect(await identity(credential)).toBe(`acs:ram::${account}:assumed-role/reader/interop`);
    expect(await read(credential, 'other/database')).toBe('password');
    expect(await call(credential, '2016-01-20', 'ListKeys', {})).toBe('Forbidden.NoPermission');
  });

  test('ram_role_arn with a session policy has what both allow', async () => {
    const Statement = [{ Effect: 'Allow', Action: 'kms:GetSecretValue', Resource: 'acs:kms:*:*:secret/shop/*' }];
    const credential = credentialOf({ ...roleConfig(), policy: JSON.stringify({ Version: '1', Statement }) });
    expect(await read(credential, 'shop/database')).toBe('password');
    expect(await read(credential, 'other/database')).toBe('Forbidden.NoPermission');
  });

  test('C7: ram_role_arn gets no session without the external id, nor of a role that does not trust it', async () => {
    await expect(credentialOf({ ...roleConfig(), externalId: 'guessed' }).getCredential()).rejects.toThrow(
      /NoPermission/,
    );
    const other = { ...roleConfig(), roleArn: roleArn('shop') };
    await expect(credentialOf(other).getCredential()).rejects.toThrow(/NoPermission/);
  });

  test('sts: a session that somebody else has made', async () => {
    const { accessKeyId, accessKeySecret, securityToken } = await credentialOf(roleConfig()).getCredential();
    const session = { accessKeyId, accessKeySecret, securityToken } as Config;
    expect(await read(credentialOf({ ...session, type: 'sts' }), 'shop/database')).toBe('password');
    const broken = credentialOf({ ...session, type: 'sts', securityToken: `${securityToken}x` });
    expect(await read(broken, 'shop/database')).toMatch(/^InvalidSecurityToken/);
  });

  test('oidc_role_arn: a pod’s token becomes a session that reads what its access point gives', async () => {
    const credential = credentialOf(await oidcConfig(shopAudience));
    expect(await identity(credential)).toBe(`acs:ram::${account}:assumed-role/shop/interop`);
    expect(await read(credential, 'shop/database')).toBe('password');
    expect(await read(credential, 'other/database')).toBe('Forbidden.NoPermission');
  });

  test('C1: oidc_role_arn gets no session for a token that is meant for somebody else', async () => {
    const credential = credentialOf(await oidcConfig('https://kubernetes.default.svc'));
    await expect(credential.getCredential()).rejects.toThrow(/AuthenticationFail\.NoPermission/);
  });
});
