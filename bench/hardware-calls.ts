import { fork } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KmsClient, staticCredentials } from '../src/client/kms-client.ts';
import { instance, startHsm, type HsmScene } from '../test/services/hsm-scene.ts';
import { createSoftHsmToken, type SoftHsmToken } from '../test/services/softhsm-token.ts';
import { startKmsGenerator } from './load/kms-generator.ts';
import { median, report, takeTurns, type Subject } from './load/measured-window.ts';
import { say } from './load/say.ts';
import { startServerProcess, type ServerProcess } from './load/server-process.ts';
import { setting } from './load/setting.ts';

/**
 * A whole `kms` whose keys are in an HSM with 10,000 keys in it: Encrypt, Decrypt and AsymmetricSign over HTTPS, beside
 * the same calls of the same process with keys in software, all in turn: `node bench/hardware-calls.ts`. To reach: 10 ms
 * for the slowest hundredth of the turns of the event loop of `kms` meanwhile.
 */

const keyCount = setting('BENCH_HSM_KEYS', 10_000);
const rounds = setting('BENCH_ROUNDS', 5);
const milliseconds = setting('BENCH_WINDOW_MS', 1000);
const connections = setting('BENCH_CONNECTIONS', 64);
// Making ten thousand objects is as slow as the disk; what is measured is not the disk of the token.
if (existsSync('/dev/shm')) process.env['TMPDIR'] = '/dev/shm';

/** Makes the keys that are only there, as those of other users of the token. */
async function fillToken(token: SoftHsmToken): Promise<void> {
  const env = { ...process.env, SOFTHSM2_CONF: token.configurationFile };
  const maker = fork(join(import.meta.dirname, 'load', 'pkcs11-direct.ts'), [], { env });
  maker.send({ ...token, what: 'generate', count: keyCount, seconds: 0 });
  await once(maker, 'message');
  const ended = once(maker, 'exit');
  maker.kill();
  await ended;
}

interface Scene {
  hsm: HsmScene;
  kms: ServerProcess;
  close(): Promise<void>;
}

async function startScene(): Promise<Scene> {
  const token = createSoftHsmToken();
  await fillToken(token);
  const hsm = await startHsm({ KAAP_HSM_COPY_SECONDS: '10' }, token);
  const folder = await mkdtemp(join(tmpdir(), 'kaap-bench-'));
  const KAAP_INSTANCES_FILE = join(folder, 'instances');
  await writeFile(KAAP_INSTANCES_FILE, JSON.stringify([{ id: instance, type: 'Hardware', socket: hsm.socket }]));
  const kms = await startServerProcess({ kind: 'kms', environment: { KAAP_INSTANCES_FILE }, watchLoop: true });
  const close = async (): Promise<void> => {
    await kms.close();
    await hsm.stop();
    token.remove();
    await rm(folder, { recursive: true });
  };
  return { hsm, kms, close };
}

type Parameters = Record<string, string>;

/** The three calls, with keys that are made where `place` says. */
async function subjectsOf(server: ServerProcess, where: string, place: Parameters): Promise<Subject[]> {
  const { endpoint, caPem, accessKeyId, accessKeySecret } = server;
  const credentials = staticCredentials({ accessKeyId, accessKeySecret });
  const client = new KmsClient({ endpoint, caPem, region: 'local', credentials });
  const call = async (action: string, parameters: Parameters): Promise<Record<string, string>> =>
    (await client.call('Kms', action, parameters)) as Record<string, string>;
  const { KeyMetadata } = await client.createKey(place);
  const pair = await client.createKey({ ...place, KeySpec: 'RSA_2048', KeyUsage: 'SIGN/VERIFY' });
  const { KeyId } = KeyMetadata;
  const sealing = { KeyId, Plaintext: randomBytes(32).toString('base64') };
  const { CiphertextBlob = '' } = await call('Encrypt', sealing);
  const signing = { KeyId: pair.KeyMetadata.KeyId, Algorithm: 'RSA_PKCS1_SHA_256' };
  const versions = (await client.call('Kms', 'ListKeyVersions', { KeyId: signing.KeyId })) as {
    KeyVersions: { KeyVersion: { KeyVersionId: string }[] };
  };
  const KeyVersionId = versions.KeyVersions.KeyVersion[0]?.KeyVersionId ?? '';
  const Digest = createHash('sha256').update('text').digest('base64');
  client.close();
  const subject = (action: string, parameters: Parameters): Subject => {
    const caller = { endpoint, caPem, accessKeyId, accessKeySecret };
    const generator = startKmsGenerator({ ...caller, action, parameters: [parameters], connections, milliseconds });
    return { name: `${action}, ${where}`, server, generator };
  };
  return [
    subject('Encrypt', sealing),
    subject('Decrypt', { CiphertextBlob }),
    subject('AsymmetricSign', { ...signing, KeyVersionId, Digest }),
  ];
}

async function main(): Promise<void> {
  const scene = await startScene();
  const { kms } = scene;
  const software = await subjectsOf(kms, 'software', {});
  const hardware = await subjectsOf(kms, 'HSM', { DKMSInstanceId: instance, ProtectionLevel: 'HSM' });
  const subjects = [...software, ...hardware];
  say(`${keyCount} keys in the token, ${connections} connections`);
  const windows = await takeTurns(subjects, rounds);
  for (const [index, { name }] of subjects.entries()) {
    const own = windows[index] ?? [];
    say(report(name, own, windows[index % software.length] ?? []));
    say(`  event loop of kms: p99 ${median(own.map(({ loopP99Ms }) => loopP99Ms)).toFixed(1)} ms`);
  }
  for (const { generator } of subjects) await generator.close();
  await scene.close();
}

await main();
