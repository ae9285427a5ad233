import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  clientKeyCredentials,
  KmsClient,
  staticCredentials,
  type CredentialProvider,
} from '../../src/client/kms-client.ts';
import { formBody } from '../../src/client/parameters.ts';
import { signRequest } from '../../src/client/sign-request.ts';
import { openClientKeyFile } from '../../src/crypto/client-key-file.ts';
import { queryAuditLog } from '../../src/storage/audit-query.ts';
import { readAuditLines } from '../../src/storage/audit-segments.ts';
import type { AuditEvent } from '../../src/ports/audit-sink.ts';
import { ShiftedClock, startTestServer, type TestServer } from '../support/kms-server.ts';
import { sendRaw } from '../support/test-gateway.ts';

const Password = 'a-Password-1';
const dayMs = 86_400_000;
const clock = new ShiftedClock();
let server: TestServer;
let clients: KmsClient[];

beforeAll(async () => {
  clients = [];
  server = await startTestServer({ clock, environment: { KAAP_TRUSTED_PROXIES: '127.0.0.1' } });
  for (const SecretName of ['shop/db', 'bank/db']) {
    await server.client.createSecret({ SecretName, SecretData: `value of ${SecretName}`, VersionId: 'v1' });
  }
});
afterAll(async () => {
  for (const client of clients) client.close();
  await server.close();
});

type Parameters = Record<string, unknown>;
const kms = (action: string, parameters: Parameters = {}): Promise<Parameters> =>
  server.client.call('Kms', action, parameters);
const ram = (action: string, parameters: Parameters = {}): Promise<Parameters> =>
  server.client.call('Ram', action, parameters);

function caller(credentials: CredentialProvider): KmsClient {
  const { endpoint, caPem } = server;
  const client = new KmsClient({ endpoint, caPem, region: 'local', clock, credentials });
  clients.push(client);
  return client;
}

const outcome = (client: KmsClient, action: string, parameters: Parameters = {}): Promise<string> =>
  client.call('Kms', action, parameters).then(
    () => 'OK',
    (error: { code: string }) => error.code,
  );

async function newClientKey(AapName: string): Promise<{ id: string; credentials: CredentialProvider }> {
  const { ClientKeyId, PrivateKeyData } = await kms('CreateClientKey', { AapName, Password });
  const id = String(ClientKeyId);
  const { privateKeyPem } = openClientKeyFile(JSON.stringify({ KeyId: id, PrivateKeyData }), Password);
  return { id, credentials: clientKeyCredentials({ keyId: id, privateKeyPem }) };
}

/** An access point that reads `shop/db`, from the addresses of one rule. */
async function createAccessPoint(Name: string, addresses: readonly string[]): Promise<void> {
  await kms('CreateNetworkRule', { Name, SourcePrivateIp: JSON.stringify(addresses) });
  await kms('CreatePolicy', {
    Name,
    Permissions: '["RbacPermission/Template/CryptoServiceSecretUser"]',
    Resources: '["secret/shop/*"]',
    AccessControlRules: JSON.stringify({ NetworkRules: [Name] }),
  });
  await kms('CreateApplicationAccessPoint', { Name, Policies: JSON.stringify([Name]) });
}

async function userWith(UserName: string, ...Statement: object[]): Promise<KmsClient> {
  await ram('CreateUser', { UserName });
  await ram('CreatePolicy', { PolicyName: UserName, PolicyDocument: JSON.stringify({ Version: '1', Statement }) });
  await ram('AttachPolicyToUser', { PolicyType: 'Custom', PolicyName: UserName, UserName });
  const { AccessKey } = (await ram('CreateAccessKey', { UserName })) as {
    AccessKey: { AccessKeyId: string; AccessKeySecret: string };
  };
  const { AccessKeyId: accessKeyId, AccessKeySecret: accessKeySecret } = AccessKey;
  return caller(staticCredentials({ accessKeyId, accessKeySecret }));
}

async function lastEvent(accessKeyId: string): Promise<AuditEvent | undefined> {
  let last: AuditEvent | undefined;
  for await (const { event } of queryAuditLog(readAuditLines(server.service.auditDir), {})) {
    if (event.accessKeyId === accessKeyId) last = event;
  }
  return last;
}

