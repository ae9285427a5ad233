import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPostgres, type PostgresServer } from '../test/services/postgres-server.ts';
import { postgresFolder } from '../tools/cluster/debian.ts';
import { KmsClient, staticCredentials } from '../src/client/kms-client.ts';
import { startGenerator, type GeneratorThread } from './load/generator-thread.ts';
import { report, takeTurns, type Subject } from './load/measured-window.ts';
import { startServerProcess, type ServerProcess } from './load/server-process.ts';
import { joinGenerators, joinServers } from './load/side-by-side.ts';

/**
 * Encrypt, Decrypt and GetSecretValue (signed, authorized, audited, HTTPS keep-alive) beside a bare handler that does the
 * same AES-256-GCM on the same TLS server; with state in SQLite, and in PostgreSQL where there is one. Each server is a
 * process of its own, and Encrypt with two of them on one database beside one of them; the load comes from other threads, which sign their requests before the clock starts. All take turns in
 * short windows; what counts are the medians of the ratios within a round: `node bench/gateway.ts`.
 */

const rounds = Number(process.env['BENCH_ROUNDS'] ?? 7);
const milliseconds = Number(process.env['BENCH_WINDOW_MS'] ?? 1000);
const connections = Number(process.env['BENCH_CONNECTIONS'] ?? 64);
/** `sqlite`, `postgresql`, or both with a comma; both unless given. */
const stores = (process.env['BENCH_STORES'] ?? 'sqlite,postgresql').split(',');

type Parameters = Record<string, string>;

function subject(name: string, server: ServerProcess, action: string, parameters: Parameters): Subject {
  return { name, server, generator: generatorFor(server, action, parameters, connections) };
}

function generatorFor(
  { endpoint, caPem, accessKeyId, accessKeySecret }: ServerProcess,
  action: string,
  parameters: Parameters,
  connectionCount: number,
): GeneratorThread {
  const caller = { endpoint, caPem, accessKeyId, accessKeySecret };
  return startGenerator({ ...caller, action, parameters: [parameters], connections: connectionCount, milliseconds });
}

/** A key, a ciphertext and a secret in a new service, and what to ask about them. */
async function subjectsOf(store: string, server: ServerProcess): Promise<Subject[]> {
  const client = clientOf(server);
  const { KeyMetadata } = await client.createKey({});
  await client.createSecret({ SecretName: 'bench', SecretData: 'x'.repeat(64), VersionId: 'v1' });
  const sealing = sealingWith(KeyMetadata.KeyId);
  const { CiphertextBlob } = (await client.call('Kms', 'Encrypt', sealing)) as { CiphertextBlob: string };
  client.close();
  return [
    subject(`Encrypt, ${store}`, server, 'Encrypt', sealing),
    subject(`Decrypt, ${store}`, server, 'Decrypt', { CiphertextBlob, EncryptionContext: '{}' }),
    subject(`GetSecretValue, ${store}`, server, 'GetSecretValue', { SecretName: 'bench' }),
  ];
}

function clientOf({ endpoint, caPem, accessKeyId, accessKeySecret }: ServerProcess): KmsClient {
  const credentials = staticCredentials({ accessKeyId, accessKeySecret });
  return new KmsClient({ endpoint, caPem, region: 'local', credentials });
}

function sealingWith(KeyId: string): Parameters {
  return { KeyId, Plaintext: randomBytes(32).toString('base64'), EncryptionContext: '{}' };
}

/** Two processes on one database: the first has half of the connections when both are asked. */
interface Replicas {
  database: PostgresServer;
  first: ServerProcess;
  second: ServerProcess;
  close(): Promise<void>;
}

async function startReplicas(): Promise<Replicas> {
  const database = await startPostgres();
  const folder = await mkdtemp(join(tmpdir(), 'kaap-bench-'));
  const environment = { KAAP_DATABASE_URL: database.url, KAAP_SEAL_FILE: join(folder, 'seal.key') };
  const start = (name: string, more: object = {}): Promise<ServerProcess> =>
    startServerProcess({ kind: 'kms', environment: { ...environment, KAAP_REPLICA: name }, ...more });
  const first = await start('one');
  const root = { AccessKeyId: first.accessKeyId, AccessKeySecret: first.accessKeySecret };
  const second = await start('two', { root });
  return {
    database,
    first,
    second,
    close: async () => {
      await first.close();
      await second.close();
      await database.stop();
      await rm(folder, { recursive: true });
    },
  };
}

async function subjectsOfReplicas({ first, second }: Replicas): Promise<Subject[]> {
  const subjects = await subjectsOf('PostgreSQL', first);
  const client = clientOf(first);
  const { KeyMetadata } = await client.createKey({});
  client.close();
  const sealing = sealingWith(KeyMetadata.KeyId);
  const generators = [first, second].map((server) => generatorFor(server, 'Encrypt', sealing, connections / 2));
  const both = { server: joinServers([first, second]), generator: joinGenerators(generators) };
  return [...subjects, { name: 'Encrypt, two processes', ...both }];
}

async function main(): Promise<void> {
  const bare = await startServerProcess({ kind: 'bare' });
  const sqlite = stores.includes('sqlite') ? await startServerProcess({ kind: 'kms' }) : undefined;
  const hasPostgres = postgresFolder() !== undefined;
  if (!hasPostgres) process.stdout.write('PostgreSQL is skipped: there is no program postgres here.\n');
  const replicas = hasPostgres && stores.includes('postgresql') ? await startReplicas() : undefined;
  process.stdout.write(
    'OpenBao is skipped: this benchmark does not drive it yet, so KAAP_BENCH_BAO is not looked at.\n',
  );
  const subjects = [
    subject('bare, AES-GCM', bare, 'Encrypt', sealingWith('1234abcd-12ab-34cd-56ef-1234567890ab')),
    ...(sqlite === undefined ? [] : await subjectsOf('SQLite', sqlite)),
    ...(replicas === undefined ? [] : await subjectsOfReplicas(replicas)),
  ];
  const windows = await takeTurns(subjects, rounds);
  for (const [index, { name }] of subjects.entries()) {
    process.stdout.write(`${report(name, windows[index] ?? [], windows[0] ?? [])}\n`);
  }
  for (const { generator } of subjects) await generator.close();
  await bare.close();
  await sqlite?.close();
  await replicas?.close();
}

await main();
