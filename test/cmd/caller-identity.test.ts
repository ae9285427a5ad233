import { randomBytes } from 'node:crypto';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { login } from '../../src/cli/commands/login.ts';
import {
  callerIdentityCredentials,
  callerIdentityParameters,
  type CallerSession,
} from '../../src/client/caller-identity-credentials.ts';
import { KmsClient, staticCredentials, type CredentialProvider } from '../../src/client/kms-client.ts';
import { readAccessSettings } from '../../src/cmd/access-config.ts';
import { accountTrustDocument } from '../../src/ram/trust-documents.ts';
import { ShiftedClock, startTestServer, type TestServer } from '../support/kms-server.ts';

/** The other account: its STS is a server of its own, which verifies signatures over TLS. */
let cloud: TestServer;
let kms: TestServer;
const clock = new ShiftedClock();

const cloudAccount = '2000000000000000';
const audience = 'kaap-of-the-test';
const roleArn = 'acs:ram::1000000000000000:role/shop';
const purpose = { audience, roleArn };
const refused = { code: 'AuthenticationFail.CallerIdentity.Invalid' };
const notAdmitted = { code: 'AuthenticationFail.NoPermission' };

/** A session of a role of the other account. */
async function cloudSession(role: string): Promise<CallerSession> {
  const { Credentials } = (await ciClient.call('Sts', 'AssumeRole', {
    RoleArn: `acs:ram::${cloudAccount}:role/${role}`,
    RoleSessionName: 'job-7',
  })) as { Credentials: { AccessKeyId: string; AccessKeySecret: string; SecurityToken: string } };
  const { AccessKeyId: accessKeyId, AccessKeySecret: accessKeySecret, SecurityToken: securityToken } = Credentials;
  return { accessKeyId, accessKeySecret, securityToken };
}

let ciClient: KmsClient;

beforeAll(async () => {
  cloud = await startTestServer({ environment: { KAAP_ACCOUNT_ID: cloudAccount } });
  const { client } = cloud;
  await client.call('Ram', 'CreateUser', { UserName: 'ci' });
  const key = (await client.call('Ram', 'CreateAccessKey', { UserName: 'ci' }))['AccessKey'] as Record<string, string>;
  const PolicyDocument = '{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}]}';
  await client.call('Ram', 'CreatePolicy', { PolicyName: 'assume', PolicyDocument });
  await client.call('Ram', 'AttachPolicyToUser', { PolicyType: 'Custom', PolicyName: 'assume', UserName: 'ci' });
  for (const RoleName of ['builder', 'builder2', 'Builder']) {
    const AssumeRolePolicyDocument = accountTrustDocument(cloudAccount);
    await client.call('Ram', 'CreateRole', { RoleName, AssumeRolePolicyDocument });
  }
  const credentials = staticCredentials({
    accessKeyId: key['AccessKeyId'] ?? '',
    accessKeySecret: key['AccessKeySecret'] ?? '',
  });
  ciClient = new KmsClient({ endpoint: cloud.endpoint, caPem: cloud.caPem, region: 'local', credentials });

  const caFile = join(tmpdir(), `kaap-caller-identity-${randomBytes(6).toString('hex')}.crt`);
  await writeFile(caFile, cloud.caPem);
  kms = await startTestServer({
    clock,
    environment: {
      KAAP_CALLER_IDENTITY_STS_URL: cloud.endpoint,
      KAAP_CALLER_IDENTITY_CA_FILE: caFile,
      KAAP_CALLER_IDENTITY_AUDIENCE: audience,
    },
  });
  // It was read at the start.
  await rm(caFile);
  await kms.client.createSecret({ SecretName: 'shop/db', SecretData: 'password', VersionId: 'v1' });
  await kms.client.createSecret({ SecretName: 'bank/db', SecretData: 'password', VersionId: 'v1' });
  await kms.client.createPolicy({
    Name: 'shop',
    KmsInstance: 'shared',
    Permissions: JSON.stringify(['RbacPermission/Template/CryptoServiceSecretUser']),
    Resources: JSON.stringify(['secret/shop/*']),
  });
  await kms.client.createApplicationAccessPoint({
    Name: 'shop',
    AuthenticationMethod: 'RAMRole',
    Policies: JSON.stringify(['shop']),
    AuthenticationConfig: JSON.stringify({
      ramRole: {
        trustedRole: 'AlibabaCloudRole',
        roleName: 'shop',
        alibabaCloudRoles: [`acs:ram::${cloudAccount}:role/builder`],
      },
    }),
  });
});

