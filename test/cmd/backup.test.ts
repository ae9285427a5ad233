import { createPrivateKey } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { backUp, restoreInto } from '../../src/cmd/backup.ts';
import { readKmsConfig } from '../../src/cmd/kms-config.ts';
import { openStoredState } from '../../src/cmd/kms-state.ts';
import { generateRecoveryKey } from '../../src/crypto/recovery-key.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { openBackup, type BackupContent } from '../../src/storage/backup.ts';
import { loadBackup, verifyBackup, type BackupReport } from '../../src/storage/restore.ts';
import { openFileSeal } from '../../src/storage/file-seal.ts';
import { readTombstones } from '../../src/storage/tombstone-journal.ts';
import { startTestServer, type TestServer } from '../support/kms-server.ts';
import { temporaryDirectory } from '../storage/temporary-directory.ts';

let folder: Awaited<ReturnType<typeof temporaryDirectory>>;
let recoveryPem: string;
let server: TestServer | undefined;
beforeEach(async () => {
  folder = await temporaryDirectory();
  const { privatePem, publicPem } = generateRecoveryKey();
  recoveryPem = privatePem;
  await writeFile(at('recovery.pub'), publicPem);
});
afterEach(async () => {
  await server?.close();
  server = undefined;
  await folder.remove();
});

const at = (name: string): string => join(folder.path, name);

/** Starts a server on a data folder of the test, which stays when the server stops. */
async function serve(name: string, root?: TestServer['root']): Promise<TestServer> {
  server = await startTestServer({
    environment: { KAAP_DATA_DIR: at(name), KAAP_SEAL_FILE: at(`${name}.seal`) },
    dataDir: at(name),
    ...(root !== undefined && { root }),
  });
  return server;
}

async function stop(): Promise<void> {
  await server?.close();
  server = undefined;
}

const config = (name: string): ReturnType<typeof readKmsConfig> =>
  readKmsConfig({ KAAP_DATA_DIR: at(name), KAAP_SEAL_FILE: at(`${name}.seal`) });

const openIt = (): Promise<BackupContent> => openBackup(at('backup'), createPrivateKey(recoveryPem));
const verify = async (): Promise<BackupReport> => verifyBackup(await openIt());

async function restore(
  name: string,
  options: { replace?: boolean; tombstones?: string[]; without?: boolean } = {},
): Promise<void> {
  const { revision } = await verify();
  const { replace = false, tombstones = [], without = false } = options;
  const recoveryKey = createPrivateKey(recoveryPem);
  await restoreInto(config(name), {
    from: at('backup'),
    recoveryKey,
    revision,
    replace,
    tombstones,
    withoutTombstones: without,
  });
}

const code = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'OK',
    (error: unknown) => (error as { code?: string }).code ?? String(error),
  );

/** A key with a ciphertext, a secret, and a user with an access key. */
async function fill(kms: TestServer): Promise<{ KeyId: string; CiphertextBlob: string; accessKeyId: string }> {
  const { KeyId } = (await kms.client.createKey({})).KeyMetadata;
  const { CiphertextBlob } = (await kms.client.call('Kms', 'Encrypt', { KeyId, Plaintext: 'b3Blbg==' })) as {
    CiphertextBlob: string;
  };
  await kms.client.createSecret({ SecretName: 'shop/db', SecretData: 'canary-of-a-secret', VersionId: 'v1' });
  await kms.client.call('Ram', 'CreateUser', { UserName: 'ci' });
  const { AccessKey } = (await kms.client.call('Ram', 'CreateAccessKey', { UserName: 'ci' })) as {
    AccessKey: { AccessKeyId: string };
  };
  return { KeyId, CiphertextBlob, accessKeyId: AccessKey.AccessKeyId };
}

