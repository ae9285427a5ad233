import { systemClock } from '../../src/lib/clock.ts';
import { KmsClient } from '../../src/client/kms-client.ts';
import type { TokenVerifier } from '../../src/ports/identity.ts';
import { startTestServer, type TestServer } from '../../test/support/kms-server.ts';

/** An access key, maybe of a session. */
export interface Caller {
  accessKeyId: string;
  accessKeySecret: string;
  securityToken?: string;
}

const accountId = '1000000000000000';
const shop = { namespace: 'shop', name: 'web' };

/** Believes whoever asks: what verifying a pod's token costs is not measured here. */
const believing: TokenVerifier = {
  provider: 'kubernetes',
  verify: (_token, audience) => {
    const now = systemClock.now();
    const subject = `system:serviceaccount:${shop.namespace}:${shop.name}`;
    const serviceAccount = { provider: 'kubernetes', ...shop, uid: '1', podName: 'web-1', podUid: '2' };
    const times = { issuedAt: now, expiresAt: now + 3_600_000 };
    return Promise.resolve({ issuer: 'bench', subject, audiences: [audience], ...times, serviceAccount });
  },
};

/** A KMS that believes the token of {@link assumePodRole}. */
export function startBelievingServer(): Promise<TestServer> {
  return startTestServer({ verifiers: new Map([['kubernetes', believing]]) });
}

/** A RAM user whom one policy allows to use what carries the tag `team: shop`, while a second one denies deletions. */
export function createUser({ client }: TestServer): Promise<Caller> {
  return createUserWith(client, {
    use: { Effect: 'Allow', Action: ['kms:Encrypt', 'kms:Decrypt', 'kms:GetSecretValue'], ...ofTeam },
    keep: { Effect: 'Deny', Action: ['kms:ScheduleKeyDeletion', 'kms:DeleteSecret'], Resource: '*' },
  });
}

/** A RAM user with policies of one statement each, by their names. */
export async function createUserWith(client: KmsClient, statements: Readonly<Record<string, object>>): Promise<Caller> {
  const user = { UserName: 'bench' };
  await client.call('Ram', 'CreateUser', user);
  for (const [PolicyName, statement] of Object.entries(statements)) {
    const PolicyDocument = JSON.stringify({ Version: '1', Statement: [statement] });
    await client.call('Ram', 'CreatePolicy', { PolicyName, PolicyDocument });
    await client.call('Ram', 'AttachPolicyToUser', { ...user, PolicyName, PolicyType: 'Custom' });
  }
  const { AccessKey } = (await client.call('Ram', 'CreateAccessKey', user)) as {
    AccessKey: { AccessKeyId: string; AccessKeySecret: string };
  };
  return { accessKeyId: AccessKey.AccessKeyId, accessKeySecret: AccessKey.AccessKeySecret };
}

const ofTeam = { Resource: `acs:kms:*:${accountId}:*`, Condition: { IpAddress: { 'acs:SourceIp': ['127.0.0.0/8'] } } };

function unsignedToken(claims: object): string {
  const parts = [{ alg: 'none' }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'));
  return `${parts.join('.')}.`;
}

/** A session of a pod at an access point with two policies, of which the second is the one that fits. */
export async function assumePodRole(server: TestServer): Promise<Caller> {
  const { client, endpoint, caPem } = server;
  await client.createNetworkRule({ Name: 'pods', Type: 'Private', SourcePrivateIp: '["127.0.0.0/8","10.0.0.0/8"]' });
  for (const [Name, resources] of [
    ['other', ['secret/other/*', 'key/other-*']],
    ['shop', ['secret/*', 'key/*']],
  ] as const) {
    await client.createPolicy({
      Name,
      KmsInstance: 'shared',
      Permissions: '["RbacPermission/Template/CryptoServiceSecretUser","RbacPermission/Template/CryptoServiceKeyUser"]',
      Resources: JSON.stringify(resources),
      AccessControlRules: '{"NetworkRules":["pods"]}',
    });
  }
  await client.createApplicationAccessPoint({
    Name: 'shop',
    AuthenticationMethod: 'RAMRole',
    Policies: '["other","shop"]',
    AuthenticationConfig: JSON.stringify({
      ramRole: { trustedRole: 'ServiceAccountRole', roleName: 'shop', serviceAccounts: [shop] },
    }),
  });
  const unsigned = { credential: () => Promise.resolve(undefined) };
  const pod = new KmsClient({ endpoint, caPem, region: 'local', credentials: unsigned });
  const { Credentials } = (await pod.call('Sts', 'AssumeRoleWithOIDC', {
    OIDCProviderArn: `acs:ram::${accountId}:oidc-provider/kubernetes`,
    RoleArn: `acs:ram::${accountId}:role/shop`,
    OIDCToken: unsignedToken({ aud: 'kaap.dev/access-point/shop' }),
    RoleSessionName: 'web-1',
  })) as { Credentials: { AccessKeyId: string; AccessKeySecret: string; SecurityToken: string } };
  pod.close();
  const { AccessKeyId: accessKeyId, AccessKeySecret: accessKeySecret, SecurityToken: securityToken } = Credentials;
  return { accessKeyId, accessKeySecret, securityToken };
}

/** The account's own access key. */
export function rootOf({ root }: TestServer): Caller {
  return { accessKeyId: root.AccessKeyId, accessKeySecret: root.AccessKeySecret };
}
