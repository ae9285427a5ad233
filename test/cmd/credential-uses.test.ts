import { afterAll, beforeAll, expect, test } from 'vitest';
import { KmsClient, clientKeyCredentials, openClientKeyFile, staticCredentials } from '../../src/client/kms-client.ts';
import { ShiftedClock, startTestServer, type TestServer } from '../support/kms-server.ts';

let server: TestServer;
const clock = new ShiftedClock();

beforeAll(async () => {
  server = await startTestServer({ clock });
});
afterAll(() => server.close());

const ram = (action: string, parameters: Record<string, unknown>): Promise<Record<string, unknown>> =>
  server.client.call('Ram', action, parameters);

function clientWith(credentials: ConstructorParameters<typeof KmsClient>[0]['credentials']): KmsClient {
  return new KmsClient({ endpoint: server.endpoint, caPem: server.caPem, region: 'local', credentials });
}

test('an access key tells when it was last used, also by a request that was denied', async () => {
  await ram('CreateUser', { UserName: 'ci' });
  const { AccessKey } = (await ram('CreateAccessKey', { UserName: 'ci' })) as { AccessKey: Record<string, string> };
  const asked = { UserName: 'ci', UserAccessKeyId: AccessKey['AccessKeyId'] };
  expect(await ram('GetAccessKeyLastUsed', asked)).toMatchObject({ AccessKeyLastUsed: { LastUsedDate: 'N/A' } });
  const key = { accessKeyId: AccessKey['AccessKeyId'] ?? '', accessKeySecret: AccessKey['AccessKeySecret'] ?? '' };
  const wrong = clientWith(staticCredentials({ ...key, accessKeySecret: 'wrong' }));
  await expect(wrong.call('Kms', 'ListKeys', {})).rejects.toMatchObject({ code: 'SignatureDoesNotMatch' });
  expect(await ram('GetAccessKeyLastUsed', asked)).toMatchObject({ AccessKeyLastUsed: { LastUsedDate: 'N/A' } });
  const client = clientWith(staticCredentials(key));
  const before = Math.floor(clock.now() / 1000) * 1000;
  await expect(client.call('Kms', 'ListKeys', {})).rejects.toMatchObject({ code: 'Forbidden.NoPermission' });
  const { AccessKeyLastUsed } = (await ram('GetAccessKeyLastUsed', asked)) as {
    AccessKeyLastUsed: { LastUsedDate: string };
  };
  expect(AccessKeyLastUsed.LastUsedDate).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  expect(Date.parse(AccessKeyLastUsed.LastUsedDate)).toBeGreaterThanOrEqual(before);
  await expect(
    ram('GetAccessKeyLastUsed', { UserName: 'ci', UserAccessKeyId: server.root.AccessKeyId }),
  ).rejects.toMatchObject({ code: 'EntityNotExist.User.AccessKey' });
  client.close();
  wrong.close();
});

test('a client key tells the same', async () => {
  await server.client.createPolicy({
    Name: 'p',
    KmsInstance: 'shared',
    Permissions: JSON.stringify(['RbacPermission/Template/CryptoServiceSecretUser']),
    Resources: JSON.stringify(['secret/*']),
  });
  await server.client.createApplicationAccessPoint({
    Name: 'app',
    AuthenticationMethod: 'ClientKey',
    Policies: JSON.stringify(['p']),
  });
  const password = 'Password-1234';
  const made = await server.client.createClientKey({ AapName: 'app', Password: password });
  const asked = { ClientKeyId: made.ClientKeyId };
  expect(await server.client.call('Kms', 'GetClientKey', asked)).not.toHaveProperty('LastUsedTime');
  const file = JSON.stringify({ KeyId: made.ClientKeyId, PrivateKeyData: made.PrivateKeyData });
  const client = clientWith(clientKeyCredentials(openClientKeyFile(file, password)));
  await expect(client.getSecretValue({ SecretName: 'none' })).rejects.toMatchObject({
    code: 'Forbidden.ResourceNotFound',
  });
  const time = expect.stringMatching(/^\d{4}-/) as string;
  expect(await server.client.call('Kms', 'GetClientKey', asked)).toMatchObject({ LastUsedTime: time });
  expect(await server.client.call('Kms', 'ListClientKeys', {})).toMatchObject({ ClientKeys: [{ LastUsedTime: time }] });
  client.close();
});
