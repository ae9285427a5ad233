import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { request } from 'node:https';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readKmsConfig } from '../../src/cmd/kms-config.ts';
import { openStoredState } from '../../src/cmd/kms-state.ts';
import { silentLogger } from '../../src/lib/log.ts';
import type { AuditLine } from '../../src/storage/audit-lines.ts';
import { readAuditLines } from '../../src/storage/audit-segments.ts';
import { verifyAuditLog } from '../../src/storage/audit-verify.ts';
import { liftSealOrder, orderSeal } from '../../src/storage/seal-order.ts';
import { startTestServer, type TestServer } from '../support/kms-server.ts';

let server: TestServer;
beforeEach(async () => {
  server = await startTestServer();
});
afterEach(() => server.close());

const code = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'OK',
    (error: unknown) => (error as { code?: string }).code ?? String(error),
  );

const status = (path: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const sent = request(`${server.endpoint}${path}`, { ca: server.caPem, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    sent.once('error', reject);
    sent.end();
  });

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 500 && !(await condition()); tries += 1)
    await new Promise((done) => setTimeout(done, 10));
}

/** The store of the running server, as a command beside it opens it. */
async function beside(
  work: (store: Awaited<ReturnType<typeof openStoredState>>['store']) => Promise<unknown>,
): Promise<void> {
  const dataDir = join(server.service.auditDir, '..');
  const config = readKmsConfig({ KAAP_DATA_DIR: dataDir, KAAP_SEAL_FILE: join(dataDir, '..', 'seal.key') });
  const { store } = await openStoredState(config, silentLogger);
  await work(store);
  await store.close();
}

const answers503 = async (): Promise<boolean> => (await status('/readyz')) === 503;

async function records(): Promise<AuditLine[]> {
  const lines: AuditLine[] = [];
  for await (const line of readAuditLines(server.service.auditDir))
    lines.push(JSON.parse(line.toString()) as AuditLine);
  return lines;
}

describe('A sealed service', () => {
  it('answers 503 to everything but liveness, and works again with the same keys once it is unsealed', async () => {
    const { KeyMetadata } = await server.client.createKey({});
    const { KeyId } = KeyMetadata;
    const { CiphertextBlob } = (await server.client.call('Kms', 'Encrypt', { KeyId, Plaintext: 'c2VhbGVk' })) as {
      CiphertextBlob: string;
    };
    expect(await server.client.call('Kms', 'SealService', {})).toBeDefined();
    await until(answers503);
    expect(server.service.notReady()).toBe('The service is sealed.');
    expect(await status('/healthz')).toBe(200);
    expect(await status('/')).toBe(503);
    await beside(liftSealOrder);
    await until(async () => !(await answers503()));
    expect(await server.client.call('Kms', 'Decrypt', { CiphertextBlob })).toMatchObject({ Plaintext: 'c2VhbGVk' });
  });

  it('is sealed by whoever writes the order into the store, and says so in a log that goes on unbroken', async () => {
    await beside((store) => orderSeal(store, Date.now()));
    await until(answers503);
    await beside(liftSealOrder);
    await until(async () => !(await answers503()));
    await server.client.call('Kms', 'ListKeys', {});
    const actions = (await records()).flatMap((line) => (line.kind === 'event' ? [line.event.action] : []));
    expect(actions.indexOf('Sealed')).toBeGreaterThanOrEqual(0);
    expect(actions.indexOf('ListKeys')).toBeGreaterThan(actions.indexOf('Sealed'));
    expect(await verifyAuditLog(readAuditLines(server.service.auditDir))).toMatchObject({ ok: true });
  });

  it('needs a permission of its name to be sealed, or to have its keys rotated', async () => {
    await server.client.call('Ram', 'CreateUser', { UserName: 'ci' });
    const { AccessKey } = (await server.client.call('Ram', 'CreateAccessKey', { UserName: 'ci' })) as {
      AccessKey: { AccessKeyId: string; AccessKeySecret: string };
    };
    const { KmsClient, staticCredentials } = await import('../../src/client/kms-client.ts');
    const credentials = staticCredentials({
      accessKeyId: AccessKey.AccessKeyId,
      accessKeySecret: AccessKey.AccessKeySecret,
    });
    const client = new KmsClient({ endpoint: server.endpoint, caPem: server.caPem, region: 'local', credentials });
    for (const action of ['SealService', 'RotateRootKey', 'RotateStorageKey']) {
      expect(await code(client.call('Kms', action, {}))).toBe('Forbidden.NoPermission');
    }
    client.close();
    expect(server.service.notReady()).toBeUndefined();
  });

  it('rotates its root key and its storage key under load, without a failed request', async () => {
    const { KeyMetadata } = await server.client.createKey({});
    const { KeyId } = KeyMetadata;
    const outcomes: string[] = [];
    let stopped = false;
    const load = async (): Promise<void> => {
      for (let round = 0; !stopped; round += 1) {
        outcomes.push(
          await code(server.client.call('Kms', 'UpdateKeyDescription', { KeyId, Description: `${round}` })),
        );
        outcomes.push(await code(server.client.call('Kms', 'Encrypt', { KeyId, Plaintext: 'AAAA' })));
      }
    };
    const loads = [load(), load()];
    for (let round = 0; round < 5; round += 1) {
      await server.client.call('Kms', 'RotateRootKey', {});
      await server.client.call('Kms', 'RotateStorageKey', {});
    }
    stopped = true;
    await Promise.all(loads);
    expect(new Set(outcomes)).toEqual(new Set(['OK']));
    expect((await readFile(join(server.service.auditDir, '..', 'kaap.db'))).length).toBeGreaterThan(0);
  });
});