describe('A client key', () => {
  it('C9: that was stolen is refused from another network, and the audit log says from where and by which rule', async () => {
    await createAccessPoint('office', ['10.1.0.0/16']);
    const { id, credentials } = await newClientKey('office');
    const body = formBody({ SecretName: 'shop/db' });
    const request = async (from: string): Promise<string> => {
      const call = { host: server.host, version: '2016-01-20', action: 'GetSecretValue', body, userAgent: 'test' };
      const headers = signRequest({ ...call, time: clock.now() }, await credentials.credential());
      const sent = { method: 'POST', headers: { ...headers, 'x-forwarded-for': from }, body };
      const { status, json } = await sendRaw(server, sent);
      return status === 200 ? 'OK' : String(json['Code']);
    };
    expect(await request('10.1.2.3')).toBe('OK');
    expect(await request('203.0.113.7')).toBe('Forbidden.NoPermission');
    expect(await lastEvent(id)).toMatchObject({
      action: 'GetSecretValue',
      sourceIp: '203.0.113.7',
      decision: 'Deny',
      outcome: 'Forbidden.NoPermission',
      decidedBy: expect.any(String) as string,
    });
    // The caller writes the left of the header; the proxy wrote the right.
    expect(await request('10.1.2.3, 203.0.113.7')).toBe('Forbidden.NoPermission');
  });

  it('C5: is refused before its time, from its end on, and once it is revoked', async () => {
    await createAccessPoint('local', ['127.0.0.0/8']);
    const time = (days: number): string => `${new Date(clock.now() + days * dayMs).toISOString().slice(0, 19)}Z`;
    const window = { NotBefore: time(1), NotAfter: time(3) };
    const { ClientKeyId, PrivateKeyData } = await kms('CreateClientKey', { AapName: 'local', Password, ...window });
    const file = JSON.stringify({ KeyId: ClientKeyId, PrivateKeyData });
    const { privateKeyPem } = openClientKeyFile(file, Password, { now: clock.now() + 2 * dayMs });
    const client = caller(clientKeyCredentials({ keyId: String(ClientKeyId), privateKeyPem }));
    const read = (): Promise<string> => outcome(client, 'GetSecretValue', { SecretName: 'shop/db' });
    expect(await read()).toBe('InvalidAccessKeyId.Inactive');
    clock.shiftMs = 2 * dayMs;
    expect(await read()).toBe('OK');
    clock.shiftMs = 4 * dayMs;
    expect(await read()).toBe('InvalidAccessKeyId.Inactive');
    clock.shiftMs = 2 * dayMs;
    expect(await read()).toBe('OK');
    // The root signs with a clock of its own.
    clock.shiftMs = 0;
    await kms('DeleteClientKey', { ClientKeyId });
    clock.shiftMs = 2 * dayMs;
    expect(await read()).toBe('InvalidAccessKeyId.NotFound');
    clock.shiftMs = 0;
  });
});

describe('Whoever may read one secret', () => {
  const reading = { Effect: 'Allow', Action: 'kms:GetSecretValue', Resource: 'acs:kms:*:*:secret/shop/db' };

  it('D4: learns no other name: neither by a list, nor from what a refusal says', async () => {
    const client = await userWith('reader', reading);
    expect(await outcome(client, 'GetSecretValue', { SecretName: 'shop/db' })).toBe('OK');
    for (const action of ['ListSecrets', 'ListKeys', 'ListAliases', 'ListPolicies', 'ListApplicationAccessPoints']) {
      expect(await outcome(client, action)).toBe('Forbidden.NoPermission');
    }
    const refusal = async (SecretName: string): Promise<string> => {
      const error = await client.call('Kms', 'GetSecretValue', { SecretName }).catch((each: Error) => each);
      const { message, detail } = error as { message: string; detail: unknown };
      return JSON.stringify([message, detail])
        .replaceAll(SecretName, '…')
        .replaceAll(/[0-9A-F-]{36}/g, '');
    };
    expect(await refusal('bank/db')).toBe(await refusal('bank/none'));
  });

  it('D4: may not list by a permission on the names that he would see', async () => {
    const onNames = { Effect: 'Allow', Action: 'kms:ListSecrets', Resource: 'acs:kms:*:*:secret/shop/*' };
    const client = await userWith('lister', reading, onNames);
    expect(await outcome(client, 'ListSecrets')).toBe('Forbidden.NoPermission');
  });
});

