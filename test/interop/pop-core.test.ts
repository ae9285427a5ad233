import { createRequire } from 'node:module';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../support/kms-server.ts';
import { sendRaw } from '../support/test-gateway.ts';
import { trust } from './trust.ts';

/** What is used of the package; it has no types for its class. */
interface RpcClient {
  request(action: string, parameters?: object, options?: { method: 'GET' | 'POST' }): Promise<Record<string, unknown>>;
}

const load = createRequire(import.meta.url);
const { RPCClient } = load('@alicloud/pop-core') as { RPCClient: new (config: object) => RpcClient };
const rpcUtil = load('@alicloud/rpc-util') as {
  default: { getSignatureV1(parameters: object, method: string, secret: string): string };
};

let server: TestServer;
let keyId: string;

function sdk(change: object = {}): RpcClient {
  const { AccessKeyId: accessKeyId, AccessKeySecret: accessKeySecret } = server.root;
  return new RPCClient({
    endpoint: server.endpoint,
    apiVersion: '2016-01-20',
    accessKeyId,
    accessKeySecret,
    ...change,
  });
}

beforeAll(async () => {
  server = await startTestServer();
  trust(server.caPem);
  keyId = (await server.client.createKey({})).KeyMetadata.KeyId;
  for (const name of ['one', 'two']) {
    await server.client.createSecret({ SecretName: `interop/${name}`, SecretData: name, VersionId: 'v1' });
  }
});

afterAll(() => server.close());

describe.each(['GET', 'POST'] as const)('@alicloud/pop-core 1.8 by %s (RPC V1)', (method) => {
  test('encrypts and decrypts', async () => {
    const Plaintext = Buffer.from('plain').toString('base64');
    const EncryptionContext = JSON.stringify({ a: "b c*~!'()" });
    const { CiphertextBlob } = await sdk().request(
      'Encrypt',
      { KeyId: keyId, Plaintext, EncryptionContext },
      { method },
    );
    const opened = await sdk().request('Decrypt', { CiphertextBlob, EncryptionContext }, { method });
    expect(opened).toMatchObject({ Plaintext, KeyId: keyId });
    expect(opened).not.toHaveProperty('Code');
  });

  test('sends lists as numbered parameters', async () => {
    const SecretsList = [{ SecretName: 'interop/one' }, { SecretName: 'interop/two', VersionId: 'v1' }];
    const { SecretValues } = await sdk().request('BatchGetSecretValue', { SecretsList }, { method });
    expect(SecretValues).toMatchObject([
      { SecretName: 'interop/one', SecretData: 'one' },
      { SecretName: 'interop/two', SecretData: 'two' },
    ]);
  });

  test('an error carries its code', async () => {
    const missing = sdk().request('DescribeKey', { KeyId: '00000000-0000-4000-8000-000000000000' }, { method });
    await expect(missing).rejects.toMatchObject({ code: 'Forbidden.KeyNotFound', data: { HttpStatus: 404 } });
    const wrong = sdk({ accessKeySecret: 'wrong' }).request('DescribeKey', { KeyId: keyId }, { method });
    await expect(wrong).rejects.toMatchObject({ code: 'SignatureDoesNotMatch' });
  });
});

describe('requests signed by the SDK’s own function', () => {
  const query = (change: Record<string, string>): string => {
    const parameters: Record<string, string> = {
      AccessKeyId: server.root.AccessKeyId,
      Action: 'DescribeRegions',
      Format: 'JSON',
      SignatureMethod: 'HMAC-SHA1',
      SignatureNonce: Math.random().toString(),
      SignatureVersion: '1.0',
      Timestamp: new Date().toISOString(),
      Version: '2016-01-20',
      ...change,
    };
    const Signature = rpcUtil.default.getSignatureV1(parameters, 'GET', server.root.AccessKeySecret);
    return `/?${new URLSearchParams({ ...parameters, Signature }).toString()}`;
  };

  test('C6: the same request twice is SignatureNonceUsed', async () => {
    const path = query({});
    expect((await sendRaw(server, { path })).status).toBe(200);
    expect((await sendRaw(server, { path })).json).toMatchObject({ HttpStatus: 400, Code: 'SignatureNonceUsed' });
  });

  test('Format=XML is answered in XML', async () => {
    const { text, headers } = await sendRaw(server, { path: query({ Format: 'XML' }) });
    expect(headers['content-type']).toBe('text/xml;charset=utf-8');
    expect(text).toMatch(/<KMS><Regions><Region><RegionId>local<\/RegionId><\/Region><\/Regions><RequestId>/);
  });

  test('an old client of KMS that sends no nonce is served once per second and request', async () => {
    const path = query({ SignatureNonce: '' });
    expect((await sendRaw(server, { path })).status).toBe(200);
    expect((await sendRaw(server, { path })).json).toMatchObject({ Code: 'SignatureNonceUsed' });
  });
});
