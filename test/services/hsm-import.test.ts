import { createDecipheriv, createHmac, publicEncrypt, constants, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../support/kms-server.ts';
import { instance, startHsm, type HsmScene } from './hsm-scene.ts';

let hsm: HsmScene;
let kms: TestServer;
let folder: string;
beforeAll(async () => {
  hsm = await startHsm();
  folder = await mkdtemp(join(tmpdir(), 'kaap-hsm-import-'));
  const file = join(folder, 'instances');
  await writeFile(file, JSON.stringify([{ id: instance, type: 'Hardware', socket: hsm.socket }]));
  kms = await startTestServer({ environment: { KAAP_INSTANCES_FILE: file } });
});
afterAll(async () => {
  await kms.close();
  await hsm.stop();
  await rm(folder, { recursive: true });
});

type Fields = Record<string, string>;
const call = (action: string, parameters: Readonly<Record<string, unknown>>): Promise<Fields> =>
  kms.client.call('Kms', action, parameters) as Promise<Fields>;

/** A key of Origin EXTERNAL in the HSM, and how material gets into it. */
async function waitingKey(
  spec: string,
  storage: string,
): Promise<{ KeyId: string; put: (bytes: Buffer) => Promise<Fields> }> {
  const wanted = { DKMSInstanceId: instance, KeySpec: spec, Origin: 'EXTERNAL', KeyStorageMechanism: storage };
  const usage = spec.startsWith('HMAC') ? { KeyUsage: 'GENERATE/VERIFY MAC' } : {};
  const made = (await kms.client.call('Kms', 'CreateKey', { ...wanted, ...usage })) as { KeyMetadata: Fields };
  const { KeyId = '', KeyState } = made.KeyMetadata;
  expect(KeyState).toBe('PendingImport');
  const put = async (bytes: Buffer): Promise<Fields> => {
    const wrapping = { WrappingAlgorithm: 'RSAES_OAEP_SHA_256', WrappingKeySpec: 'RSA_2048' };
    const { PublicKey = '', ImportToken } = await call('GetParametersForImport', { KeyId, ...wrapping });
    const der = { key: Buffer.from(PublicKey, 'base64'), format: 'der', type: 'spki' } as const;
    const padded = { ...der, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' };
    const EncryptedKeyMaterial = publicEncrypt(padded, bytes).toString('base64');
    const forever = { KeyMaterialExpireUnix: 0 };
    return call('ImportKeyMaterial', { KeyId, ImportToken, EncryptedKeyMaterial, ...forever });
  };
  return { KeyId, put };
}

describe.each(['HsmInternal', 'HsmEncryptedDatabase'])('Material imported into an HSM, %s,', (storage) => {
  it('encrypts as any AES-256-GCM with these bytes does', async () => {
    const bytes = randomBytes(32);
    const { KeyId, put } = await waitingKey('Aliyun_AES_256', storage);
    await put(bytes);
    const text = 'aW1wb3J0ZWQ=';
    const { CiphertextBlob = '' } = await call('Encrypt', { KeyId, Plaintext: text });
    expect(await call('Decrypt', { CiphertextBlob })).toMatchObject({ Plaintext: text });
    // 36 bytes of version id, 12 of IV, the ciphertext, 16 of tag: KMS encrypts the base64 text.
    const blob = Buffer.from(CiphertextBlob, 'base64');
    const tag = blob.subarray(-16);
    const decipher = createDecipheriv('aes-256-gcm', bytes, blob.subarray(36, 48)).setAuthTag(tag);
    expect(decipher.update(blob.subarray(48, -16)).toString()).toBe(text);
  });

  it('makes the MAC that these bytes make', async () => {
    const bytes = randomBytes(32);
    const { KeyId, put } = await waitingKey('HMAC_SHA_256', storage);
    await put(bytes);
    const message = Buffer.from('message');
    const asked = { KeyId, Message: message.toString('base64'), Algorithm: 'HMAC_SHA_256' };
    const { Mac } = await call('GenerateMac', asked);
    expect(Mac).toBe(createHmac('sha256', bytes).update(message).digest('base64'));
  });

  it('E2: is of the length of the key spec, and the same when it comes again', async () => {
    const bytes = randomBytes(32);
    const { KeyId, put } = await waitingKey('Aliyun_AES_256', storage);
    await expect(put(randomBytes(16))).rejects.toMatchObject({ code: 'InvalidKeyMaterial' });
    await put(bytes);
    const { CiphertextBlob } = await call('Encrypt', { KeyId, Plaintext: 'AAAA' });
    await call('DeleteKeyMaterial', { KeyId });
    await expect(call('Decrypt', { CiphertextBlob })).rejects.toThrow();
    await expect(put(randomBytes(32))).rejects.toMatchObject({ code: 'InvalidKeyMaterial' });
    await put(bytes);
    expect(await call('Decrypt', { CiphertextBlob })).toMatchObject({ Plaintext: 'AAAA' });
  });
});
