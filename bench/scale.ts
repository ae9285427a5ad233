import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startKmsGenerator } from './load/kms-generator.ts';
import { median, report, takeTurns, type Subject } from './load/measured-window.ts';
import { populate, type Population } from './load/populate.ts';
import { startServerProcess, type ServerProcess } from './load/server-process.ts';
import { setting } from './load/setting.ts';

/**
 * What a call costs with 10, 1,000 and 100,000 keys and as many secrets, each call about another one, all of them in turn in
 * one run; how long a start takes and how much memory it has. `node bench/scale.ts`; BENCH_COUNTS for other numbers.
 */

const counts = (process.env['BENCH_COUNTS'] ?? '10,1000,10000,100000').split(',').map(Number);
const rounds = setting('BENCH_ROUNDS', 5);
const milliseconds = setting('BENCH_WINDOW_MS', 1000);
/** Different keys or secrets that the requests of a run name. */
const named = 5000;

interface Place extends Population {
  count: number;
  server: ServerProcess;
  /** Resident memory right after the start. */
  idleMiB: number;
}

async function open(parent: string, count: number): Promise<Place> {
  const folder = join(parent, String(count));
  await mkdir(folder);
  const sealFile = join(parent, `${count}.key`);
  const population = await populate(folder, sealFile, count);
  const server = await startServerProcess({
    kind: 'kms',
    dataDir: folder,
    environment: { KAAP_SEAL_FILE: sealFile },
  });
  return { ...population, count, server, idleMiB: (await server.usage()).rssMiB };
}

/** Texts spread evenly over a list. */
function spread(texts: readonly string[]): string[] {
  const length = Math.min(named, texts.length);
  return Array.from({ length }, (_, index) => texts[Math.floor((index * texts.length) / length)] ?? '');
}

function subjectsOf({ server, count, keyIds, secretNames }: Place): Subject[] {
  const { endpoint, caPem, accessKeyId, accessKeySecret } = server;
  const load = { endpoint, caPem, accessKeyId, accessKeySecret, connections: 64, milliseconds };
  const Plaintext = randomBytes(32).toString('base64');
  const sealing = spread(keyIds).map((KeyId) => ({ KeyId, Plaintext, EncryptionContext: '{}' }));
  const reading = spread(secretNames).map((SecretName) => ({ SecretName }));
  return [
    {
      name: `Encrypt, ${count}`,
      server,
      generator: startKmsGenerator({ ...load, action: 'Encrypt', parameters: sealing }),
    },
    {
      name: `GetSecretValue, ${count}`,
      server,
      generator: startKmsGenerator({ ...load, action: 'GetSecretValue', parameters: reading }),
    },
  ];
}

async function main(parent: string): Promise<void> {
  const places: Place[] = [];
  for (const count of counts) places.push(await open(parent, count));
  for (const { count, server, idleMiB } of places) {
    const start = `start ${server.startMs.toFixed(0)} ms`;
    process.stdout.write(`${String(count).padStart(8)} keys and secrets  ${start}  RSS ${idleMiB.toFixed(0)} MiB\n`);
  }
  const subjects = places.flatMap(subjectsOf);
  const windows = await takeTurns(subjects, rounds);
  for (const [index, { name }] of subjects.entries()) {
    process.stdout.write(`${report(name, windows[index] ?? [], windows[index % 2] ?? [])}\n`);
  }
  const costs = [0, 1].map((kind) =>
    windows.filter((_, index) => index % 2 === kind).map((all) => median(all.map(({ cpuMicros }) => cpuMicros))),
  );
  for (const all of costs) {
    process.stdout.write(`largest cost beside the smallest: ${(Math.max(...all) / Math.min(...all)).toFixed(2)}\n`);
  }
  for (const { generator } of subjects) await generator.close();
  for (const { server } of places) await server.close();
}

const parent = await mkdtemp(join(process.env['BENCH_DIRECTORY'] ?? tmpdir(), 'kaap-scale-'));
try {
  await main(parent);
} finally {
  await rm(parent, { recursive: true, maxRetries: 5 });
}