describe('A backup', () => {
  it('brings keys, secrets and identities back on another machine with another seal key', async () => {
    const kms = await serve('one');
    const { root } = kms;
    const { CiphertextBlob } = await fill(kms);
    await backUp(config('one'), at('backup'), at('recovery.pub'));
    await stop();
    await writeFile(at('two.seal'), `${Buffer.alloc(32, 7).toString('base64')}\n`, { mode: 0o600 });
    await restore('two', { without: true });
    const again = await serve('two', root);
    expect(await again.client.call('Kms', 'Decrypt', { CiphertextBlob })).toMatchObject({ Plaintext: 'b3Blbg==' });
    expect(await again.client.call('Kms', 'GetSecretValue', { SecretName: 'shop/db' })).toMatchObject({
      SecretData: 'canary-of-a-secret',
    });
  });

  it('E9: shows no name, no secret and no key to who has no recovery key', async () => {
    await fill(await serve('one'));
    await backUp(config('one'), at('backup'), at('recovery.pub'));
    const bytes = await readFile(at('backup'));
    for (const canary of [
      'canary-of-a-secret',
      'shop/db',
      'kms/keys',
      'material',
      (await readFile(at('one.seal'), 'utf8')).trim(),
    ]) {
      expect(bytes.includes(canary)).toBe(false);
    }
    const other = createPrivateKey(generateRecoveryKey().privatePem);
    await expect(openBackup(at('backup'), other)).rejects.toThrow(/needs recovery key [0-9a-f]{16}/);
  });

  it('is of one moment while others write: pairs that are written together are both there, or neither', async () => {
    const kms = await serve('one');
    let stopped = false;
    let made = 0;
    const write = async (): Promise<void> => {
      for (; !stopped; made += 1) await kms.client.createKey({});
    };
    const writing = [write(), write()];
    while (made < 10) await new Promise((done) => setTimeout(done, 10));
    await backUp(config('one'), at('backup'), at('recovery.pub'));
    stopped = true;
    await Promise.all(writing);
    const keys = new Set<string>();
    let versions = 0;
    for await (const { bucket, key } of (await openIt()).rows) {
      if (bucket === 'kms/keys') keys.add(key);
      if (bucket === 'kms/key-versions') versions += 1;
    }
    expect(keys.size).toBeGreaterThanOrEqual(10);
    expect(versions).toBe(keys.size);
    expect((await verify()).rows).toBeGreaterThan(2 * keys.size);
  });

  it('is refused when any byte of it was changed, or its end cut off', async () => {
    await serve('one');
    await backUp(config('one'), at('backup'), at('recovery.pub'));
    const good = await readFile(at('backup'));
    for (let round = 0; round < 60; round += 1) {
      const bad = Buffer.from(good);
      const place = Math.floor((round / 60) * good.length);
      bad.writeUInt8(bad.readUInt8(place) ^ (1 << (round % 8)), place);
      await writeFile(at('backup'), bad);
      await expect(verify()).rejects.toThrow(/damaged|not a backup|needs recovery key/);
    }
    for (const cut of [1, 17, 300]) {
      await writeFile(at('backup'), good.subarray(0, good.length - cut));
      await expect(verify()).rejects.toThrow(/damaged/);
    }
  });

  it('does not overwrite state that is there, nor forget what was deleted, unless told to', async () => {
    await serve('one');
    await backUp(config('one'), at('backup'), at('recovery.pub'));
    await stop();
    await expect(restore('one')).rejects.toThrow('Add --replace');
    await writeFile(at('two.seal'), `${Buffer.alloc(32, 7).toString('base64')}\n`, { mode: 0o600 });
    await expect(restore('two')).rejects.toThrow(/--tombstones/);
    await expect(restore('two', { tombstones: [at('none')] })).rejects.toThrow('There is no tombstone journal');
  });
});

