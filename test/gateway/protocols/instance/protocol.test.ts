import { createHash, createPrivateKey, createSign, type KeyObject } from 'node:crypto';
import { request as httpsRequest } from 'node:https';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openClientKeyFile } from '../../../../src/client/kms-client.ts';
import { decodeMessage, encodeMessage } from '../../../../src/gateway/protocols/instance/codec.ts';
import { messages } from '../../../../src/gateway/protocols/instance/messages.ts';
import { startTestServer, type TestServer } from '../../../support/kms-server.ts';

let server: TestServer;
let keyId: string;
let clientKeyId: string;
let privateKey: KeyObject;

beforeAll(async () => {
  server = await startTestServer();
  const { client } = server;
  keyId = (await client.createKey({})).KeyMetadata.KeyId;
  await client.createSecret({ SecretName: 'shop/db', SecretData: 'password', VersionId: 'v1' });
  await client.createSecret({ SecretName: 'other/db', SecretData: 'password', VersionId: 'v1' });
  const Permissions = JSON.stringify(['CryptoServiceKeyUser', 'SecretUser']);
  const Resources = JSON.stringify([`key/${keyId}`, 'secret/shop/*']);
  await client.createPolicy({ Name: 'shop', KmsInstance: 'shared', Permissions, Resources });
  await client.createApplicationAccessPoint({ Name: 'shop', AuthenticationMethod: 'ClientKey', Policies: '["shop"]' });
  const made = await client.createClientKey({ AapName: 'shop', Password: 'Passw0rd-for-tests' });
  const file = JSON.stringify({ KeyId: made.ClientKeyId, PrivateKeyData: made.PrivateKeyData });
  const opened = openClientKeyFile(file, 'Passw0rd-for-tests');
  clientKeyId = opened.keyId;
  privateKey = createPrivateKey(opened.privateKeyPem);
});

afterAll(() => server.close());

type Message = Record<string, unknown>;

interface InstanceCall {
  api: string;
  body: Uint8Array;
  /** Headers changed after signing; an empty one is left out. */
  forged?: Record<string, string>;
  /** Headers changed before signing. */
  headers?: Record<string, string>;
  forgedBody?: Uint8Array;
}

/** Signs as Alibaba's instance SDKs do, written here anew from their description. */
function signedHeaders({ api, body, headers }: InstanceCall): Record<string, string> {
  const all: Record<string, string> = {
    accept: 'application/x-protobuf',
    'content-type': 'application/x-protobuf',
    date: new Date().toUTCString(),
    'content-sha256': createHash('sha256').update(body).digest('hex').toUpperCase(),
    'x-kms-apiversion': 'dkms-gcs-0.2',
    'x-kms-apiname': api,
    'x-kms-signaturemethod': 'RSA_PKCS1_SHA_256',
    'x-kms-acccesskeyid': clientKeyId,
    ...headers,
  };
  const kmsHeaders = Object.keys(all)
    .filter((name) => name.startsWith('x-kms-'))
    .toSorted();
  const lines = [
    'POST',
    all['content-sha256'],
    all['content-type'],
    all['date'],
    ...kmsHeaders.map((name) => `${name}:${all[name]}`),
    '/',
  ];
  const signature = createSign('RSA-SHA256').update(lines.join('\n')).sign(privateKey, 'base64');
  return { ...all, authorization: `Bearer ${signature}` };
}

function post(call: InstanceCall): Promise<{ status: number; type: string | undefined; body: Buffer }> {
  const headers = Object.fromEntries(
    Object.entries({ ...signedHeaders(call), ...call.forged }).filter(([, value]) => value !== ''),
  );
  return new Promise((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      servername: 'localhost',
      port: server.service.port,
      ca: server.caPem,
      agent: false,
      method: 'POST',
      headers,
    };
    const outgoing = httpsRequest(options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          type: response.headers['content-type'],
          body: Buffer.concat(chunks),
        }),
      );
    });
    outgoing.on('error', reject).end(call.forgedBody ?? call.body);
  });
}

