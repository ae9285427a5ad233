import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeKmsHome, startKmsProcess } from '../test/support/kms-process.ts';
import { bundleProcesses } from '../tools/bundle.ts';
import { residentOf, usageOf, type Resident } from './load/process-usage.ts';
import { median } from './load/measured-window.ts';
import { populate, type Population } from './load/populate.ts';
import { setting } from './load/setting.ts';

/**
 * How long a `kms` process takes from spawn to its first answer to a signed call that needs a stored key, with that many
 * keys and as many secrets, and how much memory it has two seconds later: as the image has it, and from sources.
 * BENCH_COUNTS and BENCH_STARTS for other numbers. What we aim at: 2 s with 100,000 keys, 150 MiB with 10,000.
 */

const counts = (process.env['BENCH_COUNTS'] ?? '10,1000,10000,100000').split(',').map(Number);
const starts = setting('BENCH_STARTS', 7);
const checkout = resolve(import.meta.dirname, '..');

interface Start extends Resident {
  /** From spawn to the first answer, on the clock. */
  firstAnswerMs: number;
  /** Processor time of the process until then. */
  cpuMs: number;
}

interface Place extends Population {
  count: number;
  home: Awaited<ReturnType<typeof makeKmsHome>>;
}

async function makePlace(parent: string, count: number): Promise<Place> {
  const folder = join(parent, String(count));
  const home = await makeKmsHome(folder);
  await mkdir(home.dataDir, { mode: 0o700 });
  const population = await populate(home.dataDir, join(folder, 'seal.key'), count);
  // The first start of all makes the account's access key.
  await (await startKmsProcess(home)).end('SIGTERM');
  return { ...population, count, home };
}

async function startOnce({ home, keyIds }: Place, program: string): Promise<Start> {
  const began = performance.now();
  const kms = await startKmsProcess(home, program);
  const KeyId = keyIds[Math.floor(Math.random() * keyIds.length)];
  await kms.client.call('Kms', 'Encrypt', { KeyId, Plaintext: 'Zmlyc3Q=' });
  const firstAnswerMs = performance.now() - began;
  const cpuMs = usageOf(kms.pid).cpuSeconds * 1000;
  await sleep(2000);
  const resident = residentOf(kms.pid);
  await kms.end('SIGTERM');
  return { ...resident, firstAnswerMs, cpuMs };
}

function report(name: string, all: readonly Start[]): void {
  const middle = (figure: (start: Start) => number): string => median(all.map(figure)).toFixed(0);
  const slowest = Math.max(...all.map(({ firstAnswerMs }) => firstAnswerMs)).toFixed(0);
  const times = `first answer after ${middle(({ firstAnswerMs }) => firstAnswerMs)} ms (at most ${slowest})`;
  const cpu = `CPU ${middle(({ cpuMs }) => cpuMs)} ms`;
  const memory = `RSS ${middle(({ residentMiB }) => residentMiB)} MiB, ${middle(({ privateMiB }) => privateMiB)} private`;
  process.stdout.write(`${name.padEnd(26)} ${times}  ${cpu}  ${memory}\n`);
}

async function main(parent: string): Promise<void> {
  const programs = {
    image: join(bundleProcesses(checkout), 'kms.js'),
    sources: join(checkout, 'src/cmd/kms.ts'),
  };
  for (const count of counts) {
    const place = await makePlace(parent, count);
    const found = { image: [] as Start[], sources: [] as Start[] };
    for (let turn = 0; turn < starts; turn += 1) {
      for (const kind of ['image', 'sources'] as const) found[kind].push(await startOnce(place, programs[kind]));
    }
    for (const kind of ['image', 'sources'] as const) report(`${count} keys, ${kind}`, found[kind]);
  }
}

const parent = await mkdtemp(join(process.env['BENCH_DIRECTORY'] ?? tmpdir(), 'kaap-start-'));
try {
  await main(parent);
} finally {
  await rm(parent, { recursive: true, maxRetries: 5 });
}
