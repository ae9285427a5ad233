import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { suggest } from '../../src/cli/commands/policy.ts';
import {
  clientKeyCredentials,
  isKmsClientError,
  KmsClient,
  openClientKeyFile,
  staticCredentials,
  type CredentialProvider,
} from '../../src/client/kms-client.ts';
import { startTestServer, type TestServer } from '../support/kms-server.ts';

let server: TestServer;
let folder: string;
const clients: KmsClient[] = [];
const keys: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kaap-suggest-'));
  server = await startTestServer({ dataDir: join(folder, 'data') });
  for (const _ of [1, 2]) keys.push((await server.client.createKey({})).KeyMetadata.KeyId);
  const value = { SecretData: 'password', VersionId: 'v1' };
  await server.client.createSecret({ SecretName: 'shop/db', ...value });
  await server.client.createSecret({ SecretName: 'shop/sealed', EncryptionKeyId: keys[0], ...value });
  await server.client.createSecret({ SecretName: 'bank/db', ...value });
});

afterAll(async () => {
  for (const client of clients) client.close();
  await server.close();
  await rm(folder, { recursive: true });
});

function clientWith(credentials: CredentialProvider): KmsClient {
  const client = new KmsClient({ endpoint: server.endpoint, caPem: server.caPem, region: 'local', credentials });
  clients.push(client);
  return client;
}

/** Name of each call of the sample → the call. */
const sample: Readonly<Record<string, (client: KmsClient) => Promise<unknown>>> = {
  readDb: (client) => client.call('Kms', 'GetSecretValue', { SecretName: 'shop/db' }),
  readSealed: (client) => client.call('Kms', 'GetSecretValue', { SecretName: 'shop/sealed' }),
  readBank: (client) => client.call('Kms', 'GetSecretValue', { SecretName: 'bank/db' }),
  encrypt: (client) => client.call('Kms', 'Encrypt', { KeyId: keys[0], Plaintext: 'aGVsbG8=' }),
  encryptOther: (client) => client.call('Kms', 'Encrypt', { KeyId: keys[1], Plaintext: 'aGVsbG8=' }),
  listKeys: (client) => client.call('Kms', 'ListKeys', {}),
  describe: (client) => client.call('Kms', 'DescribeSecret', { SecretName: 'shop/db' }),
};

/** Names of the sample's calls that are allowed. */
async function allowed(client: KmsClient, names = Object.keys(sample)): Promise<string[]> {
  const passed: string[] = [];
  for (const name of names) {
    try {
      await sample[name]?.(client);
      passed.push(name);
    } catch (error) {
      if (!isKmsClientError(error, 'Forbidden.NoPermission')) throw error;
    }
  }
  return passed;
}

/** The manifest that `kaap policy suggest` prints. */
async function suggested(
  kind: 'user' | 'applicationaccesspoint',
): Promise<{ text: string; spec: { document: string; templates: string[]; resources: string[] } }> {
  const lines: string[] = [];
  const output = { line: (text: string) => void lines.push(text), raw: () => undefined };
  const audit = join(folder, 'data', 'audit');
  await suggest(output, { kind, name: 'shop' }, [audit], { scope: 'shared' });
  const text = lines.join('\n');
  return { text, ...(parse(text) as { spec: { document: string; templates: string[]; resources: string[] } }) };
}

test('a user keeps the calls that were recorded and loses all others of a sample', async () => {
  const ram = (action: string, parameters: object): Promise<Record<string, unknown>> =>
    server.client.call('Ram', action, { ...parameters });
  await ram('CreateUser', { UserName: 'shop' });
  const wide = { PolicyType: 'System', PolicyName: 'AliyunKMSFullAccess', UserName: 'shop' };
  await ram('AttachPolicyToUser', wide);
  const { AccessKey } = (await ram('CreateAccessKey', { UserName: 'shop' })) as {
    AccessKey: { AccessKeyId: string; AccessKeySecret: string };
  };
  const client = clientWith(
    staticCredentials({ accessKeyId: AccessKey.AccessKeyId, accessKeySecret: AccessKey.AccessKeySecret }),
  );
  const used = ['readDb', 'readSealed', 'encrypt', 'listKeys'];
  expect(await allowed(client, used)).toEqual(used);

  const { spec, text } = await suggested('user');
  await ram('DetachPolicyFromUser', wide);
  expect(await allowed(client)).toEqual([]);
  await ram('CreatePolicy', { PolicyName: 'suggested', PolicyDocument: spec.document });
  await ram('AttachPolicyToUser', { PolicyType: 'Custom', PolicyName: 'suggested', UserName: 'shop' });
  expect(await allowed(client)).toEqual(used);
  expect((await suggested('user')).spec, 'now with the denied calls in the log').toEqual(spec);
  expect(text).not.toContain('Left out');
});

test('an access point keeps the calls that were recorded and loses all others of a sample', async () => {
  const policy = (Permissions: string[], Resources: string[]): Record<string, string> => ({
    Name: 'shop',
    Permissions: JSON.stringify(Permissions),
    Resources: JSON.stringify(Resources),
  });
  const wide = policy(['CryptoServiceSecretUser', 'CryptoServiceKeyUser'], ['secret/*', 'key/*']);
  await server.client.call('Kms', 'CreatePolicy', { KmsInstance: 'shared', ...wide });
  await server.client.createApplicationAccessPoint({
    Name: 'shop',
    AuthenticationMethod: 'ClientKey',
    Policies: JSON.stringify(['shop']),
  });
  const made = await server.client.call('Kms', 'CreateClientKey', { AapName: 'shop', Password: 'Passw0rd-for-tests' });
  const file = JSON.stringify({ KeyId: made['ClientKeyId'], PrivateKeyData: made['PrivateKeyData'] });
  const client = clientWith(clientKeyCredentials(openClientKeyFile(file, 'Passw0rd-for-tests')));
  expect(await allowed(client, ['readDb', 'readSealed', 'encrypt', 'listKeys'])).toEqual([
    'readDb',
    'readSealed',
    'encrypt',
  ]);

  const { spec, text } = await suggested('applicationaccesspoint');
  expect(text).toContain('kms:ListKeys');
  expect(spec).toEqual({
    scope: 'shared',
    templates: ['CryptoServiceKeyUser', 'SecretUser'],
    resources: [`key/${keys[0]}`, 'secret/shop/db', 'secret/shop/sealed'],
  });
  await server.client.call('Kms', 'UpdatePolicy', policy(spec.templates, spec.resources));
  expect(await allowed(client)).toEqual(['readDb', 'readSealed', 'encrypt']);
});
