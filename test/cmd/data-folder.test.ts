import { constants, createPublicKey, publicEncrypt, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { KmsClient } from '../../src/client/kms-client.ts';
import { startTestServer, type TestServer } from '../support/kms-server.ts';

let folder: string;
let dataDir: string;
let server: TestServer;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kaap-data-'));
  dataDir = join(folder, 'data');
  server = await startTestServer({ dataDir, environment: { KAAP_SEAL_FILE: join(folder, 'seal.key') } });
});
afterEach(() => rm(folder, { recursive: true, maxRetries: 5 }));

async function importKey(client: KmsClient, material: Buffer): Promise<string> {
  const { KeyMetadata } = await client.createKey({ Origin: 'EXTERNAL' });
  const { KeyId } = KeyMetadata;
  const wrapping = { WrappingKeySpec: 'RSA_2048', WrappingAlgorithm: 'RSAES_OAEP_SHA_256' };
  const given = await client.call('Kms', 'GetParametersForImport', { KeyId, ...wrapping });
  const spki = { key: Buffer.from(String(given['PublicKey']), 'base64'), format: 'der', type: 'spki' } as const;
  const padding = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' };
  const wrapped = publicEncrypt({ key: createPublicKey(spki), ...padding }, material).toString('base64');
  const token = { ImportToken: given['ImportToken'], EncryptedKeyMaterial: wrapped };
  await client.call('Kms', 'ImportKeyMaterial', { KeyId, ...token, KeyMaterialExpireUnix: 0 });
  return KeyId;
}

/** Where a canary stands in plain sight: raw, or as base64 at any of three offsets, or in hexadecimal. */
async function filesWith(canary: Buffer): Promise<string[]> {
  const texts = [0, 1, 2].map((skip) => canary.subarray(skip, canary.length - ((canary.length - skip) % 3)));
  const needles = [canary, ...texts.map((part) => part.toString('base64')), canary.toString('hex')];
  const entries = await readdir(dataDir, { recursive: true, withFileTypes: true });
  const found: string[] = [];
  for (const { parentPath, name } of entries.filter((entry) => entry.isFile())) {
    const content = await readFile(join(parentPath, name));
    if (needles.some((needle) => content.includes(needle))) found.push(name);
  }
  return found.toSorted();
}

describe('the data folder of kms', () => {
  it('E9: holds no byte of a key, a secret, a plaintext or the seal key in any file, with the WAL while it runs and after', async () => {
    const { client, root } = server;
    const [material, secret, plaintext] = [randomBytes(32), randomBytes(30), randomBytes(30)];
    const KeyId = await importKey(client, material);
    const SecretData = secret.toString('base64');
    await client.createSecret({ SecretName: 'canary', SecretData, VersionId: 'v1' });
    await client.call('Kms', 'Encrypt', { KeyId, Plaintext: plaintext.toString('base64') });
    const { Plaintext } = await client.call('Kms', 'GenerateDataKey', { KeyId });
    const sealKey = Buffer.from(await readFile(join(folder, 'seal.key'), 'utf8'), 'base64');
    const canaries = { material, secret, plaintext, dataKey: Buffer.from(String(Plaintext), 'base64'), sealKey };
    const look = async (): Promise<Record<string, string[]>> => {
      const seen = Object.entries(canaries).map(async ([name, canary]) => [name, await filesWith(canary)] as const);
      return Object.fromEntries(await Promise.all(seen));
    };
    const nowhere = { material: [], secret: [], plaintext: [], dataKey: [], sealKey: [] };
    expect((await readdir(dataDir)).includes('kaap.db-wal')).toBe(true);
    expect(await look()).toEqual(nowhere);
    // The search does find what is there: the account's first access key is handed over in a file.
    expect(await filesWith(Buffer.from(root.AccessKeySecret))).toEqual(['root-credential.json']);
    await server.close();
    expect(await look()).toEqual(nowhere);
  });
});
