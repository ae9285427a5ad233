import { request as httpsRequest } from 'node:https';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { signRequest } from '../../src/client/sign-request.ts';
import { sdkQuery } from '../support/wire.ts';
import { startTestServer, type TestServer } from '../support/kms-server.ts';

/**
 * The examples of "Use RAM to manage access to KMS resources", each attached to a user of its own, who then signs real
 * requests. `${region}` and `${account}` are those of the test's KMS.
 */
const account = '1000000000000000';
const policy = (...Statement: object[]): string => JSON.stringify({ Version: '1', Statement });
const own = (relativeId: string): string => `acs:kms:local:${account}:${relativeId}`;

interface Example {
  title: string;
  document: (ids: { apollo: string; gemini: string }) => string;
}

const examples: Record<string, Example> = {
  everything: {
    title: 'Access all KMS resources',
    document: () => policy({ Effect: 'Allow', Action: ['kms:*'], Resource: ['*'] }),
  },
  networks: {
    title: 'Access all KMS resources from specified CIDR blocks or IP addresses',
    document: () =>
      policy({
        Effect: 'Allow',
        Action: ['kms:*'],
        Resource: ['*'],
        Condition: { IpAddress: { 'acs:SourceIp': ['192.168.0.0/16', '172.16.215.218'] } },
      }),
  },
  crypto: {
    title: 'Query keys and use keys to encrypt data, decrypt data, and generate data keys',
    document: () =>
      policy(
        { Effect: 'Allow', Action: ['kms:List*', 'kms:Describe*'], Resource: [own('key'), own('key/*')] },
        { Effect: 'Allow', Action: ['kms:Encrypt', 'kms:Decrypt', 'kms:GenerateDataKey'], Resource: own('key/*') },
      ),
  },
  tagged: {
    title: 'Envelope encryption by using keys that have specified tags',
    document: () =>
      policy({
        Effect: 'Allow',
        Action: ['kms:Encrypt', 'kms:Decrypt', 'kms:GenerateDataKey'],
        Resource: [own('key/*')],
        Condition: { StringEqualsIgnoreCase: { 'kms:tag/Project': ['Apollo'] } },
      }),
  },
  attributes: {
    title: 'Query secrets and read the attributes of the secrets',
    document: () =>
      policy({ Effect: 'Allow', Action: ['kms:List*', 'kms:Describe*'], Resource: [own('secret'), own('secret/*')] }),
  },
  value: {
    title: 'Query values of a secret by secret name',
    document: ({ apollo }) =>
      policy(
        { Effect: 'Allow', Action: 'kms:GetSecretValue', Resource: own('secret/example-secret') },
        { Effect: 'Allow', Action: 'kms:Decrypt', Resource: own(`key/${apollo}`) },
      ),
  },
  withoutKey: {
    title: 'The same without the permission on the key',
    document: () => policy({ Effect: 'Allow', Action: 'kms:GetSecretValue', Resource: own('secret/example-secret') }),
  },
  certificates: {
    title: 'Sign data and verify digital signatures by using specified certificates',
    document: () =>
      policy({
        Effect: 'Allow',
        Action: ['kms:CertificatePrivateKeySign', 'kms:CertificatePublicKeyVerify'],
        Resource: ['*'],
      }),
  },
};

let server: TestServer;
const ids = { apollo: '', gemini: '', certificate: '' };
const keys = new Map<string, { accessKeyId: string; accessKeySecret: string }>();

beforeAll(async () => {
  // The proxy is the test: it says for whom it asks.
  server = await startTestServer({ environment: { KAAP_TRUSTED_PROXIES: '127.0.0.0/8' } });
  const { client } = server;
  for (const [name, project] of [
    ['apollo', 'apollo'],
    ['gemini', 'Gemini'],
  ] as const) {
    const { KeyMetadata } = (await client.call('Kms', 'CreateKey', {})) as { KeyMetadata: { KeyId: string } };
    ids[name] = KeyMetadata.KeyId;
    const Tags = JSON.stringify([{ TagKey: 'Project', TagValue: project }]);
    await client.call('Kms', 'TagResource', { KeyId: ids[name], Tags });
  }
  const secret = { SecretName: 'example-secret', SecretData: 'value', VersionId: 'v1', EncryptionKeyId: ids.apollo };
  await client.call('Kms', 'CreateSecret', secret);
  await client.call('Kms', 'CreateSecret', { SecretName: 'other-secret', SecretData: 'value', VersionId: 'v1' });
  for (const [UserName, { document }] of Object.entries(examples)) {
    const ram = (action: string, more: object): Promise<Record<string, unknown>> =>
      client.call('Ram', action, { ...more });
    await ram('CreateUser', { UserName });
    await ram('CreatePolicy', { PolicyName: UserName, PolicyDocument: document(ids) });
    await ram('AttachPolicyToUser', { UserName, PolicyType: 'Custom', PolicyName: UserName });
    const { AccessKey } = (await ram('CreateAccessKey', { UserName })) as {
      AccessKey: { AccessKeyId: string; AccessKeySecret: string };
    };
    keys.set(UserName, { accessKeyId: AccessKey.AccessKeyId, accessKeySecret: AccessKey.AccessKeySecret });
  }
}, 30_000);
afterAll(() => server.close());

