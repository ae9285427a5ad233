import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { postgresFolder } from '../../tools/cluster/debian.ts';

/** A PostgreSQL server of this test's own, on a Unix socket in a temporary folder. */
export interface PostgresServer {
  /** Connects as the superuser; such as `postgresql://postgres@/postgres?host=%2Ftmp%2F…`. */
  readonly url: string;
  /** Kills the server as a power cut would, and starts it again on the same data. */
  crash(): Promise<void>;
  stop(): Promise<void>;
}

const startTimeoutMs = 20_000;

/** PostgreSQL does not run as root: it runs as the user that Debian's package made. */
function account(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const fields = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((line) => line.startsWith('postgres:'))
    ?.split(':');
  return { uid: Number(fields?.[2]), gid: Number(fields?.[3]) };
}

/** Has the server listen on 127.0.0.1 too, by TLS alone. */
export interface PostgresTls {
  port: number;
  certPem: string;
  keyPem: string;
}

/** Starts a server with new data. Durable commits stay on: crashes are part of what is tested. */
export async function startPostgres(tls?: PostgresTls): Promise<PostgresServer> {
  const bin = postgresFolder() ?? '';
  const folder = mkdtempSync(join(tmpdir(), 'kaap-pg-'));
  const user = account();
  if (user.uid !== undefined && user.gid !== undefined) chownSync(folder, user.uid, user.gid);
  const data = join(folder, 'data');
  execFileSync(join(bin, 'initdb'), ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync'], {
    ...user,
    cwd: folder,
    stdio: 'ignore',
  });
  const more = tls === undefined ? ['-c', 'listen_addresses='] : tlsSettings(tls, data, user);
  const start = (): Promise<ChildProcess> => launch(join(bin, 'postgres'), { data, folder, user, more });
  let server = await start();
  return {
    url: `postgresql://postgres@/postgres?host=${encodeURIComponent(folder)}&port=${tls?.port ?? 5432}`,
    crash: async () => {
      await end(server, 'SIGQUIT');
      server = await start();
    },
    stop: async () => {
      await end(server, 'SIGINT');
      rmSync(folder, { recursive: true, maxRetries: 5 });
    },
  };
}

interface Launch {
  readonly data: string;
  readonly folder: string;
  readonly user: { uid?: number; gid?: number };
  /** Further settings of the command line. */
  readonly more: readonly string[];
}

/** Writes certificate and key as the server wants them, and refuses whoever comes over TCP without TLS. */
function tlsSettings(tls: PostgresTls, data: string, { uid, gid }: Launch['user']): string[] {
  const files = { 'server.crt': tls.certPem, 'server.key': tls.keyPem };
  for (const [name, pem] of Object.entries(files)) {
    writeFileSync(join(data, name), pem, { mode: 0o600 });
    if (uid !== undefined && gid !== undefined) chownSync(join(data, name), uid, gid);
  }
  writeFileSync(join(data, 'pg_hba.conf'), 'local all all trust\nhostssl all all 127.0.0.1/32 trust\n');
  return ['-c', 'listen_addresses=127.0.0.1', '-c', `port=${tls.port}`, '-c', 'ssl=on'];
}

async function launch(program: string, { data, folder, user, more }: Launch): Promise<ChildProcess> {
  const args = ['-D', data, '-k', folder, '-c', 'log_min_messages=error', ...more];
  const server = spawn(program, args, { ...user, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  let output = '';
  server.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const deadline = Date.now() + startTimeoutMs;
  while (Date.now() < deadline && server.exitCode === null) {
    if (isReady(data)) return server;
    await sleep(20);
  }
  server.kill('SIGKILL');
  throw new Error(`PostgreSQL did not start: ${output}`);
}

/** PostgreSQL writes `ready` into the last line of this file once it takes connections. */
function isReady(data: string): boolean {
  try {
    return readFileSync(join(data, 'postmaster.pid'), 'utf8').trimEnd().endsWith('ready');
  } catch {
    return false;
  }
}

function end(server: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (server.exitCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    server.once('exit', () => resolve());
    server.kill(signal);
  });
}
