import { generateKeyPairSync } from 'node:crypto';
import { createRequire } from 'node:module';
import type StsSdkModule from '@alicloud/sts20150401';
import { $OpenApiUtil } from '@alicloud/openapi-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KmsClient, staticCredentials } from '../../src/client/kms-client.ts';
import { startTestServer, type TestServer } from '../support/kms-server.ts';
import { clusterVerifier, createShop, podToken, shopAudience } from './cluster-tokens.ts';
import { trust } from './trust.ts';

const load = createRequire(import.meta.url);
const StsSdk = load('@alicloud/sts20150401') as typeof StsSdkModule;

let server: TestServer;

const account = '1000000000000000';
function sdkOf(
  accessKeyId: string,
  accessKeySecret: string,
  securityToken?: string,
): InstanceType<typeof StsSdk.default> {
  const credential = { accessKeyId, accessKeySecret, ...(securityToken === undefined ? {} : { securityToken }) };
  const config = { ...credential, endpoint: server.host, protocol: 'https', ca: server.caPem, regionId: 'local' };
  return new StsSdk.default(new $OpenApiUtil.Config(config));
}

beforeAll(async () => {
  server = await startTestServer({ verifiers: new Map([['kubernetes', await clusterVerifier()]]) });
  trust(server.caPem);
  await createShop(server.client);
});

afterAll(() => server.close());

describe('@alicloud/sts20150401 1.2.0', () => {
  test('tells the account root who it is', async () => {
    const { body } = await sdkOf(server.root.AccessKeyId, server.root.AccessKeySecret).getCallerIdentity();
    expect(body).toMatchObject({ accountId: account, arn: `acs:ram::${account}:root`, identityType: 'Account' });
  });

  const assume = (token: string): ReturnType<InstanceType<typeof StsSdk.default>['assumeRoleWithOIDC']> =>
    sdkOf('unused', 'unused').assumeRoleWithOIDC(
      new StsSdk.AssumeRoleWithOIDCRequest({
        OIDCProviderArn: `acs:ram::${account}:oidc-provider/kubernetes`,
        OIDCToken: token,
        roleArn: `acs:ram::${account}:role/shop`,
        roleSessionName: 'interop',
        durationSeconds: 900,
      }),
    );

  test('a pod’s token becomes a session that reads the secrets of its access point and no other', async () => {
    const { body } = await assume(await podToken(shopAudience));
    const session = body?.credentials;
    const { accessKeyId = '', accessKeySecret = '', securityToken = '' } = session ?? {};
    const identity = await sdkOf(accessKeyId, accessKeySecret, securityToken).getCallerIdentity();
    expect(identity.body).toMatchObject({
      identityType: 'AssumedRoleUser',
      arn: `acs:ram::${account}:assumed-role/shop/interop`,
    });
    const credentials = staticCredentials({ accessKeyId, accessKeySecret, securityToken });
    const client = new KmsClient({ endpoint: server.endpoint, caPem: server.caPem, region: 'local', credentials });
    expect((await client.getSecretValue({ SecretName: 'shop/database' })).SecretData).toBe('password');
    await expect(client.getSecretValue({ SecretName: 'other/database' })).rejects.toMatchObject({
      code: 'Forbidden.NoPermission',
    });
    await expect(client.listKeys({})).rejects.toMatchObject({ code: 'Forbidden.NoPermission' });
    client.close();
  });

  test('C1: a forged token, and one for another audience, are refused', async () => {
    const { privateKey: forger } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const forged = assume(await podToken(shopAudience, forger));
    await expect(forged).rejects.toMatchObject({ code: 'AuthenticationFail.OIDCToken.Invalid' });
    const elsewhere = assume(await podToken('https://kubernetes.default.svc'));
    await expect(elsewhere).rejects.toMatchObject({ code: 'AuthenticationFail.NoPermission' });
  });

  test('a session’s token does not go with another access key', async () => {
    const { body } = await assume(await podToken(shopAudience));
    const mixed = sdkOf(server.root.AccessKeyId, server.root.AccessKeySecret, body?.credentials?.securityToken);
    await expect(mixed.getCallerIdentity()).rejects.toMatchObject({
      code: 'InvalidSecurityToken.MismatchWithAccessKey',
    });
  });
});
