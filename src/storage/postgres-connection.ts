import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { Client, Pool, type ClientConfig, type QueryResult } from 'pg';
import { ApiError } from '../lib/errors.ts';

/** Where the database is, and how long it may take. */
export interface PostgresOptions {
  /**
   * `postgresql://user:password@host:port/database`; a host that is a folder (`?host=/run/postgresql`) is a Unix socket.
   * `sslmode` is `verify-full` (the default over TCP) or, for a server on this machine, `disable`; `sslrootcert` names a
   * file with the authorities.
   */
  url: string;
  /** Connections for reads and commits; 8 unless given. One more listens for changes. */
  poolSize?: number;
  /** Milliseconds for one statement; 5000 unless given. */
  statementTimeoutMs?: number;
  /** Milliseconds to get a connection; 5000 unless given. */
  connectTimeoutMs?: number;
  /** Schema of the tables, made when missing; `kaap` unless given. */
  schema?: string;
  /** Whether a commit is answered only once it is durable; it is unless this is `false`. */
  durable?: boolean;
}

/** The settings of a connection, TLS decided. Throws when the URL asks for TLS that would not be verified. */
export function clientConfig(options: PostgresOptions): ClientConfig & { pipeline?: boolean } {
  const { statementTimeoutMs = 5000, connectTimeoutMs = 5000, schema = 'kaap', durable = true } = options;
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(schema)) throw new Error('A schema has lower-case letters, digits and _ only.');
  const url = parseUrl(options.url);
  const ssl = tlsOf(url);
  for (const name of ['sslmode', 'sslrootcert']) url.searchParams.delete(name);
  return {
    connectionString: url.href.replace('postgresql://kaap-socket', 'postgresql://'),
    ssl,
    application_name: 'kaap-kms',
    keepAlive: true,
    connectionTimeoutMillis: connectTimeoutMs,
    statement_timeout: statementTimeoutMs,
    lock_timeout: statementTimeoutMs,
    idle_in_transaction_session_timeout: 2 * statementTimeoutMs,
    // A server that does not answer at all: the connection is given up.
    query_timeout: 2 * statementTimeoutMs,
    options: `-c search_path=${schema} -c synchronous_commit=${durable ? 'on' : 'off'}`,
  };
}

/** `URL` knows no authority without a host, which is how a Unix socket is written: it gets one for the while. */
function parseUrl(text: string): URL {
  try {
    return new URL(text.replace(/^postgres(?:ql)?:\/\/([^/@]*@)?(?=\/)/, 'postgresql://$1kaap-socket'));
  } catch {
    throw new Error('The database URL is malformed. Write postgresql://user:password@host:5432/database.');
  }
}

/** Hosts to which nobody can listen in, as `URL` spells them. */
const loopbackHosts: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]', '::1']);

function tlsOf(url: URL): ConnectionOptions | false {
  const host = url.searchParams.get('host') ?? url.hostname;
  if (host.startsWith('/') || host.startsWith('%2F')) return false;
  const mode = url.searchParams.get('sslmode') ?? 'verify-full';
  if (mode === 'disable' && loopbackHosts.has(host)) return false;
  if (mode !== 'verify-full') {
    throw new Error(`sslmode=${mode} does not verify the server. Write sslmode=verify-full, with sslrootcert=<file>.`);
  }
  const file = url.searchParams.get('sslrootcert');
  return { rejectUnauthorized: true, minVersion: 'TLSv1.2', ...(file !== null && { ca: readFileSync(file, 'utf8') }) };
}

/**
 * Makes the pool. Each new connection is refused when its server is a standby: what it shows may be behind, and a key
 * that was disabled would still work there.
 */
export function createPool(options: PostgresOptions): Pool {
  const pool = new Pool({
    ...clientConfig(options),
    max: options.poolSize ?? 8,
    idleTimeoutMillis: 30_000,
    allowExitOnIdle: true,
    verify: (client, done) => {
      client.query(standbyQuery, (error: Error | null, result?: QueryResult<StandbyRow>) => {
        done(error ?? standbyProblem(result?.rows));
      });
    },
  });
  // A connection that breaks while idle is replaced at the next use; one that breaks in use fails what uses it. Without
  // a listener either would end the process.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}

/** A connection of its own, to listen on. */
export async function connectListener(options: PostgresOptions): Promise<Client> {
  const client = new Client(clientConfig(options));
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query<StandbyRow>(standbyQuery);
    const problem = standbyProblem(rows);
    if (problem !== undefined) throw problem;
    return client;
  } catch (error) {
    await client.end().catch(() => undefined);
    throw error;
  }
}

interface StandbyRow {
  standby: boolean;
}

const standbyQuery = 'SELECT pg_is_in_recovery() AS standby';

function standbyProblem(rows: readonly StandbyRow[] | undefined): Error | undefined {
  if (rows?.[0]?.standby === false) return undefined;
  return new Error('The database server is a standby. Connect to the primary.');
}

/** What a caller hears when the database cannot be asked: nothing of what the database said. */
export function databaseUnavailable(cause: unknown): ApiError {
  const message = 'The database cannot be reached or does not answer in time. Try again.';
  return new ApiError('ServiceUnavailableTemporary', message, { cause });
}
