import {
  constants,
  createCipheriv,
  createHash,
  createPublicKey,
  generateKeyPairSync,
  publicEncrypt,
  randomBytes,
  verify,
} from 'node:crypto';
import { createRequire } from 'node:module';
import type KmsSdkModule from '@alicloud/kms20160120';
import { Config } from '@alicloud/rpc-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../support/kms-server.ts';
import { trust } from './trust.ts';

const load = createRequire(import.meta.url);
const KmsSdk = load('@alicloud/kms20160120') as typeof KmsSdkModule;

type Sdk = InstanceType<typeof KmsSdk.default>;
type Fields = Record<string, unknown>;

let server: TestServer;
let sdk: Sdk;
/** Methods that were called and answered. */
const called = new Set<string>();

beforeAll(async () => {
  server = await startTestServer();
  trust(server.caPem);
  const { AccessKeyId: accessKeyId, AccessKeySecret: accessKeySecret } = server.root;
  const config = { accessKeyId, accessKeySecret, endpoint: server.host, protocol: 'https', regionId: 'local' };
  sdk = new KmsSdk.default(new Config(config));
});
afterAll(() => server.close());

/** Calls a method of the SDK with the request of its name, as every program does. */
async function call(method: string, fields: Fields = {}): Promise<Fields> {
  const requestName = `${method.slice(0, 1).toUpperCase()}${method.slice(1)}Request`;
  const Request = (KmsSdk as unknown as Record<string, new (fields: Fields) => object>)[requestName];
  if (Request === undefined) throw new Error(`the SDK has no ${requestName}`);
  const invoke = (sdk as unknown as Record<string, (request: object) => Promise<Fields>>)[method];
  const answer = await invoke?.call(sdk, new Request(fields));
  called.add(method);
  return answer ?? {};
}

const failure = async (method: string, fields: Fields = {}): Promise<string> =>
  call(method, fields).then(
    () => 'OK',
    (error: { code: string }) => {
      called.add(method);
      return error.code;
    },
  );

/** Keys in the answers of the SDK are spelled with small letters. */
const inner = (answer: Fields, ...path: string[]): never =>
  path.reduce<unknown>((value, name) => (value as Fields)[name], answer) as never;

async function newKey(fields: Fields = {}): Promise<string> {
  return inner(await call('createKey', fields), 'keyMetadata', 'keyId');
}

async function primaryVersion(keyId: string): Promise<string> {
  const listed = await call('listKeyVersions', { keyId, pageNumber: 1, pageSize: 10 });
  return inner(listed, 'keyVersions', 'keyVersion', '0', 'keyVersionId');
}

const plaintext = Buffer.from('text').toString('base64');