async function call(api: keyof typeof shapes, request: Message): Promise<Message> {
  const [requestFields, responseFields] = shapes[api];
  const answer = await post({ api, body: encodeMessage(requestFields, request) });
  expect(answer.type).toBe('application/x-protobuf');
  if (answer.status !== 200) throw Object.assign(new Error(api), decodeMessage(messages.Error, answer.body));
  return decodeMessage(responseFields, answer.body);
}

const shapes = {
  Encrypt: [messages.EncryptRequest, messages.EncryptResponse],
  Decrypt: [messages.DecryptRequest, messages.DecryptResponse],
  AdvanceEncrypt: [messages.EncryptRequest, messages.AdvanceEncryptResponse],
  AdvanceDecrypt: [messages.DecryptRequest, messages.AdvanceDecryptResponse],
  GenerateDataKey: [messages.GenerateDataKeyRequest, messages.GenerateDataKeyResponse],
  AdvanceGenerateDataKey: [messages.AdvanceGenerateDataKeyRequest, messages.AdvanceGenerateDataKeyResponse],
  GenerateRandom: [messages.GenerateRandomRequest, messages.GenerateRandomResponse],
  GetSecretValue: [messages.GetSecretValueRequest, messages.GetSecretValueResponse],
} as const;

const Plaintext = Buffer.from('plain');
const Aad = Buffer.from([0, 255, 1]);

describe('the instance gateway', () => {
  test('encrypts and decrypts, with ciphertext and IV apart', async () => {
    const sealed = await call('Encrypt', { KeyId: keyId, Plaintext, Aad });
    expect(sealed).toMatchObject({
      KeyId: keyId,
      Algorithm: 'AES_GCM',
      RequestId: expect.stringMatching(/^[0-9A-F-]{36}$/),
    });
    expect(sealed['Iv']).toHaveLength(12);
    const { CiphertextBlob, Iv } = sealed;
    const opened = await call('Decrypt', { KeyId: keyId, CiphertextBlob, Iv, Aad });
    expect(Buffer.from(opened['Plaintext'] as Uint8Array)).toEqual(Plaintext);
  });

  test('E5: another IV, another AAD or a changed ciphertext does not decrypt', async () => {
    const { CiphertextBlob, Iv } = await call('Encrypt', { KeyId: keyId, Plaintext, Aad });
    const changed = Buffer.from(CiphertextBlob as Uint8Array);
    changed[40] = (changed[40] ?? 0) ^ 1;
    for (const change of [{ Iv: Buffer.alloc(12) }, { Aad: Buffer.from('x') }, { CiphertextBlob: changed }]) {
      await expect(call('Decrypt', { CiphertextBlob, Iv, Aad, ...change })).rejects.toMatchObject({
        ErrorCode: 'InvalidCiphertext',
      });
    }
    await expect(call('Decrypt', { CiphertextBlob, Aad })).rejects.toMatchObject({ ErrorCode: 'InvalidParameter' });
  });

  test('AdvanceEncrypt gives one blob that describes itself', async () => {
    const { CiphertextBlob, KeyVersionId } = await call('AdvanceEncrypt', { KeyId: keyId, Plaintext });
    const blob = Buffer.from(CiphertextBlob as Uint8Array);
    expect([...blob.subarray(0, 3)]).toEqual([0x24, 0, 2]);
    expect(blob.toString('latin1', 3, 39)).toBe(KeyVersionId);
    const opened = await call('AdvanceDecrypt', { CiphertextBlob });
    expect(Buffer.from(opened['Plaintext'] as Uint8Array)).toEqual(Plaintext);
    await expect(call('AdvanceDecrypt', { CiphertextBlob: blob.subarray(3) })).rejects.toMatchObject({
      ErrorCode: 'InvalidParameter',
    });
  });

  test('generates data keys of both kinds', async () => {
    const plain = await call('GenerateDataKey', { KeyId: keyId, NumberOfBytes: 24 });
    expect(plain['Plaintext']).toHaveLength(24);
    const { CiphertextBlob, Iv } = plain;
    expect((await call('Decrypt', { CiphertextBlob, Iv }))['Plaintext']).toEqual(plain['Plaintext']);
    const advance = await call('AdvanceGenerateDataKey', { KeyId: keyId });
    expect(advance['Plaintext']).toHaveLength(32);
    const opened = await call('AdvanceDecrypt', { CiphertextBlob: advance['CiphertextBlob'] });
    expect(opened['Plaintext']).toEqual(advance['Plaintext']);
  });

  test('reads a secret of the access point, and no other', async () => {
    const secret = await call('GetSecretValue', { SecretName: 'shop/db' });
    expect(secret).toMatchObject({
      SecretData: 'password',
      SecretDataType: 'text',
      VersionStages: ['ACSCurrent'],
      VersionId: 'v1',
    });
    await expect(call('GetSecretValue', { SecretName: 'other/db' })).rejects.toMatchObject({
      StatusCode: 403,
      ErrorCode: 'Forbidden.NoPermission',
    });
  });

  test('gives random bytes, within bounds', async () => {
    expect((await call('GenerateRandom', { Length: 100 }))['Random']).toHaveLength(100);
    await expect(call('GenerateRandom', { Length: 1025 })).rejects.toMatchObject({ ErrorCode: 'InvalidParameter' });
    await expect(call('GenerateRandom', {})).rejects.toMatchObject({ ErrorCode: 'InvalidParameter' });
  });

  test('E6: an IV chosen by the caller, and another algorithm, are refused', async () => {
    const chosen = call('Encrypt', { KeyId: keyId, Plaintext, Iv: Buffer.alloc(12) });
    await expect(chosen).rejects.toMatchObject({ ErrorCode: 'UnsupportedOperation' });
    const other = call('Encrypt', { KeyId: keyId, Plaintext, Algorithm: 'AES_ECB' });
    await expect(other).rejects.toMatchObject({ ErrorCode: 'UnsupportedOperation' });
  });
});