describe('Tags', () => {
  const onAll = { Effect: 'Allow', Resource: '*' };
  const Tags = JSON.stringify([{ TagKey: 'team', TagValue: 'red' }]);

  it('D8: give nothing to whoever may only set them', async () => {
    const { KeyMetadata } = await server.client.createKey({});
    const { KeyId } = KeyMetadata;
    const client = await userWith('tagger', { ...onAll, Action: ['kms:TagResource', 'kms:UntagResource'] });
    expect(await outcome(client, 'TagResource', { KeyId, Tags })).toBe('OK');
    for (const [action, parameters] of [
      ['Encrypt', { Plaintext: 'AAAA' }],
      ['DescribeKey', {}],
      ['ListResourceTags', {}],
      ['SetKeyPolicy', { Policy: '{}' }],
    ] as const) {
      expect(await outcome(client, action, { KeyId, ...parameters }), action).not.toBe('OK');
    }
  });

  it('D8: are set by nobody whose permission to set them depends on the tag that is missing', async () => {
    const { KeyMetadata } = await server.client.createKey({});
    const { KeyId } = KeyMetadata;
    const Condition = { StringEquals: { 'kms:tag/team': 'red' } };
    const client = await userWith('red', { ...onAll, Action: 'kms:*', Condition });
    const tagging = [
      ['TagResource', { KeyId, Tags }],
      [
        'TagResources',
        { ResourceType: 'key', ResourceId: JSON.stringify([KeyId]), Tag: '[{"Key":"team","Value":"red"}]' },
      ],
    ] as const;
    for (const [action, parameters] of tagging) {
      expect(await outcome(client, action, parameters)).toBe('Forbidden.NoPermission');
    }
    expect(await outcome(client, 'Encrypt', { KeyId, Plaintext: 'AAAA' })).toBe('Forbidden.NoPermission');
    await kms('TagResource', { KeyId, Tags });
    expect(await outcome(client, 'Encrypt', { KeyId, Plaintext: 'AAAA' })).toBe('OK');
  });
});

describe('A dry run', () => {
  const dry = (product: 'Kms' | 'Ram', action: string, parameters: Parameters): Promise<string> =>
    server.client.call(product, action, { ...parameters, DryRun: 'true' }).then(
      () => 'OK',
      (error: { code: string; message: string }) => `${error.code}: ${error.message}`,
    );

  it('of an action of RAM finds what the call would find, and changes nothing', async () => {
    const UserName = 'rehearsed';
    expect(await dry('Ram', 'CreateUser', { UserName })).toMatch(
      /^DryRunOperationError: The call would have succeeded/,
    );
    await expect(ram('GetUser', { UserName })).rejects.toMatchObject({ code: 'EntityNotExist.User' });
    expect(await dry('Ram', 'CreateAccessKey', { UserName })).toMatch(/^EntityNotExist.User: /);
    await ram('CreateUser', { UserName });
    expect(await dry('Ram', 'CreateUser', { UserName })).toMatch(/^EntityAlreadyExists.User: /);
    expect(await dry('Ram', 'CreateAccessKey', { UserName })).toMatch(/^DryRunOperationError: /);
    expect(await ram('ListAccessKeys', { UserName })).toMatchObject({ AccessKeys: { AccessKey: [] } });
    expect(await dry('Ram', 'DeleteUser', { UserName })).toMatch(/^DryRunOperationError: /);
    await ram('GetUser', { UserName });
  });

  it('of an action that cannot be rehearsed says no more than that the caller is allowed', async () => {
    expect(await dry('Kms', 'RotateStorageKey', {})).toBe(
      'DryRunOperationError: You are allowed to do this; DryRun is set, so nothing was done.',
    );
  });
});
