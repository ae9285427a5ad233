import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { credential, prefix, region, XkiScene } from '../support/xki-scene.ts';

const run = promisify(execFile);
const requestMetadata = { awsPrincipalArn: 'arn:p', kmsKeyArn: 'arn:k', kmsOperation: 'Encrypt', kmsRequestId: 'r1' };
const base64 = (length: number): string => Buffer.alloc(length, 7).toString('base64');
const encryption = { requestMetadata, plaintext: base64(4096), encryptionAlgorithm: 'AES_GCM' };

describe('the XKS proxy API, signed by curl', () => {
  let scene: XkiScene;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kaap-curl-'));
    scene = await XkiScene.start();
    writeFileSync(join(folder, 'ca.pem'), scene.caPem);
  });
  afterAll(async () => {
    await scene.close();
    await rm(folder, { recursive: true });
  });

  async function call(path: string, body: object, user = credential): Promise<Record<string, string>> {
    writeFileSync(join(folder, 'body.json'), JSON.stringify(body));
    const signer = ['--aws-sigv4', `aws:amz:${region}:kms-xks-proxy`];
    const signed = [...signer, '--user', `${user.accessKeyId}:${user.secretAccessKey}`];
    const sent = ['-H', 'content-type: application/json', '--data-binary', `@${join(folder, 'body.json')}`];
    const args = ['-sS', '--cacert', join(folder, 'ca.pem'), ...signed, ...sent, `${scene.endpoint}${path}`];
    const { stdout } = await run('curl', args);
    expect(stdout).not.toContain('\n');
    return JSON.parse(stdout) as Record<string, string>;
  }
  const onKey = (key: string, operation: string, body: object): ReturnType<typeof call> =>
    call(`${prefix}/kms/xks/v1/keys/${key}/${operation}`, body);
  const health = `${prefix}/kms/xks/v1/health`;

  it('answers health and metadata', async () => {
    expect(JSON.stringify(await call(health, { requestMetadata }))).toContain('"healthStatus":"ACTIVE"');
    expect(await onKey('full', 'metadata', { requestMetadata })).toMatchObject({ keyStatus: 'ENABLED' });
  });

  it('refuses empty bodies, unknown keys and paths, and other credentials', async () => {
    for (const body of [{}, { requestMetadata: {} }]) {
      expect(await call(health, body)).toMatchObject({ errorName: 'ValidationException' });
      expect(await onKey('full', 'metadata', body)).toMatchObject({ errorName: 'ValidationException' });
    }
    expect(await onKey('missing', 'encrypt', encryption)).toMatchObject({ errorName: 'KeyNotFoundException' });
    const elsewhere = await call(`${prefix}/invalid/kms/xks/v1/health`, { requestMetadata });
    expect(elsewhere).toMatchObject({ errorName: 'InvalidUriPathException' });
    const refused = { errorName: 'AuthenticationFailedException' };
    const unknown = { ...credential, accessKeyId: 'NOBODY22222222222222' };
    expect(await call(health, { requestMetadata }, unknown)).toMatchObject(refused);
    const wrong = { ...credential, secretAccessKey: 'x'.repeat(43) };
    expect(await call(health, { requestMetadata }, wrong)).toMatchObject(refused);
  });

  it('decrypts 4096 bytes with 8192 of associated data, whose integrity value the caller computes again', async () => {
    const aad = { additionalAuthenticatedData: base64(8192) };
    const made = await onKey('full', 'encrypt', {
      ...encryption,
      ...aad,
      ciphertextDataIntegrityValueAlgorithm: 'SHA_256',
    });
    const { ciphertextDataIntegrityValue, ...parts } = made;
    const { initializationVector = '', ciphertext = '', authenticationTag = '' } = parts;
    const fields = [aad.additionalAuthenticatedData, initializationVector, ciphertext, authenticationTag];
    const bytes = Buffer.concat(fields.map((field) => Buffer.from(field, 'base64')));
    expect(ciphertextDataIntegrityValue).toBe(createHash('sha256').update(bytes).digest('base64'));
    const back = { ...parts, requestMetadata, encryptionAlgorithm: 'AES_GCM' };
    expect(await onKey('full', 'decrypt', { ...back, ...aad })).toEqual({ plaintext: encryption.plaintext });
    expect(await onKey('full', 'decrypt', back)).toMatchObject({ errorName: 'InvalidCiphertextException' });
  });

  it('keeps to the usages of each key', async () => {
    for (const key of ['decrypt-only', 'impotent']) {
      expect(await onKey(key, 'encrypt', encryption)).toMatchObject({ errorName: 'InvalidKeyUsageException' });
    }
  });
});
