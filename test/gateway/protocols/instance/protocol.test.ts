import { createHash, createPrivateKey, createPublicKey, createSign, createVerify, type KeyObject } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { sm2 } from 'sm-crypto-v2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openClientKeyFile } from '../../../../src/client/kms-client.ts';
import { publicPoint } from '../../../../src/crypto/sm2.ts';
import { decodeMessage, encodeMessage } from '../../../../src/gateway/protocols/instance/codec.ts';
import { messages } from '../../../../src/gateway/protocols/instance/messages.ts';
import { startTestServer, type TestServer } from '../../../support/kms-server.ts';

let server: TestServer;
let keyId: string;
let signerId: string;
let sm2SignerId: string;
let cipherId: string;
let macId: string;
let clientKeyId: string;
let privateKey: KeyObject;

beforeAll(async () => {
  server = await startTestServer();
  const { client } = server;
  keyId = (await client.createKey({})).KeyMetadata.KeyId;
  const others = [
    'RSA_2048 SIGN/VERIFY',
    'EC_SM2 SIGN/VERIFY',
    'RSA_2048 ENCRYPT/DECRYPT',
    'HMAC_SHA_256 GENERATE/VERIFY MAC',
  ];
  [signerId = '', sm2SignerId = '', cipherId = '', macId = ''] = await Promise.all(
    others.map(async (each) => {
      const [KeySpec = '', KeyUsage = ''] = each.split(/ (.*)/);
      const made = await client.call('Kms', 'CreateKey', { KeySpec, KeyUsage });
      return (made as { KeyMetadata: { KeyId: string } }).KeyMetadata.KeyId;
    }),
  );
  await client.createSecret({ SecretName: 'shop/db', SecretData: 'password', VersionId: 'v1' });
  await client.createSecret({ SecretName: 'other/db', SecretData: 'password', VersionId: 'v1' });
  const Permissions = JSON.stringify(['CryptoServiceKeyUser', 'SecretUser']);
  const keys = [keyId, signerId, sm2SignerId, cipherId, macId].map((id) => `key/${id}`);
  const Resources = JSON.stringify([...keys, 'secret/shop/*']);
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

function post(sent: InstanceCall): Promise<{
  status: number;
  type: string | undefined;
  headers: IncomingHttpHeaders;
  body: Buffer;
}> {
  const headers = Object.fromEntries(
    Object.entries({ ...signedHeaders(sent), ...sent.forged }).filter(([, value]) => value !== ''),
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
          headers: response.headers,
          body: Buffer.concat(chunks),
        }),
      );
    });
    outgoing.on('error', reject).end(sent.forgedBody ?? sent.body);
  });
}

