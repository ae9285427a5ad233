import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rootCredentialFile } from '../../src/cli/connection.ts';
import {
  clientKeyCredentials,
  KmsClient,
  staticCredentials,
  type CredentialProvider,
} from '../../src/client/kms-client.ts';
import { openClientKeyFile } from '../../src/crypto/client-key-file.ts';
import { makeKmsHome, startKmsProcess, type KmsHome, type KmsProcess } from '../support/kms-process.ts';
import { startPostgres, type PostgresServer } from './postgres-server.ts';

/** `KAAP_REVOCATION_ROUNDS=50` is the long run. */
const rounds = Number(process.env['KAAP_REVOCATION_ROUNDS'] ?? 3);
/** Nothing is asserted of the time but that it ends: what it was is printed. */
const patienceMs = 20_000;
const account = '1000000000000000';
const Password = 'a-Password-1';

let database: PostgresServer;
let folder: string;
let home: KmsHome;
let first: KmsProcess;
let second: KmsProcess;
const delaysMs: number[] = [];
const clients: KmsClient[] = [];

beforeAll(async () => {
  database = await startPostgres();
  folder = await mkdtemp(join(tmpdir(), 'kaap-revocation-'));
  const replica = (name: string): Record<string, string> => ({
    KAAP_DATABASE_URL: database.url,
    KAAP_REPLICA: name,
    KAAP_DATA_DIR: join(folder, name),
  });
  home = await makeKmsHome(folder, replica('kaap-kms-0'));
  first = await startKmsProcess(home);
  const other = { ...home, dataDir: join(folder, 'kaap-kms-1') };
  await mkdir(other.dataDir);
  await copyFile(join(home.dataDir, rootCredentialFile), join(other.dataDir, rootCredentialFile));
  second = await startKmsProcess({ ...other, environment: { ...home.environment, ...replica('kaap-kms-1') } });
});
afterAll(async () => {
  for (const client of clients) client.close();
  await first.end('SIGTERM');
  await second.end('SIGTERM');
  await database.stop();
  await rm(folder, { recursive: true });
});

type Parameters = Record<string, unknown>;
const kms = (action: string, parameters: Parameters = {}): Promise<Parameters> =>
  first.client.call('Kms', action, parameters);
const ram = (action: string, parameters: Parameters = {}): Promise<Parameters> =>
  first.client.call('Ram', action, parameters);

/** A caller of the second replica. */
function caller(credentials: CredentialProvider): KmsClient {
  const client = new KmsClient({
    endpoint: second.endpoint,
    caPem: home.caPem,
    region: 'local',
    maxAttempts: 1,
    credentials,
  });
  clients.push(client);
  return client;
}

async function outcome(client: KmsClient, action: string, parameters: Parameters = {}): Promise<string> {
  return client.call('Kms', action, parameters).then(
    () => 'OK',
    (error: unknown) => (error as { code?: string }).code ?? String(error),
  );
}

/** A RAM user with an access key. */
async function user(UserName: string): Promise<{ client: KmsClient; accessKeyId: string }> {
  await ram('CreateUser', { UserName });
  const { AccessKey } = (await ram('CreateAccessKey', { UserName })) as {
    AccessKey: { AccessKeyId: string; AccessKeySecret: string };
  };
  const { AccessKeyId: accessKeyId, AccessKeySecret: accessKeySecret } = AccessKey;
  return { client: caller(staticCredentials({ accessKeyId, accessKeySecret })), accessKeyId };
}

const reading = { PolicyType: 'System', PolicyName: 'AliyunKMSReadOnlyAccess' };
const document = (Effect: string): string =>
  JSON.stringify({ Version: '1', Statement: [{ Effect, Action: 'kms:ListKeys', Resource: '*' }] });

