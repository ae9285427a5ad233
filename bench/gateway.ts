import { randomBytes } from 'node:crypto';
import { startPostgres } from '../test/services/postgres-server.ts';
import { postgresFolder } from '../tools/cluster/debian.ts';
import { KmsClient, staticCredentials } from '../src/client/kms-client.ts';
import { startGenerator } from './load/generator-thread.ts';
import { report, takeTurns, type Subject } from './load/measured-window.ts';
import { startServerProcess, type ServerProcess } from './load/server-process.ts';

/**
 * Encrypt, Decrypt and GetSecretValue (signed, authorized, audited, HTTPS keep-alive) beside a bare handler that does the
 * same AES-256-GCM on the same TLS server; with state in SQLite, and in PostgreSQL where there is one. Each server is a
 * process of its own; the load comes from other threads, which sign their requests before the clock starts. All take turns in
 * short windows; what counts are the medians of the ratios within a round: `node bench/gateway.ts`.
 */

const rounds = Number(process.env['BENCH_ROUNDS'] ?? 7);
const milliseconds = Number(process.env['BENCH_WINDOW_MS'] ?? 1000);
const connections = Number(process.env['BENCH_CONNECTIONS'] ?? 64);

type Parameters = Record<string, string>;

function subject(name: string, server: ServerProcess, action: string, parameters: Parameters): Subject {
  const { endpoint, caPem, accessKeyId, accessKeySecret } = server;
  const caller = { endpoint, caPem, accessKeyId, accessKeySecret };
  const load = { ...caller, action, parameters: [parameters], connections, milliseconds };
  return { name, server, generator: startGenerator(load) };
}

/** A key, a ciphertext and a secret in a new service, and what to ask about them. */
async function subjectsOf(store: string, server: ServerProcess): Promise<Subject[]> {
  const { endpoint, caPem, accessKeyId, accessKeySecret } = server;
  const credentials = staticCredentials({ accessKeyId, accessKeySecret });
  const client = new KmsClient({ endpoint, caPem, region: 'local', credentials });
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

function sealingWith(KeyId: string): Parameters {
  return { KeyId, Plaintext: randomBytes(32).toString('base64'), EncryptionContext: '{}' };
}

async function main(): Promise<void> {
  const bare = await startServerProcess({ kind: 'bare' });
  const sqlite = await startServerProcess({ kind: 'kms' });
  const database = postgresFolder() === undefined ? undefined : await startPostgres();
  if (database === undefined) process.stdout.write('PostgreSQL is skipped: there is no program postgres here.\n');
  const postgres =
    database && (await startServerProcess({ kind: 'kms', environment: { KAAP_DATABASE_URL: database.url } }));
  const subjects = [
    subject('bare, AES-GCM', bare, 'Encrypt', sealingWith('1234abcd-12ab-34cd-56ef-1234567890ab')),
    ...(await subjectsOf('SQLite', sqlite)),
    ...(postgres === undefined ? [] : await subjectsOf('PostgreSQL', postgres)),
  ];
  const windows = await takeTurns(subjects, rounds);
  for (const [index, { name }] of subjects.entries()) {
    process.stdout.write(`${report(name, windows[index] ?? [], windows[0] ?? [])}\n`);
  }
  for (const { generator } of subjects) await generator.close();
  for (const server of [bare, sqlite, postgres]) await server?.close();
  await database?.stop();
}

await main();