describe('E10: What was deleted after a backup', () => {
  const delTwo = async (kms: TestServer, accessKeyId: string): Promise<void> => {
    await kms.client.call('Ram', 'DeleteAccessKey', { UserName: 'ci', UserAccessKeyId: accessKeyId });
  };
  const keysOf = async (kms: TestServer): Promise<string> =>
    JSON.stringify(await kms.client.call('Ram', 'ListAccessKeys', { UserName: 'ci' }));

  it('stays deleted when the backup replaces the state in which it was deleted', async () => {
    const kms = await serve('one');
    const { root } = kms;
    const { accessKeyId } = await fill(kms);
    await backUp(config('one'), at('backup'), at('recovery.pub'));
    await delTwo(kms, accessKeyId);
    await stop();
    await restore('one', { replace: true });
    const again = await serve('one', root);
    expect(await keysOf(again)).not.toContain(accessKeyId);
    expect(await code(again.client.call('Kms', 'GetSecretValue', { SecretName: 'shop/db' }))).toBe('OK');
  });

  it('stays deleted by the journal alone when that state is lost', async () => {
    const kms = await serve('one');
    const { root } = kms;
    const { accessKeyId } = await fill(kms);
    await backUp(config('one'), at('backup'), at('recovery.pub'));
    await delTwo(kms, accessKeyId);
    await stop();
    const journal = join(at('one'), 'tombstones.jsonl');
    expect(await readTombstones(journal)).toEqual([`access-key/${accessKeyId}`]);
    await writeFile(at('two.seal'), `${Buffer.alloc(32, 7).toString('base64')}\n`, { mode: 0o600 });
    await restore('two', { tombstones: [journal] });
    const again = await serve('two', root);
    expect(await keysOf(again)).not.toContain(accessKeyId);
  });

  it('stays deleted, with its versions and aliases, when it was a key', async () => {
    const kms = await serve('one');
    const { root } = kms;
    const { KeyId, CiphertextBlob } = await fill(kms);
    await kms.client.call('Kms', 'CreateAlias', { KeyId, AliasName: 'alias/gone' });
    await backUp(config('one'), at('backup'), at('recovery.pub'));
    await stop();
    await writeFile(at('journal'), `{"tombstone":"key/${KeyId}"}\n`);
    await restore('one', { replace: true, tombstones: [at('journal')] });
    const again = await serve('one', root);
    expect(await code(again.client.call('Kms', 'DescribeKey', { KeyId }))).toBe('Forbidden.KeyNotFound');
    expect(await code(again.client.call('Kms', 'DescribeKey', { KeyId: 'alias/gone' }))).toBe(
      'Forbidden.AliasNotFound',
    );
    expect(await code(again.client.call('Kms', 'Decrypt', { CiphertextBlob }))).not.toBe('OK');
  });

  it('stays deleted when it was a managed data key, and another one under its name is left alone', async () => {
    const kms = await serve('one');
    const { root } = kms;
    const { KeyId } = await fill(kms);
    const make = (DataKeyName: string): Promise<unknown> =>
      kms.client.call('Kms', 'CreateManagedDataKey', { DataKeyName, KeyId });
    const destroy = (DataKeyName: string): Promise<unknown> =>
      kms.client.call('Kms', 'DeleteManagedDataKey', { DataKeyName, ForceDeleteWithoutRecovery: 'true' });
    await make('renewed');
    await destroy('renewed');
    await make('renewed');
    await make('gone');
    await backUp(config('one'), at('backup'), at('recovery.pub'));
    await destroy('gone');
    await stop();
    await restore('one', { replace: true });
    const { client } = await serve('one', root);
    const read = (DataKeyName: string): Promise<string> =>
      code(client.call('Kms', 'GetManagedDataKey', { DataKeyName }));
    expect([await read('renewed'), await read('gone')]).toEqual(['OK', 'Forbidden.ResourceNotFound']);
  });

  it('stays deleted when a restore breaks off: the state is sealed, and the next restore remembers what to bury', async () => {
    const kms = await serve('one');
    const { root } = kms;
    const { KeyId } = await fill(kms);
    await backUp(config('one'), at('backup'), at('recovery.pub'));
    await stop();
    const { revision } = await verify();
    const { rows, store } = await openStoredState(config('one'), silentLogger);
    const tombstones = [`key/${KeyId}`];
    await loadBackup(await openIt(), rows, await openFileSeal(at('one.seal')), {
      revision,
      now: Date.now(),
      tombstones,
    });
    await store.close();
    const sealed = await serve('one', root);
    expect(sealed.service.notReady()).toBe('The service is sealed.');
    await stop();
    await restore('one', { replace: true });
    const again = await serve('one', root);
    expect(await code(again.client.call('Kms', 'DescribeKey', { KeyId }))).toBe('Forbidden.KeyNotFound');
  });

  it('is asked for in words that this version knows, before anything is changed', async () => {
    const kms = await serve('one');
    const { root } = kms;
    await backUp(config('one'), at('backup'), at('recovery.pub'));
    await stop();
    await writeFile(at('journal'), '{"tombstone":"planet/earth"}\n');
    await expect(restore('one', { replace: true, tombstones: [at('journal')] })).rejects.toThrow(
      /kind that this version/,
    );
    expect((await serve('one', root)).service.notReady()).toBeUndefined();
  });

  it('names in its journal also what was deleted while nobody wrote it', async () => {
    const kms = await serve('one');
    const { accessKeyId } = await fill(kms);
    await delTwo(kms, accessKeyId);
    const { root } = kms;
    await stop();
    const journal = join(at('one'), 'tombstones.jsonl');
    await writeFile(journal, '');
    await serve('one', root);
    expect(await readTombstones(journal)).toEqual([`access-key/${accessKeyId}`]);
  });
});