describe('@alicloud/kms20160120 1.2.0, every action that it has', () => {
  test('keys: made, described, listed, switched, kept from deletion', async () => {
    const keyId = await newKey({ description: 'first' });
    await call('updateKeyDescription', { keyId, description: 'second' });
    expect(await call('describeKey', { keyId })).toMatchObject({ keyMetadata: { description: 'second' } });
    await call('disableKey', { keyId });
    expect(await failure('encrypt', { keyId, plaintext })).toBe('Rejected.DisabledError');
    await call('enableKey', { keyId });
    await call('scheduleKeyDeletion', { keyId, pendingWindowInDays: 7 });
    expect(inner(await call('describeKey', { keyId }), 'keyMetadata', 'keyState')).toBe('PendingDeletion');
    await call('cancelKeyDeletion', { keyId });
    const keys: Fields[] = inner(await call('listKeys', { pageNumber: 1, pageSize: 100 }), 'keys', 'key');
    expect(keys.map((key) => key['keyId'])).toContain(keyId);
  });

  test('versions, and the policy that makes them', async () => {
    const keyId = await newKey();
    await call('updateRotationPolicy', { keyId, enableAutomaticRotation: true, rotationInterval: '30d' });
    expect(inner(await call('describeKey', { keyId }), 'keyMetadata', 'automaticRotation')).toBe('Enabled');
    expect(await failure('createKeyVersion', { keyId })).toBe('Rejected.LimitExceededError');
    const keyVersionId = await primaryVersion(keyId);
    const described = await call('describeKeyVersion', { keyId, keyVersionId });
    expect(described).toMatchObject({ keyVersion: { keyId, keyVersionId } });
  });

  test('aliases', async () => {
    const [one, other] = [await newKey(), await newKey()];
    const aliasName = 'alias/interop';
    await call('createAlias', { keyId: one, aliasName });
    await call('updateAlias', { keyId: other, aliasName });
    const page = { pageNumber: 1, pageSize: 10 };
    const aliases = { aliases: { alias: [{ aliasName, keyId: other }] } };
    expect(await call('listAliasesByKeyId', { keyId: other, ...page })).toMatchObject(aliases);
    expect(await call('listAliases', page)).toMatchObject(aliases);
    await call('deleteAlias', { aliasName });
    expect(await call('listAliases', page)).toMatchObject({ totalCount: 0 });
  });

  test('tags of keys and secrets', async () => {
    const keyId = await newKey();
    await call('tagResource', { keyId, tags: '[{"TagKey":"team","TagValue":"red"}]' });
    expect(await call('listResourceTags', { keyId })).toMatchObject({
      tags: { tag: [{ keyId, tagKey: 'team', tagValue: 'red' }] },
    });
    await call('untagResource', { keyId, tagKeys: '["team"]' });
    expect(inner(await call('listResourceTags', { keyId }), 'tags', 'tag')).toEqual([]);
  });

  test('symmetric cryptography, under a context', async () => {
    const keyId = await newKey();
    const encryptionContext = { tenant: 'a' };
    const { ciphertextBlob } = await call('encrypt', { keyId, plaintext, encryptionContext });
    expect(await call('decrypt', { ciphertextBlob, encryptionContext })).toMatchObject({ plaintext, keyId });
    const made = await call('generateDataKey', { keyId, numberOfBytes: 20, encryptionContext });
    const opened = await call('decrypt', { ciphertextBlob: made['ciphertextBlob'], encryptionContext });
    expect(opened['plaintext']).toBe(made['plaintext']);
    const closed = await call('generateDataKeyWithoutPlaintext', { keyId, keySpec: 'AES_128', encryptionContext });
    const key = await call('decrypt', { ciphertextBlob: closed['ciphertextBlob'], encryptionContext });
    expect(Buffer.from(String(key['plaintext']), 'base64')).toHaveLength(16);
  });

  test('asymmetric cryptography', async () => {
    const signing = await newKey({ keySpec: 'EC_P256', keyUsage: 'SIGN/VERIFY' });
    const named = { keyId: signing, keyVersionId: await primaryVersion(signing) };
    const { publicKey } = await call('getPublicKey', named);
    const digest = createHash('sha256').update('message').digest('base64');
    const signature = { ...named, algorithm: 'ECDSA_SHA_256', digest };
    const { value } = await call('asymmetricSign', signature);
    const bytes = Buffer.from(String(value), 'base64');
    expect(verify('sha256', Buffer.from('message'), createPublicKey(String(publicKey)), bytes)).toBe(true);
    expect(await call('asymmetricVerify', { ...signature, value })).toMatchObject({ value: true });
    const encrypting = await newKey({ keySpec: 'RSA_2048', keyUsage: 'ENCRYPT/DECRYPT' });
    const cipher = {
      keyId: encrypting,
      keyVersionId: await primaryVersion(encrypting),
      algorithm: 'RSAES_OAEP_SHA_256',
    };
    const { ciphertextBlob } = await call('asymmetricEncrypt', { ...cipher, plaintext });
    expect(await call('asymmetricDecrypt', { ...cipher, ciphertextBlob })).toMatchObject({ plaintext });
  });

  test('material from outside, of a symmetric key and of a private key', async () => {
    const oaep = (spki: unknown, bytes: Uint8Array): Buffer => {
      const key = createPublicKey({ key: Buffer.from(String(spki), 'base64'), format: 'der', type: 'spki' });
      return publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }, bytes);
    };
    const bring = async (
      fields: Fields,
      wrappingAlgorithm: string,
      wrap: (spki: unknown) => Buffer,
    ): Promise<string> => {
      const keyId = await newKey({ origin: 'EXTERNAL', ...fields });
      const wrapping = { keyId, wrappingAlgorithm, wrappingKeySpec: 'RSA_2048' };
      const { importToken, publicKey } = await call('getParametersForImport', wrapping);
      const encryptedKeyMaterial = wrap(publicKey).toString('base64');
      await call('importKeyMaterial', { keyId, importToken, encryptedKeyMaterial, keyMaterialExpireUnix: 0 });
      return keyId;
    };
    const keyId = await bring({}, 'RSAES_OAEP_SHA_256', (spki) => oaep(spki, randomBytes(32)));
    await call('encrypt', { keyId, plaintext });
    await call('deleteKeyMaterial', { keyId });
    expect(await failure('encrypt', { keyId, plaintext })).toBe('Rejected.PendingImportError');
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 4096 });
    const envelope = (spki: unknown): Buffer => {
      const ephemeral = randomBytes(32);
      const sealing = createCipheriv('aes-256-ecb', ephemeral, null);
      const der = privateKey.export({ format: 'der', type: 'pkcs8' });
      return Buffer.concat([oaep(spki, ephemeral), sealing.update(der), sealing.final()]);
    };
    const spec = { keySpec: 'RSA_4096', keyUsage: 'SIGN/VERIFY' };
    const brought = await bring(spec, 'RSAES_OAEP_SHA_256_AES_256_ECB_PKCS7_PAD', envelope);
    const shown = await call('getPublicKey', { keyId: brought, keyVersionId: await primaryVersion(brought) });
    expect(createPublicKey(String(shown['publicKey'])).equals(publicKey)).toBe(true);
  });

  test('secrets, their versions and stages', async () => {
    const secretName = 'interop/all';
    await call('createSecret', { secretName, secretData: 'one', versionId: 'v1', description: 'first' });
    await call('updateSecret', { secretName, description: 'second' });
    expect(await call('describeSecret', { secretName, fetchTags: 'true' })).toMatchObject({ description: 'second' });
    await call('putSecretValue', { secretName, secretData: 'two', versionId: 'v2' });
    await call('updateSecretVersionStage', { secretName, versionStage: 'ACSCurrent', moveToVersion: 'v1' });
    expect(await call('getSecretValue', { secretName })).toMatchObject({ secretData: 'one' });
    const listed = await call('listSecretVersionIds', { secretName, includeDeprecated: 'true' });
    expect(inner(listed, 'versionIds', 'versionId', 'length')).toBe(2);
    const secrets = await call('listSecrets', { fetchTags: 'false', pageNumber: 1, pageSize: 10 });
    expect(secrets).toMatchObject({ secretList: { secret: [{ secretName }] } });
    await call('deleteSecret', { secretName, recoveryWindowInDays: '7' });
    expect(await failure('getSecretValue', { secretName })).toBe('Rejected.ResourceInDeleteWindowError');
    await call('restoreSecret', { secretName });
    expect(await call('getSecretValue', { secretName })).toMatchObject({ secretData: 'one' });
  });

  test('a password, the regions, and what nobody documents any more', async () => {
    const { randomPassword } = await call('getRandomPassword', { passwordLength: '20', excludePunctuation: 'true' });
    expect(randomPassword).toMatch(/^[A-Za-z0-9]{20}$/);
    expect(await call('describeRegions')).toMatchObject({ regions: { region: [{ regionId: 'local' }] } });
    expect(await failure('describeService')).toBe('UnsupportedOperationError');
  });

  test('and none was left out', () => {
    const methods = Object.getOwnPropertyNames(KmsSdk.default.prototype);
    const actions = methods.filter((name) => methods.includes(`${name}Ex`));
    expect(actions.length).toBeGreaterThan(40);
    expect([...called].toSorted()).toEqual(actions.toSorted());
  });
});
