import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleProcesses } from '../../tools/bundle.ts';
import { makeKmsHome, startKmsProcess } from '../support/kms-process.ts';
import { instance, startHsm } from './hsm-scene.ts';
import { startPostgres, type PostgresServer } from './postgres-server.ts';

describe('The programs as the images have them', () => {
  let folder: string;
  let programs: string;
  let database: PostgresServer;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kaap-bundled-'));
    programs = bundleProcesses(resolve(import.meta.dirname, '../..'));
    database = await startPostgres();
  });
  afterAll(async () => {
    await database.stop();
    await rm(folder, { recursive: true });
  });

  it('kms keeps its state in PostgreSQL', async () => {
    const home = await makeKmsHome(folder, { KAAP_DATABASE_URL: database.url });
    const first = await startKmsProcess(home, join(programs, 'kms.js'));
    await first.client.createSecret({ SecretName: 'db', SecretData: 'kept', VersionId: 'v1' });
    await first.end('SIGKILL');
    const second = await startKmsProcess(home, join(programs, 'kms.js'));
    expect((await second.client.getSecretValue({ SecretName: 'db' })).SecretData).toBe('kept');
    await second.end('SIGTERM');
  });

  it('hsm starts its worker, which loads the native package and works with the token', async () => {
    const hsm = await startHsm({}, undefined, join(programs, 'hsm.js'));
    const material = await hsm.provider.generate('Aliyun_AES_256', { scope: instance, storage: 'HsmInternal' });
    const parts = await hsm.provider.encrypt(material, Buffer.from('in the token'), Buffer.alloc(0));
    expect((await hsm.provider.decrypt(material, parts, Buffer.alloc(0))).toString()).toBe('in the token');
    await hsm.stop();
  });
});
