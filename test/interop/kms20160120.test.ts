import { createRequire } from 'node:module';
import type KmsSdkModule from '@alicloud/kms20160120';
import { Config } from '@alicloud/rpc-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../support/kms-server.ts';
import { trust } from './trust.ts';

const load = createRequire(import.meta.url);
const KmsSdk = load('@alicloud/kms20160120') as typeof KmsSdkModule;

let server: TestServer;
let sdk: InstanceType<typeof KmsSdk.default>;
let keyId: string;

function sdkOf(accessKeyId: string, accessKeySecret: string): InstanceType<typeof KmsSdk.default> {
  return new KmsSdk.default(
    new Config({ accessKeyId, accessKeySecret, endpoint: server.host, protocol: 'https', regionId: 'local' }),
  );
}

beforeAll(async () => {
  server = await startTestServer();
  trust(server.caPem);
  sdk = sdkOf(server.root.AccessKeyId, server.root.AccessKeySecret);
  const { keyMetadata } = await sdk.createKey(new KmsSdk.CreateKeyRequest({ description: "interop (1) + *~!'" }));
  keyId = keyMetadata.keyId;
});

afterAll(() => server.close());

describe('@alicloud/kms20160120 1.2.0 (RPC V1, HMAC-SHA1, everything in the query)', () => {
  test('describes a key as it was created', async () => {
    const { keyMetadata } = await sdk.describeKey(new KmsSdk.DescribeKeyRequest({ keyId }));
    expect(keyMetadata).toMatchObject({
      keyId,
      keyState: 'Enabled',
      description: "interop (1) + *~!'",
      origin: 'Aliyun_KMS',
    });
  });

  test('encrypts and decrypts with an encryption context, which the SDK flattens', async () => {
    const encryptionContext = { purpose: 'interop', 'dotted.key': 'é 中' };
    const plaintext = Buffer.from('plain').toString('base64');
    const { ciphertextBlob, keyVersionId } = await sdk.encrypt(
      new KmsSdk.EncryptRequest({ keyId, plaintext, encryptionContext }),
    );
    expect(keyVersionId).toHaveLength(36);
    const opened = await sdk.decrypt(new KmsSdk.DecryptRequest({ ciphertextBlob, encryptionContext }));
    expect(opened).toMatchObject({ plaintext, keyId });
    const other = sdk.decrypt(new KmsSdk.DecryptRequest({ ciphertextBlob, encryptionContext: { purpose: 'other' } }));
    await expect(other).rejects.toMatchObject({ code: expect.stringMatching(/Error$/) });
  });

  test('generates a data key and opens it again', async () => {
    const made = await sdk.generateDataKey(new KmsSdk.GenerateDataKeyRequest({ keyId, keySpec: 'AES_256' }));
    const opened = await sdk.decrypt(new KmsSdk.DecryptRequest({ ciphertextBlob: made.ciphertextBlob }));
    expect(opened.plaintext).toBe(made.plaintext);
    expect(Buffer.from(made.plaintext, 'base64')).toHaveLength(32);
  });

  test('keeps a secret of the largest size in the query', async () => {
    const secretName = 'interop/large';
    const secretData = '中'.repeat(10_240);
    await sdk.createSecret(new KmsSdk.CreateSecretRequest({ secretName, secretData, versionId: 'v1' }));
    const { versionStages, ...got } = await sdk.getSecretValue(new KmsSdk.GetSecretValueRequest({ secretName }));
    expect(got).toMatchObject({ secretName, secretData, versionId: 'v1', secretDataType: 'text' });
    expect(versionStages.versionStage).toEqual(['ACSCurrent']);
  });

  test('puts a new version, and reads both', async () => {
    const secretName = 'interop/versions';
    await sdk.createSecret(new KmsSdk.CreateSecretRequest({ secretName, secretData: 'one', versionId: 'v1' }));
    await sdk.putSecretValue(new KmsSdk.PutSecretValueRequest({ secretName, secretData: 'two', versionId: 'v2' }));
    const previous = new KmsSdk.GetSecretValueRequest({ secretName, versionStage: 'ACSPrevious' });
    expect((await sdk.getSecretValue(new KmsSdk.GetSecretValueRequest({ secretName }))).secretData).toBe('two');
    expect((await sdk.getSecretValue(previous)).secretData).toBe('one');
  });

  test('lists keys by pages', async () => {
    const listed = await sdk.listKeys(new KmsSdk.ListKeysRequest({ pageNumber: 1, pageSize: 100 }));
    expect(listed.keys.key.map((key) => key.keyId)).toContain(keyId);
    expect(listed.totalCount).toBe(listed.keys.key.length);
  });

  test('lists the regions', async () => {
    const { regions } = await sdk.describeRegions(new KmsSdk.DescribeRegionsRequest({}));
    expect(regions.region.map((region) => region.regionId)).toEqual(['local']);
  });

  test('a key that is not there is the error that the SDK’s users look for', async () => {
    const missing = sdk.describeKey(new KmsSdk.DescribeKeyRequest({ keyId: '00000000-0000-4000-8000-000000000000' }));
    await expect(missing).rejects.toMatchObject({
      code: 'Forbidden.KeyNotFoundError',
      data: { HttpStatus: 404, RequestId: expect.any(String) },
    });
  });

  test('a wrong secret and an unknown key id are told apart as Alibaba Cloud does', async () => {
    const request = new KmsSdk.DescribeKeyRequest({ keyId });
    await expect(sdkOf(server.root.AccessKeyId, 'wrong').describeKey(request)).rejects.toMatchObject({
      code: 'SignatureDoesNotMatchError',
    });
    await expect(sdkOf('LTAIunknown', 'wrong').describeKey(request)).rejects.toMatchObject({
      code: 'InvalidAccessKeyId.NotFoundError',
    });
  });
});
