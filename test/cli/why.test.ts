import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { why, whoCan } from '../../src/cli/commands/why.ts';
import { isKmsClientError, KmsClient, staticCredentials } from '../../src/client/kms-client.ts';
import { startTestServer, type TestServer } from '../support/kms-server.ts';

let server: TestServer;
let user: KmsClient;
let keyId: string;

const account = '1000000000000000';
const ram = (action: string, parameters: object): Promise<Record<string, unknown>> =>
  server.client.call('Ram', action, { ...parameters });

/** What a command prints. */
async function printed(
  command: (output: { line(text: string): void; raw(bytes: Uint8Array): void }) => Promise<void>,
): Promise<string[]> {
  const lines: string[] = [];
  await command({ line: (text) => void lines.push(text), raw: () => undefined });
  return lines;
}

async function setPolicy(document: object): Promise<void> {
  await ram('CreatePolicyVersion', {
    PolicyName: 'ci',
    PolicyDocument: JSON.stringify(document),
    SetAsDefault: true,
    RotateStrategy: 'DeleteOldestNonDefaultVersionWhenLimitExceeded',
  });
}

const allow = (Action: string | string[], Resource: string | string[]): object => ({
  Version: '1',
  Statement: [{ Effect: 'Allow', Action, Resource }],
});

beforeAll(async () => {
  server = await startTestServer();
  const { client } = server;
  const { KeyMetadata } = (await client.call('Kms', 'CreateKey', {})) as { KeyMetadata: { KeyId: string } };
  keyId = KeyMetadata.KeyId;
  await client.createSecret({ SecretName: 'shop/db', SecretData: 'password', VersionId: 'v1' });
  const sealed = { SecretName: 'shop/sealed', SecretData: 'password', VersionId: 'v1', EncryptionKeyId: keyId };
  await client.call('Kms', 'CreateSecret', sealed);
  await ram('CreateUser', { UserName: 'ci' });
  await ram('CreatePolicy', { PolicyName: 'ci', PolicyDocument: JSON.stringify(allow('kms:ListKeys', '*')) });
  await ram('AttachPolicyToUser', { UserName: 'ci', PolicyName: 'ci', PolicyType: 'Custom' });
  const { AccessKey } = (await ram('CreateAccessKey', { UserName: 'ci' })) as {
    AccessKey: { AccessKeyId: string; AccessKeySecret: string };
  };
  const accessKey = { accessKeyId: AccessKey.AccessKeyId, accessKeySecret: AccessKey.AccessKeySecret };
  const credentials = staticCredentials(accessKey);
  user = new KmsClient({ endpoint: server.endpoint, caPem: server.caPem, region: 'local', credentials });
});

afterAll(async () => {
  user.close();
  await server.close();
});

const ask = (resource: string, more: { from?: string; at?: string } = {}): Promise<string[]> =>
  printed((output) => why(server.client, output, 'user/ci', { action: 'kms:GetSecretValue', resource, ...more }));

describe('kaap why', () => {
  test('names the statement that allows, and the policy it came from', async () => {
    await setPolicy(allow('kms:GetSecretValue', `acs:kms:*:${account}:secret/shop/db`));
    expect(await ask('secret/shop/db')).toEqual([
      `acs:ram::${account}:user/ci`,
      'Allowed: every permission that the call needs is given and none is denied.',
      `  allow  kms:GetSecretValue on acs:kms:local:${account}:secret/shop/db  by RamPolicy/ci statement 0: Statement 0 allows it.`,
    ]);
  });

  test('says what would have to change, and it does', async () => {
    await setPolicy(allow('kms:ListKeys', '*'));
    const lines = await ask('secret/shop/db');
    expect(lines[1]).toBe('Denied: no policy allows it.');
    const advice = lines.at(-1) ?? '';
    const Statement = [JSON.parse(advice.slice(advice.indexOf('{'))) as object];
    await setPolicy({ Version: '1', Statement });
    expect((await ask('secret/shop/db'))[1]).toMatch(/^Allowed/);
    await expect(user.getSecretValue({ SecretName: 'shop/db' })).resolves.toMatchObject({ SecretData: 'password' });
  });

  test('knows that the key of a secret is needed, too', async () => {
    await setPolicy(allow('kms:GetSecretValue', '*'));
    const lines = await ask('secret/shop/sealed');
    expect(lines.join('\n')).toContain(`kms:Decrypt on acs:kms:local:${account}:key/${keyId}`);
  });

  test('answers for another address and another time', async () => {
    const Condition = {
      IpAddress: { 'acs:SourceIp': ['10.0.0.0/8'] },
      DateLessThan: { 'acs:CurrentTime': ['2030-01-01T00:00:00Z'] },
    };
    await setPolicy({
      Version: '1',
      Statement: [{ Effect: 'Allow', Action: 'kms:GetSecretValue', Resource: '*', Condition }],
    });
    const at = '2029-12-31T00:00:00Z';
    expect((await ask('secret/shop/db', { from: '10.1.2.3', at }))[1]).toMatch(/^Allowed/);
    expect((await ask('secret/shop/db', { from: '192.0.2.1', at }))[1]).toMatch(/^Denied/);
    expect((await ask('secret/shop/db', { from: '10.1.2.3', at: '2031-01-01T00:00:00Z' }))[1]).toMatch(/^Denied/);
    await expect(ask('secret/shop/db', { at: 'tomorrow' })).rejects.toMatchObject({ code: 'InvalidParameter' });
  });

  test('is for those who may ask about policies', async () => {
    await setPolicy(allow('kms:*', '*'));
    const question = { action: 'kms:Decrypt', resource: '*' };
    const refused = printed((output) => why(user, output, 'user/ci', question));
    await expect(refused).rejects.toMatchObject({ code: 'NoPermission' });
  });
});

