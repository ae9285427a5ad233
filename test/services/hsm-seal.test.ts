import { execFile } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { backUp, restoreInto } from '../../src/cmd/backup.ts';
import { readKmsConfig } from '../../src/cmd/kms-config.ts';
import { generateRecoveryKey } from '../../src/crypto/recovery-key.ts';
import { openBackup } from '../../src/storage/backup.ts';
import { verifyBackup } from '../../src/storage/restore.ts';
import { startTestServer, type TestServer } from '../support/kms-server.ts';
import { instance, startHsm, type HsmScene } from './hsm-scene.ts';
import { createSoftHsmToken, type SoftHsmToken } from './softhsm-token.ts';

const run = promisify(execFile);
const sealByHsm = `hsm:${instance}`;
const text = 'c2VhbGVk';

let token: SoftHsmToken;
let hsm: HsmScene;
let folder: string;
let server: TestServer | undefined;
beforeAll(async () => {
  token = createSoftHsmToken();
  hsm = await startHsm({}, token);
});
afterAll(async () => {
  await hsm.stop();
  token.remove();
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kaap-hsm-seal-'));
  await writeFile(join(folder, 'instances'), JSON.stringify([{ id: instance, type: 'Hardware', socket: hsm.socket }]));
});
afterEach(async () => {
  await server?.close();
  server = undefined;
  await rm(folder, { recursive: true });
});

const at = (name: string): string => join(folder, name);
const sealByFile = (): string => `file:${at('seal.key')}`;

/** The variables of a `kms` whose state is in a folder of this name. */
const environment = (seal: string, name = 'data'): Record<string, string> => ({
  KAAP_DATA_DIR: at(name),
  KAAP_INSTANCES_FILE: at('instances'),
  KAAP_SEAL: seal,
  KAAP_SEAL_FILE: '',
});

async function serve(seal: string, { name = 'data', root = undefined as TestServer['root'] | undefined } = {}) {
  const options = { environment: environment(seal, name), dataDir: at(name) };
  server = await startTestServer({ ...options, ...(root !== undefined && { root }) });
  return server;
}

async function stop(): Promise<void> {
  await server?.close();
  server = undefined;
}

async function encrypted({ client }: TestServer): Promise<string> {
  const { KeyId } = (await client.createKey({})).KeyMetadata;
  const { CiphertextBlob } = (await client.call('Kms', 'Encrypt', { KeyId, Plaintext: text })) as {
    CiphertextBlob: string;
  };
  return CiphertextBlob;
}

const opens = async ({ client }: TestServer, CiphertextBlob: string): Promise<void> => {
  expect(await client.call('Kms', 'Decrypt', { CiphertextBlob })).toMatchObject({ Plaintext: text });
};

const kaap = (seal: string, ...args: string[]): Promise<{ stdout: string }> =>
  run(process.execPath, [resolve(import.meta.dirname, '../../src/cmd/kaap.ts'), ...args], {
    env: { PATH: process.env['PATH'] ?? '', ...environment(seal) },
  });

describe('A root key that an HSM seals', () => {
  it('lets a restarted kms unseal itself, also after a new root key', async () => {
    const first = await serve(sealByHsm);
    const blob = await encrypted(first);
    await stop();
    const second = await serve(sealByHsm);
    await opens(second, blob);
    await second.client.call('Kms', 'RotateRootKey', {});
    await stop();
    await opens(await serve(sealByHsm), blob);
  });

  it('F1: keeps kms sealed and saying why while the HSM is away, and unseals it when that is back', async () => {
    const first = await serve(sealByHsm);
    const { root } = first;
    const blob = await encrypted(first);
    await hsm.stop();
    // What is unsealed stays so.
    await opens(first, blob);
    await stop();
    const second = await serve(sealByHsm, { root });
    expect(second.service.notReady()).toBe(
      'The service is sealed, and unseals itself once its seal can be used. ' +
        `The key of the seal in ${instance} cannot be used: The HSM process does not listen at its socket. Is it running?`,
    );
    await expect(second.client.createKey({})).rejects.toMatchObject({ code: 'ServiceUnavailableTemporary' });
    hsm = await startHsm({}, token);
    await expect.poll(() => second.service.notReady(), { timeout: 20_000 }).toBeUndefined();
    await opens(second, blob);
  });

  it('F1: stays sealed with another token at the same place, and says that the key is not there', async () => {
    const { root } = await serve(sealByHsm);
    await stop();
    const elsewhere = await startHsm();
    const other = [{ id: instance, type: 'Hardware', socket: elsewhere.socket }];
    await writeFile(at('instances'), JSON.stringify(other));
    const sealed = await serve(sealByHsm, { root });
    expect(sealed.service.notReady()).toContain('The token does not have the key any more.');
    await stop();
    await elsewhere.stop();
  });

  it('moves from a file to the HSM and back with kaap reseal, and then opens with that one only', async () => {
    const first = await serve(sealByFile());
    const blob = await encrypted(first);
    await stop();
    expect((await kaap(sealByFile(), 'reseal', '--to', sealByHsm)).stdout).toContain(`Set KAAP_SEAL to that`);
    await expect(serve(sealByFile())).rejects.toThrow('The store was sealed with a hsm seal, not a file one.');
    await opens(await serve(sealByHsm), blob);
    await stop();
    await kaap(sealByHsm, 'reseal', '--to', at('another.key'), '--create');
    await expect(serve(sealByHsm)).rejects.toThrow('The store was sealed with a file seal, not a hsm one.');
    await opens(await serve(`file:${at('another.key')}`), blob);
  });

  it('does not bind backups: one made under the HSM is restored under a file, and the other way round', async () => {
    const { privatePem, publicPem } = generateRecoveryKey();
    await writeFile(at('recovery.pub'), publicPem);
    const first = await serve(sealByHsm);
    const { root } = first;
    const blob = await encrypted(first);
    await stop();
    const recoveryKey = createPrivateKey(privatePem);
    const move = async (from: Record<string, string>, to: Record<string, string>): Promise<void> => {
      await backUp(readKmsConfig(from), at('backup'), at('recovery.pub'));
      const { revision } = await verifyBackup(await openBackup(at('backup'), recoveryKey));
      const request = { from: at('backup'), recoveryKey, revision, replace: false, tombstones: [] };
      await restoreInto(readKmsConfig(to), { ...request, withoutTombstones: true });
    };
    await writeFile(at('seal.key'), `${Buffer.alloc(32, 5).toString('base64')}\n`, { mode: 0o600 });
    await move(environment(sealByHsm), environment(sealByFile(), 'two'));
    await opens(await serve(sealByFile(), { name: 'two', root }), blob);
    await stop();
    await move(environment(sealByFile(), 'two'), environment(sealByHsm, 'three'));
    await opens(await serve(sealByHsm, { name: 'three', root }), blob);
  });
});