/** An access point whose policy gives one secret to whoever comes from here, with a client key. */
async function accessPoint(Name: string): Promise<{ client: KmsClient; ClientKeyId: string }> {
  await kms('CreateSecret', { SecretName: Name, SecretData: 'x', VersionId: 'v1' });
  await kms('CreateNetworkRule', { Name, SourcePrivateIp: '["127.0.0.0/8"]' });
  const Permissions = '["RbacPermission/Template/CryptoServiceSecretUser"]';
  const AccessControlRules = JSON.stringify({ NetworkRules: [Name] });
  await kms('CreatePolicy', { Name, Permissions, AccessControlRules, Resources: JSON.stringify([`secret/${Name}`]) });
  await kms('CreateApplicationAccessPoint', { Name, Policies: JSON.stringify([Name]) });
  const { ClientKeyId, PrivateKeyData } = await kms('CreateClientKey', { AapName: Name, Password });
  const file = JSON.stringify({ KeyId: ClientKeyId, PrivateKeyData });
  const { privateKeyPem } = openClientKeyFile(file, Password);
  const keyId = String(ClientKeyId);
  return { client: caller(clientKeyCredentials({ keyId, privateKeyPem })), ClientKeyId: keyId };
}

/** What somebody may do at the second replica until it is taken away at the first. */
interface Granted {
  use(): Promise<string>;
  revoke(): Promise<unknown>;
}

const revocations: readonly [what: string, refusal: string, grant: (name: string) => Promise<Granted>][] = [
  [
    'a policy that is detached from a RAM user',
    'Forbidden.NoPermission',
    async (UserName) => {
      const { client } = await user(UserName);
      await ram('AttachPolicyToUser', { ...reading, UserName });
      return {
        use: () => outcome(client, 'ListKeys'),
        revoke: () => ram('DetachPolicyFromUser', { ...reading, UserName }),
      };
    },
  ],
  [
    'a policy whose new version denies',
    'Forbidden.NoPermission',
    async (UserName) => {
      const { client } = await user(UserName);
      await ram('CreatePolicy', { PolicyName: UserName, PolicyDocument: document('Allow') });
      await ram('AttachPolicyToUser', { PolicyType: 'Custom', PolicyName: UserName, UserName });
      const denial = { PolicyName: UserName, PolicyDocument: document('Deny'), SetAsDefault: 'true' };
      return { use: () => outcome(client, 'ListKeys'), revoke: () => ram('CreatePolicyVersion', denial) };
    },
  ],
  [
    'an access key that is deactivated',
    'InvalidAccessKeyId.Inactive',
    async (UserName) => {
      const { client, accessKeyId: UserAccessKeyId } = await user(UserName);
      await ram('AttachPolicyToUser', { ...reading, UserName });
      const change = { UserName, UserAccessKeyId, Status: 'Inactive' };
      return { use: () => outcome(client, 'ListKeys'), revoke: () => ram('UpdateAccessKey', change) };
    },
  ],
  [
    'a key that is disabled',
    'Rejected.Disabled',
    async () => {
      const { KeyMetadata } = (await kms('CreateKey')) as { KeyMetadata: { KeyId: string } };
      const { KeyId } = KeyMetadata;
      return {
        use: () => outcome(second.client, 'Encrypt', { KeyId, Plaintext: 'AAAA' }),
        revoke: () => kms('DisableKey', { KeyId }),
      };
    },
  ],
  [
    'a key policy that names a user no more',
    'Forbidden.NoPermission',
    async (UserName) => {
      const { client } = await user(UserName);
      const policy = (principal: string): string =>
        JSON.stringify({
          Version: '1',
          Statement: [
            {
              Effect: 'Allow',
              Principal: { RAM: [`acs:ram::${account}:${principal}`] },
              Action: ['kms:*'],
              Resource: ['*'],
            },
          ],
        });
      const { KeyMetadata } = (await kms('CreateKey', { Policy: policy(`user/${UserName}`) })) as {
        KeyMetadata: { KeyId: string };
      };
      const { KeyId } = KeyMetadata;
      return {
        use: () => outcome(client, 'DescribeKey', { KeyId }),
        revoke: () => kms('SetKeyPolicy', { KeyId, Policy: policy('user/somebody-else') }),
      };
    },
  ],
  [
    'a permission policy whose resources change',
    'Forbidden.NoPermission',
    async (Name) => {
      const { client } = await accessPoint(Name);
      return {
        use: () => outcome(client, 'GetSecretValue', { SecretName: Name }),
        revoke: () => kms('UpdatePolicy', { Name, Resources: '["secret/another"]' }),
      };
    },
  ],
  [
    'a network rule that lets the address in no more',
    'Forbidden.NoPermission',
    async (Name) => {
      const { client } = await accessPoint(Name);
      return {
        use: () => outcome(client, 'GetSecretValue', { SecretName: Name }),
        revoke: () => kms('UpdateNetworkRule', { Name, SourcePrivateIp: '["10.0.0.0/8"]' }),
      };
    },
  ],
  [
    'a client key that is deleted',
    'InvalidAccessKeyId.NotFound',
    async (Name) => {
      const { client, ClientKeyId } = await accessPoint(Name);
      return {
        use: () => outcome(client, 'GetSecretValue', { SecretName: Name }),
        revoke: () => kms('DeleteClientKey', { ClientKeyId }),
      };
    },
  ],
  [
    'an access point that is deleted',
    'InvalidAccessKeyId.NotFound',
    async (Name) => {
      const { client } = await accessPoint(Name);
      return {
        use: () => outcome(client, 'GetSecretValue', { SecretName: Name }),
        revoke: () => kms('DeleteApplicationAccessPoint', { Name }),
      };
    },
  ],
];

