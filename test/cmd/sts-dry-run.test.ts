import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KmsClient, staticCredentials } from '../../src/client/kms-client.ts';
import { ApiError } from '../../src/lib/errors.ts';
import type { TokenVerifier } from '../../src/ports/identity.ts';
import { startTestServer, type TestServer } from '../support/kms-server.ts';
import { tokenFor } from '../support/sts-scene.ts';

const account = '1000000000000000';
const audience = 'kaap.dev/access-point/shop';
const roleArn = (name: string): string => `acs:ram::${account}:role/${name}`;

/** Vouches for one token, as that of a pod. */
const goodToken = tokenFor(audience);
const verifier: TokenVerifier = {
  provider: 'kubernetes',
  verify: async (token) => {
    if (token !== goodToken) throw new ApiError('AuthenticationFail.OIDCToken.Invalid', 'The token is not valid.');
    const serviceAccount = { provider: 'kubernetes', namespace: 'shop', name: 'web', uid: 'u1' };
    const [issuedAt, expiresAt] = [Date.now(), Date.now() + 600_000];
    return { issuer: 'i', subject: 's', audiences: [audience], issuedAt, expiresAt, serviceAccount };
  },
};

let server: TestServer;
let user: KmsClient;
beforeAll(async () => {
  server = await startTestServer({ verifiers: new Map([['kubernetes', verifier]]) });
  const { client } = server;
  const ram = (action: string, parameters: Record<string, unknown>): Promise<Record<string, unknown>> =>
    client.call('Ram', action, parameters);
  for (const [RoleName, RAM] of [
    ['open', `acs:ram::${account}:root`],
    ['closed', `acs:ram::${account}:user/somebody`],
  ] as const) {
    const Statement = [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { RAM: [RAM] } }];
    await ram('CreateRole', { RoleName, AssumeRolePolicyDocument: JSON.stringify({ Version: '1', Statement }) });
  }
  await ram('CreateUser', { UserName: 'ci' });
  const Statement = [{ Effect: 'Allow', Action: 'sts:AssumeRole', Resource: [roleArn('open'), roleArn('closed')] }];
  await ram('CreatePolicy', { PolicyName: 'ci', PolicyDocument: JSON.stringify({ Version: '1', Statement }) });
  await ram('AttachPolicyToUser', { PolicyType: 'Custom', PolicyName: 'ci', UserName: 'ci' });
  const key = (await ram('CreateAccessKey', { UserName: 'ci' }))['AccessKey'] as Record<string, string>;
  const credentials = staticCredentials({
    accessKeyId: key['AccessKeyId'] ?? '',
    accessKeySecret: key['AccessKeySecret'] ?? '',
  });
  user = new KmsClient({ endpoint: server.endpoint, caPem: server.caPem, region: 'local', credentials });
  await client.call('Kms', 'CreatePolicy', {
    Name: 'shop',
    Permissions: '["RbacPermission/Template/CryptoServiceSecretUser"]',
    Resources: '["secret/shop/*"]',
  });
  const serviceAccounts = [{ namespace: 'shop', name: 'web' }];
  const AuthenticationConfig = { ramRole: { trustedRole: 'ServiceAccountRole', roleName: 'shop', serviceAccounts } };
  await client.call('Kms', 'CreateApplicationAccessPoint', {
    Name: 'shop',
    AuthenticationMethod: 'RAMRole',
    Policies: '["shop"]',
    AuthenticationConfig: JSON.stringify(AuthenticationConfig),
  });
});
afterAll(async () => {
  user.close();
  await server.close();
});

/** What the call says, and what it says when it is only tried. */
const outcome = (action: string, parameters: Record<string, unknown>): Promise<string> =>
  user.call('Sts', action, parameters).then(
    () => 'OK',
    (error: { code: string; message: string }) =>
      error.code === 'DryRunOperationError' ? error.message.split(';')[0] : error.code,
  ) as Promise<string>;
const dry = (action: string, parameters: Record<string, unknown>): Promise<string> =>
  outcome(action, { ...parameters, DryRun: 'true' });

const wouldSucceed = 'The call would have succeeded';
const session = { RoleSessionName: 'run-1' };
const ofPod = (token: string): Record<string, unknown> => ({
  ...session,
  RoleArn: roleArn('shop'),
  OIDCProviderArn: `acs:ram::${account}:oidc-provider/kubernetes`,
  OIDCToken: token,
});
const bindings = async (): Promise<unknown> =>
  (await server.client.call('Kms', 'DescribeApplicationAccessPoint', { Name: 'shop' }))['ServiceAccountBindings'];

describe('A dry run', () => {
  test.each([
    ['open', {}, 'OK'],
    ['open', { DurationSeconds: '999999' }, 'InvalidParameter.DurationSeconds'],
    ['closed', {}, 'NoPermission'],
    ['none', {}, 'NoPermission'],
  ])('of AssumeRole of the role %s with %j says what the call says: %s', async (name, more, expected) => {
    const parameters = { ...session, ...more, RoleArn: roleArn(name) };
    expect(await outcome('AssumeRole', parameters)).toBe(expected);
    expect(await dry('AssumeRole', parameters)).toBe(expected === 'OK' ? wouldSucceed : expected);
  });

  test('of GetCallerIdentity says that it would succeed', async () => {
    expect(await dry('GetCallerIdentity', {})).toBe(wouldSucceed);
  });

  test('of AssumeRoleWithOIDC looks at the token, and binds no service account to the access point', async () => {
    expect(await dry('AssumeRoleWithOIDC', ofPod(tokenFor('another audience')))).toBe(
      'AuthenticationFail.NoPermission',
    );
    expect(await dry('AssumeRoleWithOIDC', ofPod(`${goodToken}x`))).toBe('AuthenticationFail.OIDCToken.Invalid');
    expect(await dry('AssumeRoleWithOIDC', ofPod(goodToken))).toBe(wouldSucceed);
    expect(await bindings()).toEqual([]);
    expect(await outcome('AssumeRoleWithOIDC', ofPod(goodToken))).toBe('OK');
    expect(await bindings()).toHaveLength(1);
  });

  test('of AssumeRoleWithCallerIdentity says that none is configured here', async () => {
    const proof = {
      CallerAccessKeyId: 'STS.a',
      CallerSecurityToken: 'a',
      CallerDate: '2026-01-01T00:00:00Z',
      CallerSalt: 'a'.repeat(32),
      CallerSignature: 'a'.repeat(64),
    };
    const parameters = { ...session, ...proof, RoleArn: roleArn('shop') };
    expect(await dry('AssumeRoleWithCallerIdentity', parameters)).toBe('UnsupportedOperation');
  });
});
