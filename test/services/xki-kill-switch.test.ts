import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { standardOutput } from '../../src/cli/output.ts';
import { readAuditLines } from '../../src/storage/audit-segments.ts';
import { startTestServer, type TestServer } from '../support/kms-server.ts';
import { instance, XkiScene } from '../support/xki-scene.ts';
import { startPostgres, type PostgresServer } from './postgres-server.ts';
import { runKaapXki } from './run-kaap-xki.ts';

const Plaintext = 'a2lsbA==';

let database: PostgresServer;
let owner: XkiScene;
let folder: string;
let replicas: TestServer[];
let KeyId: string;
let CiphertextBlob: string;

beforeAll(async () => {
  [database, owner] = await Promise.all([startPostgres(), XkiScene.start()]);
  folder = await mkdtemp(join(tmpdir(), 'kaap-kill-switch-'));
  const instancesFile = await owner.writeInstances(folder);
  const environment = {
    KAAP_DATABASE_URL: database.url,
    KAAP_SEAL_FILE: join(folder, 'seal.key'),
    KAAP_INSTANCES_FILE: instancesFile,
  };
  const first = await startTestServer({ environment: { ...environment, KAAP_REPLICA: 'kaap-kms-0' } });
  const { root } = first;
  const second = await startTestServer({ environment: { ...environment, KAAP_REPLICA: 'kaap-kms-1' }, root });
  replicas = [first, second];
  const made = await call(first, 'CreateKey', { DKMSInstanceId: instance, ExternalKeyId: 'full' });
  ({ KeyId } = (made as { KeyMetadata: { KeyId: string } }).KeyMetadata);
  ({ CiphertextBlob } = (await call(first, 'Encrypt', { KeyId, Plaintext })) as {
    CiphertextBlob: string;
  });
  const secret = { SecretName: 'under-the-key', SecretData: 'value', VersionId: 'v1' };
  await call(first, 'CreateSecret', { ...secret, DKMSInstanceId: instance, EncryptionKeyId: KeyId });
});
afterAll(async () => {
  for (const replica of replicas) await replica.close();
  await owner.close();
  await database.stop();
  await rm(folder, { recursive: true });
});

/** Runs the command line against the first replica, as an administrator does, and gives what it says. */
async function kaap(...args: string[]): Promise<string> {
  const [{ endpoint, caPem, root }] = replicas as [TestServer, TestServer];
  const caFile = join(folder, 'ca.pem');
  await writeFile(caFile, caPem);
  vi.stubEnv('KAAP_ENDPOINT', endpoint);
  vi.stubEnv('KAAP_CA_FILE', caFile);
  vi.stubEnv('ALIBABA_CLOUD_ACCESS_KEY_ID', root.AccessKeyId);
  vi.stubEnv('ALIBABA_CLOUD_ACCESS_KEY_SECRET', root.AccessKeySecret);
  const written = vi.spyOn(standardOutput, 'line').mockReturnValue(undefined);
  try {
    await runKaapXki(...args);
    return written.mock.calls.flat().join('\n');
  } finally {
    written.mockRestore();
    vi.unstubAllEnvs();
  }
}

/** Calls a replica. Its proxy has 250 ms for each call, which a busy machine may miss: then it is asked again. */
async function call({ client }: TestServer, action: string, parameters: Record<string, string>): Promise<object> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await client.call('Kms', action, parameters);
    } catch (error) {
      if ((error as { code?: string }).code !== 'ServiceUnavailableTemporary' || tries === 300) throw error;
      await new Promise((next) => setTimeout(next, 100));
    }
  }
}

const answerOf = (...given: Parameters<typeof call>): Promise<string> =>
  call(...given).then(
    () => 'OK',
    (error: unknown) => `${(error as { code?: string }).code} ${(error as Error).message}`,
  );

/** What each replica answers to both uses of the key, each twice: what was answered before is in any cache there is. */
async function uses(): Promise<string[]> {
  const answers: string[] = [];
  for (const replica of [...replicas, ...replicas]) {
    answers.push(await answerOf(replica, 'Decrypt', { CiphertextBlob }));
    answers.push(await answerOf(replica, 'GetSecretValue', { SecretName: 'under-the-key' }));
  }
  return answers;
}

async function auditOf({ service }: TestServer): Promise<string> {
  const lines: string[] = [];
  for await (const line of readAuditLines(service.auditDir)) lines.push(line.toString());
  return lines.join('\n');
}

describe('kaap xki block', () => {
  it.each([
    ['instance', () => instance],
    ['key', () => KeyId],
  ])('F6: of the %s stops every use at both replicas with the next call, until it is lifted', async (_what, name) => {
    expect(new Set(await uses())).toEqual(new Set(['OK']));
    expect(await kaap('block', name(), '--reason', 'incident 7')).toBe(`${name()} is blocked.`);
    // The command has returned: nothing is waited for.
    for (const answer of await uses()) {
      expect(answer).toMatch(/^Rejected\.Unavailable .*is blocked by .* Reason: incident 7\./);
    }
    const [, second] = replicas as [TestServer, TestServer];
    const described = await call(second, 'DescribeKey', { KeyId });
    expect(JSON.stringify(described)).toContain('"KeyState":"Unavailable"');
    expect(await kaap('unblock', name())).toBe(`${name()} is no longer blocked.`);
    expect(new Set(await uses())).toEqual(new Set(['OK']));
  });

  it('is in the audit log with who gave it and for what, and so is every use that it refused', async () => {
    const [first, second] = replicas as [TestServer, TestServer];
    const given = await auditOf(first);
    expect(given).toMatch(/"action":"BlockKeyUse".*"outcome":"OK"/);
    expect(given).toMatch(/"action":"UnblockKeyUse".*"outcome":"OK"/);
    expect(await auditOf(second)).toMatch(/"action":"Decrypt".*"outcome":"Rejected.Unavailable"/);
  });

  it('F6: says which parameter is wrong for a key that cannot be blocked, and blocks nothing', async () => {
    const [first] = replicas as [TestServer, TestServer];
    const software = (await first.client.createKey({})).KeyMetadata.KeyId;
    await expect(kaap('block', software)).rejects.toThrow();
    const { client } = first;
    await client.call('Kms', 'Encrypt', { KeyId: software, Plaintext });
  });
});
