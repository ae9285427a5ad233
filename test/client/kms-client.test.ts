import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { startHttpServer, type HttpServer } from '../../src/lib/http-server.ts';
import {
  clientKeyCredentials,
  KmsClient,
  staticCredentials,
  type CredentialProvider,
} from '../../src/client/kms-client.ts';
import { rootSecret, startTestGateway, testAccount, type TestGateway } from '../support/test-gateway.ts';
import { testAuthority } from '../support/tls.ts';

let gateway: TestGateway;
const clients: KmsClient[] = [];

beforeAll(async () => {
  gateway = await startTestGateway();
});

afterAll(async () => {
  clients.forEach((client) => client.close());
  await gateway.close();
});

const root = staticCredentials({ accessKeyId: 'root', accessKeySecret: rootSecret });

function clientOf(credentials: CredentialProvider, change: { endpoint?: string; caPem?: string } = {}): KmsClient {
  const client = new KmsClient({
    endpoint: gateway.endpoint,
    caPem: gateway.caPem,
    region: 'local',
    credentials,
    maxAttempts: 2,
    ...change,
  });
  clients.push(client);
  return client;
}

describe('KmsClient', () => {
  test('signs with an access key, and types what it calls', async () => {
    const { CiphertextBlob, RequestId } = await clientOf(root).encrypt({ KeyId: 'k1', Plaintext: 'QQ==' });
    expect(CiphertextBlob).toBe('QUJD');
    expect(RequestId).toMatch(/^[0-9A-F-]{36}$/);
  });

  test('signs with a client key', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const principal = {
      kind: 'ClientKey',
      accountId: testAccount,
      accessPoint: 'shop',
      accessKeyId: 'KAAP.1',
    } as const;
    const validity = { notBefore: gateway.clock.now() - 1000, notAfter: gateway.clock.now() + 1000 };
    gateway.credentials.set('KAAP.1', { kind: 'ClientKey', accessKeyId: 'KAAP.1', publicKey, principal, ...validity });
    const privateKeyPem = privateKey.export({ type: 'pkcs8', format: 'pem' });
    const client = clientOf(clientKeyCredentials({ keyId: 'KAAP.1', privateKeyPem }));
    expect(await client.call('Kms', 'DescribeRegions', {})).toHaveProperty('RequestId');
  });

  test('a client key is refused before and after its time', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const principal = {
      kind: 'ClientKey',
      accountId: testAccount,
      accessPoint: 'shop',
      accessKeyId: 'KAAP.2',
    } as const;
    const privateKeyPem = privateKey.export({ type: 'pkcs8', format: 'pem' });
    const client = clientOf(clientKeyCredentials({ keyId: 'KAAP.2', privateKeyPem }));
    const now = gateway.clock.now();
    for (const [notBefore, notAfter] of [
      [now + 1, now + 1000],
      [now - 1000, now],
    ] as const) {
      gateway.credentials.set('KAAP.2', {
        kind: 'ClientKey',
        accessKeyId: 'KAAP.2',
        publicKey,
        principal,
        notBefore,
        notAfter,
      });
      await expect(client.call('Kms', 'DescribeRegions', {})).rejects.toMatchObject({
        code: 'InvalidAccessKeyId.Inactive',
      });
    }
  });

  test('sends parameters of every shape', async () => {
    const parameters = {
      Text: 'a b+c/é',
      List: ['x', 'y'],
      Tag: [{ Key: 'k', Value: 'v' }],
      EncryptionContext: { a: 'b' },
      Number: 7,
      Flag: false,
    };
    const { Echo } = await clientOf(root).call('Kms', 'DescribeRegions', parameters);
    expect(Echo).toEqual({ ...parameters, EncryptionContext: '{"a":"b"}', Number: '7', Flag: 'false' });
  });

  test('an error carries code, status, request id and the rule that refused', async () => {
    const client = clientOf(staticCredentials({ accessKeyId: 'nobody', accessKeySecret: rootSecret }));
    await expect(client.encrypt({ KeyId: 'k1', Plaintext: 'QQ==' })).rejects.toMatchObject({
      name: 'KmsClientError',
      code: 'Forbidden.NoPermission',
      httpStatus: 403,
      retryable: false,
      requestId: expect.any(String),
      detail: { AuthAction: 'kms:Encrypt' },
    });
  });

  test('what may succeed later is tried again', async () => {
    gateway.audit.failing = true;
    gateway.trace.runs.length = 0;
    const failing = clientOf(root).describeKey({ KeyId: 'k1' });
    await expect(failing).rejects.toMatchObject({ code: 'ServiceUnavailableTemporary', retryable: true });
    gateway.audit.failing = false;
    expect(gateway.trace.runs).toEqual(['DescribeKey', 'DescribeKey']);
  });

  test('C8: a server of another authority is refused', async () => {
    const client = clientOf(root, { caPem: testAuthority().caPem });
    await expect(client.describeKey({ KeyId: 'k1' })).rejects.toMatchObject({
      code: 'CertificateRefused',
      retryable: false,
    });
  });

  test('C8: a server whose certificate is for another name is refused', async () => {
    const authority = testAuthority();
    const server = await startHttpServer({
      address: { host: '127.0.0.1', port: 0 },
      certificate: authority.issue('kms.example'),
      handler: (_request, response) => response.end('{}'),
    });
    onTestFinished(() => server.close(0));
    const client = clientOf(root, { endpoint: `localhost:${server.port}`, caPem: authority.caPem });
    await expect(client.describeKey({ KeyId: 'k1' })).rejects.toMatchObject({
      code: 'CertificateRefused',
      retryable: false,
    });
  });

  test.each(['http://localhost:1', 'https://user@localhost', 'https://localhost/path', 'not a host'])(
    'the endpoint %s is refused',
    (endpoint) => {
      expect(() => clientOf(root, { endpoint })).toThrow(TypeError);
    },
  );

  test('a signal that fires ends the call with its reason', async () => {
    const signal = AbortSignal.abort(new Error('no longer wanted'));
    await expect(clientOf(root).describeKey({ KeyId: 'k1' }, { signal })).rejects.toThrow('no longer wanted');
  });

  test('keeps its connection', async () => {
    const ports = new Set<number | undefined>();
    const authority = testAuthority();
    const server: HttpServer = await startHttpServer({
      address: { host: '127.0.0.1', port: 0 },
      certificate: authority.issue(),
      handler: (request, response) => {
        ports.add(request.socket.remotePort);
        response.end('{}');
      },
    });
    const client = clientOf(root, { endpoint: `localhost:${server.port}`, caPem: authority.caPem });
    for (let count = 0; count < 5; count++) await client.describeKey({ KeyId: 'k' });
    expect(ports.size).toBe(1);
    await server.close(0);
    await expect(client.call('Kms', 'CreateKey', {}, { deadlineMs: 500 })).rejects.toMatchObject({ retryable: true });
  });

  test('H4: no error holds the secret or a parameter', async () => {
    const client = clientOf(staticCredentials({ accessKeyId: 'root', accessKeySecret: 'canary-secret' }));
    const error: unknown = await client
      .encrypt({ KeyId: 'k1', Plaintext: 'canary-plaintext' })
      .catch((thrown: unknown) => thrown);
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('canary');
    expect(error).toMatchObject({ code: 'SignatureDoesNotMatch' });
  });
});