afterAll(async () => {
  ciClient.close();
  await Promise.all([cloud.close(), kms.close()]);
});

/** The exchange by the client's own provider. */
function exchange(caller: CallerSession, changes: object = {}): CredentialProvider {
  return callerIdentityCredentials({
    endpoint: kms.endpoint,
    caPem: kms.caPem,
    ...purpose,
    stsHost: cloud.host,
    caller: () => caller,
    sessionName: 'from-cloud',
    clock,
    ...changes,
  });
}

/** The action with parameters as given, unsigned. */
async function assume(parameters: Record<string, string>): Promise<Record<string, unknown>> {
  const unsigned = { credential: () => Promise.resolve(undefined) };
  const client = new KmsClient({
    endpoint: kms.endpoint,
    caPem: kms.caPem,
    region: 'local',
    credentials: unsigned,
    maxAttempts: 1,
  });
  try {
    return await client.call('Sts', 'AssumeRoleWithCallerIdentity', parameters);
  } finally {
    client.close();
  }
}

async function proofFor(role: string, changes: object = {}): Promise<Record<string, string>> {
  const session = await cloudSession(role);
  const signed = callerIdentityParameters({ ...purpose, ...changes }, cloud.host, session, clock.now());
  return { RoleArn: roleArn, RoleSessionName: 'from-cloud', ...signed };
}

