import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { why } from '../../src/cli/commands/why.ts';
import { clientKeyCredentials, isKmsClientError, KmsClient, openClientKeyFile } from '../../src/client/kms-client.ts';
import { startTestServer, type TestServer } from '../support/kms-server.ts';

let server: TestServer;
let shop: KmsClient;

const policy = (resources: readonly string[], rule: string | undefined, Mode = 'Enforce'): Record<string, string> => ({
  Name: 'shop',
  Permissions: JSON.stringify(['RbacPermission/Template/CryptoServiceSecretUser']),
  Resources: JSON.stringify(resources),
  AccessControlRules: JSON.stringify({ NetworkRules: rule === undefined ? [] : [rule] }),
  Mode,
});
const modeOf = (mode: string): Record<string, string> => ({
  Name: 'shop',
  AuthenticationConfig: JSON.stringify({ mode }),
});

beforeAll(async () => {
  server = await startTestServer();
  const { client } = server;
  const { KeyMetadata } = await client.createKey({});
  const value = { SecretData: 'password', VersionId: 'v1' };
  await client.createSecret({ SecretName: 'shop/db', ...value });
  await client.createSecret({ SecretName: 'shop/sealed', EncryptionKeyId: KeyMetadata.KeyId, ...value });
  await client.createSecret({ SecretName: 'bank/db', ...value });
  await client.createNetworkRule({
    Name: 'here',
    Type: 'Private',
    SourcePrivateIp: JSON.stringify(['127.0.0.0/8', '::1']),
  });
  await client.createNetworkRule({
    Name: 'elsewhere',
    Type: 'Private',
    SourcePrivateIp: JSON.stringify(['10.0.0.0/8']),
  });
  await client.call('Kms', 'CreatePolicy', { KmsInstance: 'shared', ...policy(['secret/shop/*'], undefined) });
  const Policies = JSON.stringify(['shop']);
  await client.createApplicationAccessPoint({ Name: 'shop', AuthenticationMethod: 'ClientKey', Policies });
  const made = await client.call('Kms', 'CreateClientKey', { AapName: 'shop', Password: 'Passw0rd-for-tests' });
  const file = JSON.stringify({ KeyId: made['ClientKeyId'], PrivateKeyData: made['PrivateKeyData'] });
  const credentials = clientKeyCredentials(openClientKeyFile(file, 'Passw0rd-for-tests'));
  shop = new KmsClient({ endpoint: server.endpoint, caPem: server.caPem, region: 'local', credentials });
});

afterAll(async () => {
  shop.close();
  await server.close();
});

/** Whether the call goes on. */
async function enforced(call: () => Promise<unknown>): Promise<boolean> {
  try {
    await call();
    return true;
  } catch (error) {
    return !isKmsClientError(error, 'Forbidden.NoPermission');
  }
}

const listSecrets = (): Promise<unknown> => shop.call('Kms', 'ListSecrets', {});

async function simulated(action: string, resource: string): Promise<boolean> {
  const question = { Principal: 'applicationaccesspoint/shop', PolicyAction: action, Resource: resource };
  const answer = await server.client.call('Ram', 'SimulatePolicy', question);
  const { Effect, Shadowed } = answer['Decision'] as { Effect: string; Shadowed: boolean };
  return Effect === 'Allow' || Shadowed;
}

describe('explanation and enforcement at an access point', () => {
  test('agree on random policies, network rules and modes, over the wire', async () => {
    const resources = fc.uniqueArray(
      fc.constantFrom('secret/*', 'secret/shop/*', 'secret/shop/db', 'secret/bank/db', 'key/*'),
      { minLength: 1, maxLength: 2 },
    );
    const rule = fc.constantFrom(undefined, 'here', 'elsewhere');
    const mode = fc.constantFrom('Enforce', 'Enforce', 'Shadow');
    await fc.assert(
      fc.asyncProperty(resources, rule, mode, mode, async (...[names, network, tried, triedPolicy]) => {
        await server.client.call('Kms', 'UpdatePolicy', policy(names, network, triedPolicy));
        await server.client.call('Kms', 'UpdateApplicationAccessPoint', modeOf(tried));
        for (const name of ['shop/db', 'shop/sealed', 'bank/db', 'kaap/client-key/shop/one']) {
          const get = (): Promise<unknown> => shop.getSecretValue({ SecretName: name });
          expect(await enforced(get), name).toBe(await simulated('kms:GetSecretValue', `secret/${name}`));
        }
        expect(await enforced(listSecrets)).toBe(await simulated('kms:ListSecrets', 'secret'));
      }),
      { numRuns: 30 },
    );
  }, 60_000);

  test('tell what would have to change', async () => {
    await server.client.call('Kms', 'UpdatePolicy', policy(['secret/shop/*'], undefined));
    await server.client.call('Kms', 'UpdateApplicationAccessPoint', modeOf('Enforce'));
    const lines: string[] = [];
    const output = { line: (text: string) => void lines.push(text), raw: () => undefined };
    const question = { action: 'kms:GetSecretValue', resource: 'secret/bank/db' };
    await why(server.client, output, 'applicationaccesspoint/shop', question);
    expect(lines[1]).toBe('Denied: no policy allows it.');
    expect(lines[2]).toContain('by RbacPolicy/shop: Not allowed: it does not list this resource.');
    expect(lines[4]).toContain('Add secret/bank/db to the resources of the policy');
  });
});
