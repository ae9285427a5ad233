import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { createCertificateAuthority, issueServingCertificate } from '../../../src/crypto/x509.ts';
import { fetchBinding } from '../../../webhook/agent/fetch.ts';
import { kmsReaders } from '../../../webhook/agent/kms-reader.ts';
import { aFolder, anAgentBinding } from '../support/agent.ts';

type Respond = (parameters: URLSearchParams) => [status: number, body: object];

/** A KMS and STS that answers what a test says. */
const answers: Record<string, Respond> = {};
const seen: { action: string; parameters: URLSearchParams; authorization: string }[] = [];
let server: Server;
let caPem: string;

beforeAll(async () => {
  const common = { notBefore: Date.now() - 60_000, random: randomBytes };
  const authority = createCertificateAuthority({ commonName: 'test', ...common });
  const serving = issueServingCertificate(authority, {
    dnsNames: ['localhost'],
    ipAddresses: ['127.0.0.1'],
    ...common,
  });
  caPem = authority.certificatePem;
  server = createServer({ cert: serving.certificatePem, key: serving.privateKeyPem }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const action = String(request.headers['x-acs-action']);
      const parameters = new URLSearchParams(Buffer.concat(chunks).toString());
      seen.push({ action, parameters, authorization: request.headers.authorization ?? '' });
      const [status, body] = answers[action]?.(parameters) ?? [404, { Code: 'InvalidApi.NotFound', Message: 'no' }];
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

beforeEach(() => {
  seen.length = 0;
  answers['AssumeRoleWithOIDC'] = () => [
    200,
    {
      Credentials: {
        AccessKeyId: 'STS.x',
        AccessKeySecret: 's',
        SecurityToken: 't',
        Expiration: new Date(Date.now() + 3_600_000).toISOString(),
      },
    },
  ];
});

function aPodBinding(): ReturnType<typeof anAgentBinding> {
  const tokenFile = join(aFolder(), 'token');
  writeFileSync(tokenFile, 'pod-token\n');
  const binding = anAgentBinding();
  if (binding.identity.method === 'ServiceAccountRole') binding.identity.tokenFile = tokenFile;
  return binding;
}

async function read(binding: ReturnType<typeof anAgentBinding>): Promise<Map<string, Buffer>> {
  const { port } = server.address() as AddressInfo;
  const reader = kmsReaders({ endpoint: `https://127.0.0.1:${port}`, caPem, region: 'local' })(binding);
  try {
    const { values } = await fetchBinding(binding, reader, AbortSignal.timeout(10_000));
    return new Map([...values].map(([name, value]) => [name, value.reveal()]));
  } finally {
    reader.close();
  }
}

describe('the reader of a pod', () => {
  test('assumes the role of its access point with its own token, and asks as that session', async () => {
    answers['GetSecretValue'] = () => [200, { SecretData: 'välue', SecretDataType: 'text' }];
    expect(await read(aPodBinding())).toEqual(new Map([['db', Buffer.from('välue')]]));
    const [assume, get] = seen;
    expect(assume?.action).toBe('AssumeRoleWithOIDC');
    expect(assume?.parameters.get('OIDCToken')).toBe('pod-token');
    expect(assume?.parameters.get('RoleArn')).toBe('acs:ram::1000000000000000:role/shop');
    expect(get?.parameters.get('SecretName')).toBe('shop/db');
    expect(get?.authorization).toContain('STS.x');
  });

  test('proves who it is over the connection on which it then asks, and leaves none behind', async () => {
    const open = new Set<TLSSocket>();
    let opened = 0;
    const count = (socket: TLSSocket): void => {
      opened += 1;
      open.add(socket.once('close', () => open.delete(socket)));
    };
    server.on('secureConnection', count);
    answers['GetSecretValue'] = () => [200, { SecretData: 'value', SecretDataType: 'text' }];
    await read(aPodBinding());
    server.off('secureConnection', count);
    expect(seen.map(({ action }) => action)).toEqual(['AssumeRoleWithOIDC', 'GetSecretValue']);
    expect(opened).toBe(1);
    await vi.waitFor(() => expect(open.size).toBe(0));
  });

  test('decodes binary secrets and decrypted ciphertexts to their bytes', async () => {
    const bytes = Buffer.from([0, 255, 10, 13]);
    answers['GetSecretValue'] = () => [200, { SecretData: bytes.toString('base64'), SecretDataType: 'binary' }];
    answers['Decrypt'] = () => [200, { Plaintext: bytes.toString('base64') }];
    const binding = aPodBinding();
    binding.sources.push({ name: 'sealed', ciphertextBlob: 'AAAA', encryptionContext: { app: 'shop' } });
    expect([...(await read(binding)).values()]).toEqual([bytes, bytes]);
    const decrypt = seen.find(({ action }) => action === 'Decrypt')?.parameters;
    expect(decrypt?.get('CiphertextBlob')).toBe('AAAA');
    expect(decrypt?.get('EncryptionContext')).toBe('{"app":"shop"}');
  });

  test('A7: refuses a binary value that is not base64, and text that is not Unicode', async () => {
    answers['GetSecretValue'] = () => [200, { SecretData: 'not base64!', SecretDataType: 'binary' }];
    await expect(read(aPodBinding())).rejects.toThrow('the secret shop/db: its value is not base64');
    answers['GetSecretValue'] = () => [200, { SecretData: '\ud800', SecretDataType: 'text' }];
    await expect(read(aPodBinding())).rejects.toThrow('is not Unicode text');
  });

  test('tells a refusal of STS apart from an outage', async () => {
    answers['AssumeRoleWithOIDC'] = () => [403, { Code: 'AuthenticationFail.NoPermission', Message: 'Not listed.' }];
    await expect(read(aPodBinding())).rejects.toMatchObject({
      name: 'Refusal',
      message: expect.stringContaining('lists the service account of this pod'),
    });
    answers['AssumeRoleWithOIDC'] = () => [400, { Code: 'InternalError', Message: 'x' }];
    const elsewhere = { ...aPodBinding() };
    if (elsewhere.identity.method === 'ServiceAccountRole') elsewhere.identity.tokenFile = '/nowhere/token';
    await expect(read(elsewhere)).rejects.toMatchObject({ name: 'UnreachableError' });
  });

  test('waits for a change of its secrets, and hands back what the KMS said of them last', async () => {
    const { port } = server.address() as AddressInfo;
    const reader = kmsReaders({ endpoint: `https://127.0.0.1:${port}`, caPem, region: 'local' })(aPodBinding());
    answers['WaitSecretChanges'] = () => [
      200,
      { Secrets: { Secret: [{ SecretName: 'shop/db', State: 's2', Changed: true }] } },
    ];
    const sources = [{ name: 'db', secretName: 'shop/db', versionStage: 'trial' }];
    const signal = AbortSignal.timeout(10_000);
    const heard = await reader.waitForChange?.(sources, new Map([['db', 's1']]), 20, signal);
    expect(heard).toEqual({ changed: true, known: new Map([['db', 's2']]) });
    const asked = seen.find(({ action }) => action === 'WaitSecretChanges')?.parameters;
    expect(asked?.get('Secrets')).toBe('[{"SecretName":"shop/db","VersionStage":"trial","State":"s1"}]');
    expect(asked?.get('WaitSeconds')).toBe('20');
    reader.close();
  });

  test('C10: asks for the password of its client key by the id in the file, and refuses another shape of id', async () => {
    const folder = aFolder();
    const clientKeyFile = join(folder, 'client-key.json');
    const keyId = 'KAAP.01234567-89ab-cdef-0123-456789abcdef';
    const unlock = { ...aPodBinding().identity, secretPrefix: 'kaap/client-key/shop/' } as never;
    const binding = { ...aPodBinding(), identity: { method: 'ClientKey' as const, clientKeyFile, unlock } };
    answers['GetSecretValue'] = () => [200, { SecretData: 'password', SecretDataType: 'text' }];
    writeFileSync(clientKeyFile, JSON.stringify({ KeyId: keyId, PrivateKeyData: 'AAAA' }));
    await expect(read(binding)).rejects.toMatchObject({ name: 'Refusal' });
    expect(seen.find(({ action }) => action === 'GetSecretValue')?.parameters.get('SecretName')).toBe(
      `kaap/client-key/shop/${keyId}`,
    );
    seen.length = 0;
    writeFileSync(clientKeyFile, JSON.stringify({ KeyId: '../other/x', PrivateKeyData: 'AAAA' }));
    await expect(read(binding)).rejects.toThrow('has no KeyId');
    expect(seen).toEqual([]);
  });
});