async function call(
  api: keyof typeof shapes,
  request: Message,
  headers: Record<string, string> = {},
): Promise<Message> {
  const [requestFields, responseFields] = shapes[api];
  const answer = await post({ api, headers, body: encodeMessage(requestFields, request) });
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
  Sign: [messages.SignRequest, messages.SignResponse],
  Verify: [messages.VerifyRequest, messages.VerifyResponse],
  GetPublicKey: [messages.GetPublicKeyRequest, messages.GetPublicKeyResponse],
  Hmac: [messages.HmacRequest, messages.HmacResponse],
  Hash: [messages.HashRequest, messages.HashResponse],
  KmsEncrypt: [messages.KmsEncryptRequest, messages.KmsEncryptResponse],
  KmsDecrypt: [messages.KmsDecryptRequest, messages.KmsDecryptResponse],
  GenerateDataKeyPair: [messages.GenerateDataKeyPairRequest, messages.GenerateDataKeyPairResponse],
  GenerateDataKeyPairWithoutPlaintext: [
    messages.GenerateDataKeyPairRequest,
    messages.GenerateDataKeyPairWithoutPlaintextResponse,
  ],
  AdvanceGenerateDataKeyPair: [messages.AdvanceGenerateDataKeyPairRequest, messages.AdvanceGenerateDataKeyPairResponse],
  AdvanceGenerateDataKeyPairWithoutPlaintext: [
    messages.AdvanceGenerateDataKeyPairRequest,
    messages.AdvanceGenerateDataKeyPairWithoutPlaintextResponse,
  ],
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

describe('the instance gateway with asymmetric and MAC keys', () => {
  const bytesOf = (message: Message, field: string): Buffer => Buffer.from(message[field] as Uint8Array);

  test('signs a message as OpenSSL verifies it, or its digest, and verifies both', async () => {
    const { PublicKey } = await call('GetPublicKey', { KeyId: signerId });
    const digest = createHash('sha256').update(Plaintext).digest();
    for (const signed of [{ Message: Plaintext }, { Message: digest, MessageType: 'DIGEST' }, { Digest: digest }]) {
      const asked = { KeyId: signerId, Algorithm: 'RSA_PKCS1_SHA_256', ...signed };
      const answer = await call('Sign', asked);
      expect(answer).toMatchObject({ KeyId: signerId, Algorithm: 'RSA_PKCS1_SHA_256' });
      const Signature = bytesOf(answer, 'Signature');
      expect(createVerify('RSA-SHA256').update(Plaintext).verify(String(PublicKey), Signature)).toBe(true);
      expect(await call('Verify', { ...asked, Signature })).toMatchObject({ Value: true });
      const other = { ...asked, Message: createHash('sha256').update('x').digest(), Digest: new Uint8Array() };
      expect(await call('Verify', { ...other, Signature })).toMatchObject({ Value: false });
    }
  });

  test('signs with the first algorithm of the key spec unless told otherwise, and says which', async () => {
    const answer = await call('Sign', { KeyId: signerId, Message: Plaintext });
    expect(answer).toMatchObject({ Algorithm: 'RSA_PSS_SHA_256' });
    const Signature = bytesOf(answer, 'Signature');
    expect(await call('Verify', { KeyId: signerId, Message: Plaintext, Signature })).toMatchObject({ Value: true });
  });

  test('signs messages with SM2 under the id that GM/T 0009 gives who agreed on none', async () => {
    const { Signature } = await call('Sign', { KeyId: sm2SignerId, Message: Plaintext, Algorithm: 'SM2DSA' });
    const { PublicKey } = await call('GetPublicKey', { KeyId: sm2SignerId });
    const point = publicPoint(createPublicKey(String(PublicKey)));
    const signature = Buffer.from(Signature as Uint8Array).toString('hex');
    expect(sm2.doVerifySignature(Plaintext, signature, point.toString('hex'), { der: true, hash: true })).toBe(true);
  });

  test('encrypts and decrypts with an RSA key', async () => {
    const asked = { KeyId: cipherId, Algorithm: 'RSAES_OAEP_SHA_256' };
    const { CiphertextBlob, Algorithm, Iv } = await call('Encrypt', { ...asked, Plaintext });
    expect([Algorithm, (CiphertextBlob as Uint8Array).length, (Iv as Uint8Array).length]).toEqual([
      asked.Algorithm,
      256,
      0,
    ]);
    expect(bytesOf(await call('Decrypt', { ...asked, CiphertextBlob }), 'Plaintext')).toEqual(Plaintext);
    const withAad = call('Encrypt', { ...asked, Plaintext, Aad });
    await expect(withAad).rejects.toMatchObject({ ErrorCode: 'UnsupportedOperation' });
  });

  test('makes the MAC of a message, and its digest', async () => {
    const mac = await call('Hmac', { KeyId: macId, Message: Plaintext });
    const { Mac } = await server.client.call('Kms', 'GenerateMac', {
      KeyId: macId,
      Algorithm: 'HMAC_SHA_256',
      Message: Plaintext.toString('base64'),
    });
    expect(bytesOf(mac, 'Signature').toString('base64')).toBe(Mac);
    const digest = await call('Hash', { Message: Plaintext, Algorithm: 'SM3' });
    expect(bytesOf(digest, 'Digest')).toEqual(createHash('sm3').update(Plaintext).digest());
    await expect(call('Hash', { Algorithm: 'MD5' })).rejects.toMatchObject({ ErrorCode: 'InvalidParameter' });
  });

  test('KmsEncrypt and KmsDecrypt have the blob of the OpenAPI', async () => {
    const { CiphertextBlob } = await call('KmsEncrypt', { KeyId: keyId, Plaintext });
    expect(bytesOf(await call('KmsDecrypt', { CiphertextBlob }), 'Plaintext')).toEqual(Plaintext);
    const opened = await server.client.call('Kms', 'Decrypt', {
      CiphertextBlob: Buffer.from(CiphertextBlob as Uint8Array).toString('base64'),
    });
    expect(opened).toMatchObject({ Plaintext: Plaintext.toString('base64') });
  });

  test('opens a ciphertext that was migrated with the version that the header names, and tells the version', async () => {
    const sealed = await server.client.call('Kms', 'Encrypt', {
      KeyId: keyId,
      Plaintext: Plaintext.toString('base64'),
    });
    const { CiphertextBlob, KeyVersionId } = sealed as { CiphertextBlob: string; KeyVersionId: string };
    const blob = Buffer.from(CiphertextBlob, 'base64');
    const request = { KeyId: keyId, CiphertextBlob: blob.subarray(48), Iv: blob.subarray(36, 48) };
    const opened = await call('Decrypt', request, { 'x-kms-migrationkeyversionid': KeyVersionId });
    expect(bytesOf(opened, 'Plaintext')).toEqual(Plaintext);
    const body = encodeMessage(messages.EncryptRequest, { KeyId: keyId, Plaintext });
    expect((await post({ api: 'Encrypt', body })).headers).toMatchObject({
      'x-kms-migrationkeyversionid': KeyVersionId,
    });
  });

  test.each(['PEM', 'DER'] as const)('generates key pairs whose private key opens again, in %s', async (KeyFormat) => {
    const asked = { KeyId: keyId, KeyPairSpec: 'EC_P256', KeyFormat, Aad };
    const pair = await call('GenerateDataKeyPair', asked);
    const format = KeyFormat === 'PEM' ? ({ format: 'pem' } as const) : ({ format: 'der', type: 'pkcs8' } as const);
    const key = createPrivateKey({ key: bytesOf(pair, 'PrivateKeyPlaintext'), ...format });
    const spki = KeyFormat === 'PEM' ? ({ format: 'pem' } as const) : ({ format: 'der', type: 'spki' } as const);
    const publicKey = createPublicKey({ key: bytesOf(pair, 'PublicKey'), ...spki });
    expect(createPublicKey(key).equals(publicKey)).toBe(true);
    const { PrivateKeyCiphertextBlob: CiphertextBlob, Iv } = pair;
    const opened = await call('Decrypt', { CiphertextBlob, Iv, Aad });
    expect(opened['Plaintext']).toEqual(pair['PrivateKeyPlaintext']);
    const advance = await call('AdvanceGenerateDataKeyPair', asked);
    expect(advance['KeyVersionId']).toMatch(/^[0-9a-f-]{36}$/);
    const again = await call('AdvanceDecrypt', { CiphertextBlob: advance['PrivateKeyCiphertextBlob'], Aad });
    expect(again['Plaintext']).toEqual(advance['PrivateKeyPlaintext']);
  });

  test('generates key pairs without telling the private key', async () => {
    const asked = { KeyId: keyId, KeyPairSpec: 'EC_SM2' };
    const apart = await call('GenerateDataKeyPairWithoutPlaintext', asked);
    const { PrivateKeyCiphertextBlob: CiphertextBlob, Iv } = apart;
    expect(bytesOf(await call('Decrypt', { CiphertextBlob, Iv }), 'Plaintext').toString()).toMatch(
      /^-----BEGIN PRIVATE/,
    );
    const advance = await call('AdvanceGenerateDataKeyPairWithoutPlaintext', asked);
    const blob = { CiphertextBlob: advance['PrivateKeyCiphertextBlob'] };
    expect(bytesOf(await call('AdvanceDecrypt', blob), 'Plaintext').toString()).toMatch(/^-----BEGIN PRIVATE/);
    for (const answer of [apart, advance]) expect(answer).not.toHaveProperty('PrivateKeyPlaintext');
    const unknown = call('GenerateDataKeyPair', { ...asked, KeyPairSpec: 'DSA' });
    await expect(unknown).rejects.toMatchObject({ ErrorCode: 'InvalidParameter' });
  });

  test.each(['Encrypt', 'Decrypt', 'Sign', 'Verify', 'GetPublicKey', 'Hmac', 'GenerateDataKeyPair'] as const)(
    '%s with a key of another usage is refused',
    async (api) => {
      const KeyId = api === 'Encrypt' || api === 'GenerateDataKeyPair' ? signerId : keyId;
      const Algorithm = api === 'Decrypt' ? 'RSAES_OAEP_SHA_1' : '';
      const Digest = Buffer.alloc(32, 1);
      const request = {
        KeyId,
        Algorithm,
        Plaintext,
        Message: Plaintext,
        Digest,
        Signature: Digest,
        CiphertextBlob: Digest,
      };
      await expect(call(api, { ...request, KeyPairSpec: 'EC_P256' })).rejects.toMatchObject({
        StatusCode: 400,
        ErrorCode: 'UnsupportedOperation',
      });
    },
  );
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
    ['an unknown API', 400, 'InvalidApiName', { api: 'Mint' }],
    ['an unknown version', 400, 'InvalidApiVersion', { headers: { 'x-kms-apiversion': 'dkms-gcs-0.1' } }],
    ['a body that is no message', 400, 'InvalidParameter', { body: Uint8Array.of(0x1b, 0x1b) }],
  ])('%s', async (_what, status, code, change) => {
    const answer = await post({ api: 'GetSecretValue', body, ...change });
    expect(decodeMessage(messages.Error, answer.body)).toMatchObject({ StatusCode: status, ErrorCode: code });
    expect(answer.status).toBe(status);
  });
});
