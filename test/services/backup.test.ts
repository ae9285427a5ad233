import { createPrivateKey } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { backUp, restoreInto } from '../../src/cmd/backup.ts';
import { readKmsConfig } from '../../src/cmd/kms-config.ts';
import { generateRecoveryKey } from '../../src/crypto/recovery-key.ts';
import { openBackup } from '../../src/storage/backup.ts';
import { verifyBackup } from '../../src/storage/restore.ts';
import { startTestServer, type TestServer } from '../support/kms-server.ts';
import { startPostgres, type PostgresServer } from './postgres-server.ts';

let database: PostgresServer;
let folder: string;
beforeAll(async () => {
  database = await startPostgres();
  folder = await mkdtemp(join(tmpdir(), 'kaap-backup-'));
});
afterAll(async () => {
  await database.stop();
  await rm(folder, { recursive: true });
});

describe('A backup', () => {
  it('moves the state from a file to PostgreSQL and back, and a second restore keeps what was deleted there', async () => {
    const { privatePem, publicPem } = generateRecoveryKey();
    const recipient = join(folder, 'recovery.pub');
    await writeFile(recipient, publicPem);
    const recoveryKey = createPrivateKey(privatePem);
    const environments = [1, 2, 3].map((number) => ({
      KAAP_DATA_DIR: join(folder, `data-${number}`),
      KAAP_SEAL_FILE: join(folder, `seal-${number}`),
      ...(number === 2 && { KAAP_DATABASE_URL: database.url }),
    }));
    const [file, postgres, other] = environments;
    if (file === undefined || postgres === undefined || other === undefined) throw new Error('unreachable');
    const serve = (environment: typeof file, root?: TestServer['root']): Promise<TestServer> =>
      startTestServer({ environment, dataDir: environment.KAAP_DATA_DIR, ...(root !== undefined && { root }) });
    const move = async (from: typeof file, to: typeof file, options = { replace: false, withoutTombstones: true }) => {
      const path = join(folder, 'backup');
      if (from !== to) await backUp(readKmsConfig(from), path, recipient);
      const { revision } = await verifyBackup(await openBackup(path, recoveryKey));
      await restoreInto(readKmsConfig(to), { from: path, recoveryKey, revision, tombstones: [], ...options });
    };

    for (const { KAAP_SEAL_FILE } of [postgres, other]) {
      await writeFile(KAAP_SEAL_FILE, `${Buffer.alloc(32, KAAP_SEAL_FILE.length).toString('base64')}\n`, {
        mode: 0o600,
      });
    }
    const first = await serve(file);
    const { root } = first;
    const { KeyId } = (await first.client.createKey({})).KeyMetadata;
    await first.client.call('Ram', 'CreateUser', { UserName: 'ci' });
    const { AccessKey } = (await first.client.call('Ram', 'CreateAccessKey', { UserName: 'ci' })) as {
      AccessKey: { AccessKeyId: string };
    };
    const { CiphertextBlob } = (await first.client.call('Kms', 'Encrypt', { KeyId, Plaintext: 'bW92ZWQ=' })) as {
      CiphertextBlob: string;
    };
    await first.close();

    await move(file, postgres);
    const second = await serve(postgres, root);
    expect(await second.client.call('Kms', 'Decrypt', { CiphertextBlob })).toMatchObject({ Plaintext: 'bW92ZWQ=' });
    await second.client.call('Ram', 'DeleteAccessKey', { UserName: 'ci', UserAccessKeyId: AccessKey.AccessKeyId });
    await second.close();

    await move(postgres, postgres, { replace: true, withoutTombstones: false });
    const again = await serve(postgres, root);
    const keys = await again.client.call('Ram', 'ListAccessKeys', { UserName: 'ci' });
    expect(JSON.stringify(keys)).not.toContain(AccessKey.AccessKeyId);
    await again.close();

    await move(postgres, other);
    const third = await serve(other, root);
    expect(await third.client.call('Kms', 'Decrypt', { CiphertextBlob })).toMatchObject({ Plaintext: 'bW92ZWQ=' });
    await third.close();
  });
});
