import { createPublicKey } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isKmsClientError, type KmsClient } from '../../src/client/kms-client.ts';
import { queryAuditLog } from '../../src/storage/audit-query.ts';
import { readAuditLines } from '../../src/storage/audit-segments.ts';
import { verifyAuditLog } from '../../src/storage/audit-verify.ts';
import { readFileAnchor } from '../../src/storage/file-anchor.ts';
import { makeKmsHome, startKmsProcess, type KmsHome, type KmsProcess } from '../support/kms-process.ts';
import { SmallDisk } from './small-disk.ts';

const isRoot = process.getuid?.() === 0;

let folder: string;
let disk: SmallDisk;
let home: KmsHome;
let metricsPort: number;
let kms: KmsProcess;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kaap-disk-'));
  disk = new SmallDisk(join(folder, 'disk'), 8);
  metricsPort = await freePort();
  home = await makeKmsHome(folder, {
    KAAP_DATA_DIR: join(disk.path, 'data'),
    KAAP_METRICS_LISTEN: `127.0.0.1:${metricsPort}`,
  });
  kms = await startKmsProcess(home);
});
afterEach(async () => {
  await kms.end('SIGKILL');
  disk.unmount();
  await rm(folder, { recursive: true });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function auditHealthy(): Promise<string | undefined> {
  const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  return /^kaap_audit_healthy(?:\{.*\})? (\d)$/m.exec(text)?.[1];
}

const ready = async (): Promise<number> => (await fetch(`http://127.0.0.1:${metricsPort}/readyz`)).status;

/** Names of secrets of 1 KiB that were acknowledged, and the errors of those that were not. */
class Writing {
  readonly acknowledged: string[] = [];
  readonly requestIds: string[] = [];
  readonly refusals: unknown[] = [];

  async write(client: KmsClient, SecretName: string): Promise<void> {
    const input = { SecretName, SecretData: SecretName.padEnd(1024, '.'), VersionId: 'v1' };
    try {
      const answer = await client.call('Kms', 'CreateSecret', input);
      this.acknowledged.push(SecretName);
      this.requestIds.push(String(answer['RequestId']));
    } catch (error) {
      this.refusals.push(error);
    }
  }
}

async function expectNothingLost(client: KmsClient, { acknowledged }: Writing): Promise<void> {
  for (const SecretName of acknowledged) {
    const { SecretData } = await client.call('Kms', 'GetSecretValue', { SecretName });
    expect(SecretData).toBe(SecretName.padEnd(1024, '.'));
  }
}

async function expectAudited({ requestIds }: Writing): Promise<void> {
  const directory = join(home.dataDir, 'audit');
  const checkpointKey = createPublicKey(await readFile(join(home.dataDir, 'audit-checkpoint.pem')));
  const anchor = await readFileAnchor(join(home.dataDir, 'audit-anchor.json'));
  const report = await verifyAuditLog(readAuditLines(directory), { checkpointKey, ...(anchor && { anchor }) });
  expect(report).toMatchObject({ ok: true });
  const audited = new Set<string>();
  for await (const { event } of queryAuditLog(readAuditLines(directory))) audited.add(event.requestId);
  expect(requestIds.filter((id) => !audited.has(id))).toEqual([]);
}

/** Fills the disk under a working service and writes until what is left in open pages is used up too. */
async function writeIntoFullDisk(writing: Writing): Promise<string> {
  for (let count = 0; count < 20; count += 1) await writing.write(kms.client, `before/${count}`);
  expect(writing.refusals).toEqual([]);
  const filler = await disk.fill();
  for (let count = 0; count < 60; count += 1) await writing.write(kms.client, `full/${count}`);
  expect(writing.refusals.length).toBeGreaterThan(30);
  for (const error of writing.refusals) {
    expect(isKmsClientError(error, 'ServiceUnavailableTemporary') && error.retryable, String(error)).toBe(true);
  }
  expect(await auditHealthy()).toBe('0');
  expect(await ready()).toBe(503);
  return filler;
}

describe.skipIf(!isRoot)('kms on a disk that fills up (needs root, to mount one)', () => {
  it('H3: refuses writes so that they may be repeated, and goes on by itself when there is space again', async () => {
    const writing = new Writing();
    expect(await auditHealthy()).toBe('1');
    await rm(await writeIntoFullDisk(writing));
    const refused = writing.refusals.length;
    for (let count = 0; count < 20; count += 1) await writing.write(kms.client, `after/${count}`);
    expect(writing.refusals.length).toBe(refused);
    expect(await auditHealthy()).toBe('1');
    expect(await ready()).toBe(200);
    await expectNothingLost(kms.client, writing);
    await kms.end('SIGTERM');
    await expectAudited(writing);
    kms = await startKmsProcess(home);
    await expectNothingLost(kms.client, writing);
  });

  it('H3: with a buffer, answers what it can without its disk, and has every record of it afterwards', async () => {
    await kms.end('SIGTERM');
    home = { ...home, environment: { ...home.environment, KAAP_AUDIT_WHEN_FULL: 'buffer' } };
    kms = await startKmsProcess(home);
    const writing = new Writing();
    await writing.write(kms.client, 'before');
    const filler = await disk.fill();
    for (let count = 0; count < 60; count += 1) await writing.write(kms.client, `full/${count}`);
    for (let count = 0; count < 100; count += 1) {
      const { RequestId } = await kms.client.call('Kms', 'GetSecretValue', { SecretName: 'before' });
      writing.requestIds.push(String(RequestId));
    }
    expect(await auditHealthy()).toBe('0');
    expect(await ready()).toBe(200);
    await rm(filler);
    await expect.poll(auditHealthy, { timeout: 5000 }).toBe('1');
    await kms.end('SIGTERM');
    await expectAudited(writing);
    kms = await startKmsProcess(home);
    await expectNothingLost(kms.client, writing);
  });

  it('H3: has everything that was acknowledged when it is killed on a full disk, told to start there in vain, and started with space again', async () => {
    const writing = new Writing();
    const filler = await writeIntoFullDisk(writing);
    await kms.end('SIGKILL');
    await expect(startKmsProcess(home), 'while it is full').rejects.toThrow(/No space is left .* KAAP_DATA_DIR/);
    await rm(filler);
    kms = await startKmsProcess(home);
    await writing.write(kms.client, 'after/restart');
    expect(writing.acknowledged).toContain('after/restart');
    await expectNothingLost(kms.client, writing);
    await kms.end('SIGTERM');
    await expectAudited(writing);
    kms = await startKmsProcess(home);
  });
});
