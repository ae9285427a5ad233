import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { registerDataKey } from '../../src/cli/commands/data-key.ts';
import { startTestServer, type TestServer } from '../support/kms-server.ts';

let folder: string;
let server: TestServer;
let keyId: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kaap-data-key-'));
  server = await startTestServer({ dataDir: join(folder, 'data') });
  keyId = (await server.client.createKey({})).KeyMetadata.KeyId;
  await writeFile(join(folder, 'ca.crt'), server.caPem);
  vi.stubEnv('KAAP_ENDPOINT', server.endpoint);
  vi.stubEnv('KAAP_CA_FILE', join(folder, 'ca.crt'));
  vi.stubEnv('ALIBABA_CLOUD_ACCESS_KEY_ID', server.root.AccessKeyId);
  vi.stubEnv('ALIBABA_CLOUD_ACCESS_KEY_SECRET', server.root.AccessKeySecret);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await server.close();
  await rm(folder, { recursive: true });
});

/** What `kaap data-key …` prints. */
async function dataKey(...words: string[]): Promise<string> {
  let printed = '';
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    printed += String(chunk);
    return true;
  });
  try {
    const program = new Command('kaap').exitOverride();
    registerDataKey(program);
    await program.parseAsync(['data-key', ...words], { from: 'user' });
  } finally {
    write.mockRestore();
  }
  return printed.trimEnd();
}

const versionIn = (line: string): string => /^shop\/files has the version ([A-Za-z0-9]{8})\.$/.exec(line)?.[1] ?? '';

test('kaap data-key makes, rotates, reads, deletes and restores a data key, and the audit log has the calls without the key', async () => {
  const first = versionIn(await dataKey('create', 'shop/files', '--key', keyId, '--bytes', '24'));
  const second = versionIn(await dataKey('rotate', 'shop/files'));
  expect(await dataKey('versions', 'shop/files')).toBe(`${first}\n${second}`);
  const latest = await dataKey('get', 'shop/files');
  const earlier = await dataKey('get', 'shop/files', '--version-id', first);
  expect(latest).toBe(await dataKey('get', 'shop/files', '--version-id', second));
  for (const value of [latest, earlier]) expect(Buffer.from(value, 'base64')).toHaveLength(24);
  expect(earlier).not.toBe(latest);
  expect(await dataKey('delete', 'shop/files', '--days', '7')).toMatch(/^shop\/files is gone from \d{4}-\S+Z on\.$/);
  await expect(dataKey('get', 'shop/files')).rejects.toMatchObject({ code: 'Rejected.ResourceInDeleteWindow' });
  expect((await dataKey('list')).split('\n')[1]).toMatch(new RegExp(`^shop/files +2 +${keyId} .+Z +\\d{4}-.+Z$`));
  expect(await dataKey('restore', 'shop/files')).toBe('shop/files stays.');
  expect(await dataKey('get', 'shop/files')).toBe(latest);
  await dataKey('delete', 'shop/files', '--force');
  expect(await dataKey('list')).toBe('NAME  VERSIONS  KEY  CREATED  DELETED FROM');
  const log = await auditLog();
  const home = 'acs:kms:local:1000000000000000:';
  expect(log).toContain(`"action":"GetManagedDataKey"`);
  expect(log).toContain(`"resources":["${home}datakey/shop/files","${home}key/${keyId}"]`);
  for (const value of [latest, earlier]) expect(log).not.toContain(value);
});

async function auditLog(): Promise<string> {
  const files = await readdir(join(folder, 'data', 'audit'));
  return (await Promise.all(files.map((file) => readFile(join(folder, 'data', 'audit', file), 'utf8')))).join('');
}
