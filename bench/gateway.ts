import { randomBytes } from 'node:crypto';
import { KmsClient, staticCredentials } from '../src/client/kms-client.ts';
import { startGenerator, type GeneratorThread } from './load/generator-thread.ts';
import type { LoadResult } from './load/presigned-load.ts';
import { startServerProcess, type ServerProcess } from './load/server-process.ts';

/**
 * Encrypt, Decrypt and GetSecretValue (signed, authorized, audited, HTTPS keep-alive) beside a bare handler that does the
 * same AES-256-GCM on the same TLS server. Each server is a process of its own; the load comes from another thread, which
 * signs its requests before the clock starts. All take turns in short windows, so that whatever else the machine does
 * meets all of them; what counts are the medians of the ratios within a round: `node bench/gateway.ts`.
 */

const rounds = Number(process.env['BENCH_ROUNDS'] ?? 7);
const milliseconds = Number(process.env['BENCH_WINDOW_MS'] ?? 1000);
const connections = Number(process.env['BENCH_CONNECTIONS'] ?? 64);

/** One kind of request, and the server that answers it. */
interface Subject {
  name: string;
  server: ServerProcess;
  action: string;
  parameters: Record<string, string>[];
}

interface Window extends LoadResult {
  /** Processor time of the server for one request, in microseconds. */
  cpuMicros: number;
  rssMiB: number;
}

function generatorOf({ server, action, parameters }: Subject): GeneratorThread {
  const { endpoint, caPem, accessKeyId, accessKeySecret } = server;
  return startGenerator({
    endpoint,
    caPem,
    accessKeyId,
    accessKeySecret,
    action,
    parameters,
    connections,
    milliseconds,
  });
}

async function measure(server: ServerProcess, generator: GeneratorThread): Promise<Window> {
  await generator.prepare();
  const before = await server.usage();
  const result = await generator.run();
  const { cpuMs, rssMiB } = await server.usage();
  return { ...result, rssMiB, cpuMicros: ((cpuMs - before.cpuMs) * 1000) / result.requests };
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0;
}

function report(name: string, windows: readonly Window[], baseline: readonly Window[]): string {
  const of = (pick: (window: Window) => number): number => median(windows.map(pick));
  const ratio = (pick: (window: Window, base: Window) => number): string =>
    median(windows.map((window, round) => pick(window, baseline[round] ?? window))).toFixed(2);
  const sorted = windows.flatMap(({ latencies }) => latencies).toSorted((one, other) => one - other);
  const at = (part: number): string => (sorted[Math.floor(sorted.length * part)] ?? 0).toFixed(1);
  const failures = windows.reduce((sum, window) => sum + window.failures, 0);
  return [
    name.padEnd(24),
    `${of(({ perSecond }) => perSecond)
      .toFixed(0)
      .padStart(7)}/s`,
    `${ratio((window, base) => window.perSecond / base.perSecond)} × bare`,
    `CPU ${of(({ cpuMicros }) => cpuMicros)
      .toFixed(0)
      .padStart(4)} µs (${ratio((window, base) => base.cpuMicros / window.cpuMicros)})`,
    `p50 ${at(0.5)} p99 ${at(0.99)} p999 ${at(0.999)} ms`,
    `RSS ${of(({ rssMiB }) => rssMiB).toFixed(0)} MiB`,
    `generator busy ${of(({ busy }) => busy).toFixed(2)}`,
    `${failures} failed`,
  ].join('  ');
}

/** A key, a ciphertext and a secret in a new service, and what to ask about them. */
async function subjectsOf(server: ServerProcess): Promise<Subject[]> {
  const { endpoint, caPem, accessKeyId, accessKeySecret } = server;
  const credentials = staticCredentials({ accessKeyId, accessKeySecret });
  const client = new KmsClient({ endpoint, caPem, region: 'local', credentials });
  const { KeyMetadata } = await client.createKey({});
  await client.createSecret({ SecretName: 'bench', SecretData: 'x'.repeat(64), VersionId: 'v1' });
  const sealing = {
    KeyId: KeyMetadata.KeyId,
    Plaintext: randomBytes(32).toString('base64'),
    EncryptionContext: '{}',
  };
  const { CiphertextBlob } = (await client.call('Kms', 'Encrypt', sealing)) as { CiphertextBlob: string };
  client.close();
  return [
    { name: 'Encrypt', server, action: 'Encrypt', parameters: [sealing] },
    { name: 'Decrypt', server, action: 'Decrypt', parameters: [{ CiphertextBlob, EncryptionContext: '{}' }] },
    { name: 'GetSecretValue', server, action: 'GetSecretValue', parameters: [{ SecretName: 'bench' }] },
  ];
}

async function main(): Promise<void> {
  const bare = await startServerProcess({ kind: 'bare' });
  const execArgv = process.env['BENCH_PROFILE'] === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir=/tmp/prof-kms'];
  const kms = await startServerProcess({ kind: 'kms', execArgv });
  const subjects = await subjectsOf(kms);
  const sealing = subjects[0];
  if (sealing === undefined) return;
  const all = [{ ...sealing, name: 'bare handler, AES-GCM', server: bare }, ...subjects];
  const windows = all.map((): Window[] => []);
  const generators = all.map(generatorOf);
  // The first round only warms up.
  for (let round = 0; round <= rounds; round += 1) {
    for (const [index, generator] of generators.entries()) {
      const window = await measure(index === 0 ? bare : kms, generator);
      if (round > 0) windows[index]?.push(window);
    }
  }
  for (const [index, { name }] of all.entries()) {
    process.stdout.write(`${report(name, windows[index] ?? [], windows[0] ?? [])}\n`);
  }
  for (const generator of generators) await generator.close();
  await kms.close();
  await bare.close();
}

await main();