describe('C6: what the instance gateway refuses', () => {
  const body = encodeMessage(messages.GetSecretValueRequest, { SecretName: 'shop/db' });
  const old = new Date(Date.now() - 16 * 60_000).toUTCString();

  test.each<[string, number, string, Partial<InstanceCall>]>([
    ['an old date', 400, 'RequestTimeTooSkewed', { headers: { date: old } }],
    ['a date of another form', 400, 'InvalidParam', { headers: { date: '2026-01-01T00:00:00Z' } }],
    [
      'a date changed after signing',
      401,
      'SignatureNotMatch',
      { forged: { date: new Date(Date.now() + 60_000).toUTCString() } },
    ],
    ['an API changed after signing', 401, 'SignatureNotMatch', { forged: { 'x-kms-apiname': 'Encrypt' } }],
    ['a header added after signing', 401, 'SignatureNotMatch', { forged: { 'x-kms-migrationkeyversionid': 'v' } }],
    [
      'a swapped body',
      400,
      'InvalidParameter',
      { forgedBody: encodeMessage(messages.GetSecretValueRequest, { SecretName: 'shop/dc' }) },
    ],
    ['no signature', 400, 'InvalidParam', { forged: { authorization: '' } }],
    ['no key id', 400, 'MissingParameter', { forged: { 'x-kms-acccesskeyid': '' } }],
    [
      'an unknown key id',
      404,
      'Unauthorized',
      { headers: { 'x-kms-acccesskeyid': 'KAAP.00000000-0000-4000-8000-000000000000' } },
    ],
    ['another signature method', 400, 'InvalidParam', { headers: { 'x-kms-signaturemethod': 'RSA_PSS' } }],
    ['an unknown API', 400, 'InvalidApiName', { api: 'Sign' }],
    ['an unknown version', 400, 'InvalidApiVersion', { headers: { 'x-kms-apiversion': 'dkms-gcs-0.1' } }],
    ['a body that is no message', 400, 'InvalidParameter', { body: Uint8Array.of(0x1b, 0x1b) }],
  ])('%s', async (_what, status, code, change) => {
    const answer = await post({ api: 'GetSecretValue', body, ...change });
    expect(decodeMessage(messages.Error, answer.body)).toMatchObject({ StatusCode: status, ErrorCode: code });
    expect(answer.status).toBe(status);
  });
});