/** Uses the grant without a pause while it is revoked, and gives what happened, in order. */
async function revokeWhileUsed(granted: Granted): Promise<{ outcomes: string[]; delayMs: number }> {
  let refusedAt: number | undefined;
  const outcomes: string[] = [];
  const using = (async () => {
    const deadline = performance.now() + patienceMs;
    for (let refusals = 0; refusals < 5 && performance.now() < deadline; refusals += refusedAt === undefined ? 0 : 1) {
      outcomes.push(await granted.use());
      if (refusedAt === undefined && outcomes.at(-1) !== 'OK') refusedAt = performance.now();
    }
  })();
  await granted.revoke();
  const revokedAt = performance.now();
  await using;
  return { outcomes, delayMs: Math.max(0, (refusedAt ?? Infinity) - revokedAt) };
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
}

describe('D9: what one process takes away, the other refuses', () => {
  it.each(revocations)(
    '%s: %s, from the first refusal on',
    async (what, refusal, grant) => {
      for (let round = 0; round < rounds; round += 1) {
        const name = `${what.replaceAll(/\W+/g, '-').slice(0, 40)}-${round}`;
        const granted = await grant(name);
        expect(await granted.use()).toBe('OK');
        const { outcomes, delayMs } = await revokeWhileUsed(granted);
        const refusals = outcomes.slice(outcomes.findIndex((code) => code !== 'OK'));
        expect(refusals).toHaveLength(5);
        expect(refusals).not.toContain('OK');
        // The first ones may have begun before.
        expect(refusals.at(-1)).toBe(refusal);
        delaysMs.push(delayMs);
      }
    },
    60_000 + rounds * 5000,
  );

  it('in the time that is printed', () => {
    expect(delaysMs).toHaveLength(revocations.length * rounds);
    expect(Math.max(...delaysMs)).toBeLessThan(patienceMs);
    const [p50, p99] = [quantile(delaysMs, 0.5), quantile(delaysMs, 0.99)].map((ms) => ms.toFixed(1));
    const most = Math.max(...delaysMs).toFixed(1);
    process.stdout.write(
      `${delaysMs.length} revocations, from the answer of one process to the first refusal of the other: ` +
        `p50 ${p50} ms, p99 ${p99} ms, at most ${most} ms\n`,
    );
  });
});