describe('kaap who-can', () => {
  test('lists everybody who may, with what allows it', async () => {
    await setPolicy(allow('kms:GetSecretValue', '*'));
    const question = { action: 'kms:GetSecretValue', resource: 'secret/shop/db' };
    expect(await printed((output) => whoCan(server.client, output, question))).toEqual([
      'PRINCIPAL  ALLOWED BY',
      'root       Account',
      'user/ci    RamPolicy/ci statement 0',
    ]);
    const other = { ...question, action: 'kms:PutSecretValue' };
    expect(await printed((output) => whoCan(server.client, output, other))).toHaveLength(2);
  });
});

/** Calls that are the same question to the wire and to the simulation. */
const calls: readonly { action: string; resource: () => string; call: () => Promise<unknown> }[] = [
  ...['shop/db', 'shop/sealed', 'shop/none'].flatMap((name) => [
    {
      action: 'kms:GetSecretValue',
      resource: () => `secret/${name}`,
      call: () => user.getSecretValue({ SecretName: name }),
    },
    {
      action: 'kms:PutSecretValue',
      resource: () => `secret/${name}`,
      call: () => user.call('Kms', 'PutSecretValue', { SecretName: name, SecretData: 'password', VersionId: 'v1' }),
    },
    {
      action: 'kms:DescribeSecret',
      resource: () => `secret/${name}`,
      call: () => user.call('Kms', 'DescribeSecret', { SecretName: name }),
    },
  ]),
  {
    action: 'kms:Encrypt',
    resource: () => `key/${keyId}`,
    call: () => user.call('Kms', 'Encrypt', { KeyId: keyId, Plaintext: 'aGk=' }),
  },
  { action: 'kms:ListKeys', resource: () => 'key', call: () => user.call('Kms', 'ListKeys', {}) },
  { action: 'ram:GetUser', resource: () => 'user/ci', call: () => user.call('Ram', 'GetUser', { UserName: 'ci' }) },
];

const statement = fc.record({
  Effect: fc.constantFrom('Allow', 'Allow', 'Allow', 'Deny'),
  Action: fc.uniqueArray(
    fc.constantFrom(
      'kms:*',
      'kms:Get*',
      'kms:Decrypt',
      'kms:GenerateDataKey',
      'kms:PutSecretValue',
      'ram:*',
      'kms:Encrypt',
    ),
    { minLength: 1, maxLength: 3 },
  ),
  Resource: fc.constantFrom(
    '*',
    'acs:kms:*:*:secret/shop/*',
    'acs:kms:*:*:secret/shop/db',
    'acs:kms:*:*:key*',
    `acs:ram:*:${account}:user/*`,
  ),
});

const isDenied = (error: unknown): boolean =>
  isKmsClientError(error, 'Forbidden.NoPermission') || isKmsClientError(error, 'NoPermission');

describe('explanation and enforcement', () => {
  test('agree on random policies, over the wire', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(statement, { minLength: 1, maxLength: 3 }), async (Statement) => {
        await setPolicy({ Version: '1', Statement });
        for (const { action, resource, call } of calls) {
          const question = { Principal: 'user/ci', PolicyAction: action, Resource: resource() };
          const { Decision } = (await ram('SimulatePolicy', question)) as { Decision: { Effect: string } };
          const enforced = await call().then(
            () => 'Allow',
            (error: unknown) => (isDenied(error) ? 'Deny' : 'Allow'),
          );
          expect(enforced, `${action} on ${resource()}`).toBe(Decision.Effect);
        }
      }),
      { numRuns: 40 },
    );
  }, 60_000);
});