/** Signs and sends a request; `OK`, or the code of the refusal. */
function call(userName: string, action: string, parameters: Record<string, string>, from?: string): Promise<string> {
  const body = sdkQuery(parameters);
  const unsigned = { host: server.host, version: '2016-01-20', action, body, time: Date.now(), userAgent: 'test' };
  const key = keys.get(userName) ?? { accessKeyId: '', accessKeySecret: '' };
  const headers = {
    ...signRequest(unsigned, { kind: 'AccessKey', ...key }),
    'content-length': String(Buffer.byteLength(body)),
    ...(from === undefined ? {} : { 'x-forwarded-for': from }),
  };
  return new Promise((resolve, reject) => {
    const sent = httpsRequest(
      server.endpoint,
      { method: 'POST', headers, ca: server.caPem, agent: false },
      (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () =>
          resolve(response.statusCode === 200 ? 'OK' : (JSON.parse(text) as { Code: string }).Code),
        );
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

const denied = 'Forbidden.NoPermission';
const encrypt = (key: 'apollo' | 'gemini'): [string, Record<string, string>] => [
  'Encrypt',
  { KeyId: ids[key], Plaintext: 'QQ==' },
];
const dataKey = (key: 'apollo' | 'gemini'): [string, Record<string, string>] => [
  'GenerateDataKey',
  { KeyId: ids[key] },
];

describe('The published example', () => {
  test(examples['everything']?.title ?? '', async () => {
    expect(await call('everything', ...encrypt('apollo'))).toBe('OK');
    expect(await call('everything', 'CreateKey', {})).toBe('OK');
    expect(await call('everything', 'GetSecretValue', { SecretName: 'example-secret' })).toBe('OK');
  });

  test.each([
    ['192.168.3.4', 'OK'],
    ['172.16.215.218', 'OK'],
    ['172.16.215.219', denied],
    ['10.0.0.1', denied],
    [undefined, denied],
  ])(`D6: ${examples['networks']?.title}: from %s %s`, async (from, outcome) => {
    expect(await call('networks', ...encrypt('apollo'), from)).toBe(outcome);
  });

  test(examples['crypto']?.title ?? '', async () => {
    expect(await call('crypto', 'ListKeys', {})).toBe('OK');
    expect(await call('crypto', 'DescribeKey', { KeyId: ids.gemini })).toBe('OK');
    expect(await call('crypto', ...encrypt('gemini'))).toBe('OK');
    expect(await call('crypto', ...dataKey('gemini'))).toBe('OK');
    expect(await call('crypto', 'DisableKey', { KeyId: ids.gemini })).toBe(denied);
    expect(await call('crypto', 'ListSecrets', {})).toBe(denied);
    expect(await call('crypto', 'ListAliases', {})).toBe(denied);
  });

  test(`D8: ${examples['tagged']?.title}`, async () => {
    expect(await call('tagged', ...encrypt('apollo'))).toBe('OK');
    expect(await call('tagged', ...dataKey('apollo'))).toBe('OK');
    expect(await call('tagged', ...encrypt('gemini'))).toBe(denied);
    expect(await call('tagged', ...dataKey('gemini'))).toBe(denied);
    const Tags = JSON.stringify([{ TagKey: 'Project', TagValue: 'Apollo' }]);
    expect(await call('tagged', 'TagResource', { KeyId: ids.gemini, Tags })).toBe(denied);
  });

  test(examples['attributes']?.title ?? '', async () => {
    expect(await call('attributes', 'ListSecrets', {})).toBe('OK');
    expect(await call('attributes', 'DescribeSecret', { SecretName: 'other-secret' })).toBe('OK');
    expect(await call('attributes', 'ListSecretVersionIds', { SecretName: 'other-secret' })).toBe('OK');
    expect(await call('attributes', 'GetSecretValue', { SecretName: 'other-secret' })).toBe(denied);
    expect(await call('attributes', 'ListKeys', {})).toBe(denied);
  });

  test(examples['value']?.title ?? '', async () => {
    expect(await call('value', 'GetSecretValue', { SecretName: 'example-secret' })).toBe('OK');
    expect(await call('value', 'GetSecretValue', { SecretName: 'other-secret' })).toBe(denied);
    expect(await call('value', 'DescribeSecret', { SecretName: 'example-secret' })).toBe(denied);
    expect(await call('withoutKey', 'GetSecretValue', { SecretName: 'example-secret' })).toBe(denied);
  });

  test(examples['certificates']?.title ?? '', async () => {
    const sign = { CertificateId: 'none', Algorithm: 'RSA_PKCS1_SHA_256', Message: 'QQ==', MessageType: 'RAW' };
    // Allowed, and then there is no such certificate; the next one is not even allowed.
    expect(await call('certificates', 'CertificatePrivateKeySign', sign)).not.toBe(denied);
    expect(await call('certificates', 'DeleteCertificate', { CertificateId: 'none' })).toBe(denied);
    expect(await call('certificates', ...encrypt('apollo'))).toBe(denied);
  });
});
