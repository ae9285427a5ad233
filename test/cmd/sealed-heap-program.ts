import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeHeapSnapshot } from 'node:v8';
import { openBarrier } from '../../src/storage/barrier.ts';
import { openFileSeal } from '../../src/storage/file-seal.ts';
import { openSqliteStore } from '../../src/storage/sqlite-store.ts';
import { startTestServer, type TestServer } from '../support/kms-server.ts';

/** Works with secrets and keys, seals itself, and writes a heap snapshot, beside a file that tells what must not be in it. */
const [, , folder = ''] = process.argv;

/** Held on purpose, so that a snapshot without it is known to be of something else. */
const decoy = `decoy-${randomBytes(16).toString('hex')}`;

async function work(server: TestServer): Promise<void> {
  const secret = `secret-${randomBytes(24).toString('hex')}`;
  const plaintext = randomBytes(32).toString('base64');
  const { KeyMetadata } = await server.client.createKey({});
  await server.client.createSecret({ SecretName: 'canary', SecretData: secret, VersionId: 'v1' });
  for (let round = 0; round < 20; round += 1) {
    await server.client.call('Kms', 'GetSecretValue', { SecretName: 'canary' });
    const { KeyId } = KeyMetadata;
    const { CiphertextBlob } = (await server.client.call('Kms', 'Encrypt', { KeyId, Plaintext: plaintext })) as {
      CiphertextBlob: string;
    };
    await server.client.call('Kms', 'Decrypt', { CiphertextBlob });
  }
  const canaries = [secret, plaintext, ...(await storedKeys(server))];
  writeFileSync(join(folder, 'canaries.json'), JSON.stringify({ decoy, canaries }));
}

/** The material of every key, as the store holds it under the barrier. */
async function storedKeys(server: TestServer): Promise<string[]> {
  const dataDir = join(server.service.auditDir, '..');
  const seal = await openFileSeal(join(dataDir, '..', 'seal.key'));
  const barrier = await openBarrier(openSqliteStore(join(dataDir, 'kaap.db')), seal);
  const versions = await barrier.scan('kms/key-versions');
  await barrier.close();
  const sealKey = (await readFile(join(dataDir, '..', 'seal.key'), 'latin1')).trim();
  return [
    sealKey,
    ...versions.map(({ value }) => (JSON.parse(Buffer.from(value).toString()) as { material: string }).material),
  ];
}

const server = await startTestServer();
await work(server);
await server.client.call('Kms', 'SealService', {});
while (server.service.notReady() !== 'The service is sealed.') await sleep(10);
// What was being done for the seal ends before the picture is taken.
await sleep(500);
writeHeapSnapshot(join(folder, 'sealed.heapsnapshot'));
await server.close();