describe('a session of a role in another account', () => {
  test('becomes a session of the access point that lists the role, and has what that gives', async () => {
    const credentials = exchange(await cloudSession('builder'));
    const client = new KmsClient({ endpoint: kms.endpoint, caPem: kms.caPem, region: 'local', credentials });
    try {
      expect(await client.getSecretValue({ SecretName: 'shop/db' })).toMatchObject({ SecretData: 'password' });
      await expect(client.getSecretValue({ SecretName: 'bank/db' })).rejects.toMatchObject({
        code: 'Forbidden.NoPermission',
      });
      expect(await client.call('Sts', 'GetCallerIdentity', {})).toMatchObject({
        Arn: 'acs:ram::1000000000000000:assumed-role/shop/from-cloud',
      });
    } finally {
      client.close();
    }
    const [file = ''] = (await readdir(kms.service.auditDir)).filter(
      (name) => name.endsWith('.jsonl') || name.includes('audit'),
    );
    const log = await readFile(join(kms.service.auditDir, file), 'utf8');
    const read = log.split('\n').find((line) => line.includes('"GetSecretValue"') && line.includes('"OK"'));
    expect(read).toContain(`"callerIdentity":"acs:ram::${cloudAccount}:assumed-role/builder/job-7"`);
  });

  test('is exchanged on the command line, for a shell or as JSON', async () => {
    const { accessKeyId, accessKeySecret, securityToken } = await cloudSession('builder');
    const caFile = join(tmpdir(), `kaap-login-${randomBytes(6).toString('hex')}.crt`);
    await writeFile(caFile, kms.caPem);
    const environment = {
      KAAP_ENDPOINT: kms.endpoint,
      KAAP_CA_FILE: caFile,
      ALIBABA_CLOUD_ACCESS_KEY_ID: accessKeyId,
      ALIBABA_CLOUD_ACCESS_KEY_SECRET: accessKeySecret,
      ALIBABA_CLOUD_SECURITY_TOKEN: securityToken,
    };
    const options = { roleArn, sts: cloud.endpoint, audience, sessionName: 'me', durationSeconds: '900' };
    expect(await login({ ...options, format: 'env' }, environment)).toMatch(
      /^export ALIBABA_CLOUD_ACCESS_KEY_ID='STS\.\w+'\nexport ALIBABA_CLOUD_ACCESS_KEY_SECRET='[\w-]+'\nexport ALIBABA_CLOUD_SECURITY_TOKEN='[\w-]+'$/,
    );
    expect(JSON.parse(await login({ ...options, format: 'json' }, environment))).toHaveProperty('SecurityToken');
    await expect(login({ ...options, format: 'xml' }, environment)).rejects.toThrow(/env or json/);
    const { ALIBABA_CLOUD_SECURITY_TOKEN: _token, ...withoutSession } = environment;
    await expect(login({ ...options, format: 'env' }, withoutSession)).rejects.toThrow(/SECURITY_TOKEN/);
  });

  test.each(['builder2', 'Builder'])(
    'C7: of the role %s, which only resembles the listed one, is not admitted',
    async (role) => {
      await expect(assume(await proofFor(role))).rejects.toMatchObject(notAdmitted);
    },
  );

  test('C7: is told the same for a role that nobody has', async () => {
    const RoleArn = 'acs:ram::1000000000000000:role/nobody';
    const proof = await proofFor('builder', { roleArn: RoleArn });
    await expect(assume({ ...proof, RoleArn })).rejects.toMatchObject(notAdmitted);
  });

  test('C6: counts once', async () => {
    const proof = await proofFor('builder');
    expect(await assume(proof)).toHaveProperty('Credentials');
    await expect(assume(proof)).rejects.toMatchObject(refused);
  });

  test('C6: is refused when it was signed for another installation or another role', async () => {
    await expect(assume(await proofFor('builder', { audience: 'kaap-elsewhere' }))).rejects.toMatchObject(refused);
    const other = { roleArn: 'acs:ram::1000000000000000:role/bank' };
    await expect(assume(await proofFor('builder', other))).rejects.toMatchObject(refused);
  });

  test('C6: is refused with any part of the proof changed, an hour later, and when it was signed for another host', async () => {
    const proof = await proofFor('builder');
    const other = await proofFor('builder');
    for (const name of Object.keys(proof).filter((key) => key.startsWith('Caller') && key !== 'CallerDate')) {
      await expect(assume({ ...proof, [name]: other[name] ?? '' }), name).rejects.toMatchObject(refused);
    }
    const session = await cloudSession('builder');
    const elsewhere = callerIdentityParameters(purpose, 'sts.example.com', session, clock.now());
    await expect(assume({ ...proof, ...elsewhere })).rejects.toMatchObject(refused);
    clock.shiftMs = 301_000;
    await expect(assume(proof)).rejects.toMatchObject({ code: 'AuthenticationFail.CallerIdentity.Expired' });
    clock.shiftMs = 0;
    expect(await assume(proof)).toHaveProperty('Credentials');
  });

  test.each([
    ['CallerSecurityToken', 'token\r\nhost: evil.example'],
    ['CallerSecurityToken', ''],
    ['CallerAccessKeyId', 'LTAI5tUser'],
    ['CallerAccessKeyId', 'STS.x,SignedHeaders=host'],
    ['CallerDate', '2026-02-31T00:00:00Z'],
    ['CallerSalt', '0'],
    ['CallerSignature', 'x'.repeat(64)],
  ])('C8: cannot put anything else into the request: %s %j', async (name, value) => {
    const proof = await proofFor('builder');
    await expect(assume({ ...proof, [name]: value })).rejects.toMatchObject({
      code: expect.stringMatching(/^InvalidParameter|^MissingParameter|Expired$/) as string,
    });
  });

  test('cannot have a session of more than an hour', async () => {
    const proof = await proofFor('builder');
    await expect(assume({ ...proof, DurationSeconds: '7200' })).rejects.toMatchObject({
      code: 'InvalidParameter.DurationSeconds',
    });
  });

  test('C4: enters nothing where no STS is configured', async () => {
    const proof = await proofFor('builder');
    const unsigned = { credential: () => Promise.resolve(undefined) };
    const client = new KmsClient({
      endpoint: cloud.endpoint,
      caPem: cloud.caPem,
      region: 'local',
      credentials: unsigned,
    });
    const RoleArn = `acs:ram::${cloudAccount}:role/shop`;
    const asked = client.call('Sts', 'AssumeRoleWithCallerIdentity', { ...proof, RoleArn });
    await expect(asked).rejects.toMatchObject({ code: 'UnsupportedOperation' });
    client.close();
  });
});

describe('its configuration', () => {
  const none = { KAAP_OIDC_PROVIDER: 'kubernetes', KAAP_SERVICE_VOUCHERS: '' };

  test('is whole or absent, and a bare https address', () => {
    expect(readAccessSettings(none).callerIdentity).toBeUndefined();
    const url = { KAAP_CALLER_IDENTITY_STS_URL: 'https://sts.example.com' };
    expect(() => readAccessSettings({ ...none, ...url })).toThrow(/or none of them/);
    const whole = { ...none, KAAP_CALLER_IDENTITY_AUDIENCE: 'here', KAAP_CALLER_IDENTITY_CA_FILE: '/nowhere' };
    for (const text of ['https://sts.example.com/x', 'https://me@sts.example.com', 'https://sts.example.com/?a=b']) {
      expect(() => readAccessSettings({ ...whole, KAAP_CALLER_IDENTITY_STS_URL: text })).toThrow(/without a path/);
    }
    expect(() => readAccessSettings({ ...whole, ...url })).toThrow(/KAAP_CALLER_IDENTITY_CA_FILE/);
  });
});
