import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPostgres } from '../../test/services/postgres-server.ts';
import { startServerProcess, type ServerProcess } from './server-process.ts';

/** Two `kms` processes on one PostgreSQL of their own. */
export interface Replicas {
  first: ServerProcess;
  second: ServerProcess;
  close(): Promise<void>;
}

export async function startReplicas(): Promise<Replicas> {
  const database = await startPostgres();
  const folder = await mkdtemp(join(tmpdir(), 'kaap-bench-'));
  const environment = { KAAP_DATABASE_URL: database.url, KAAP_SEAL_FILE: join(folder, 'seal.key') };
  const start = (name: string, more: object = {}): Promise<ServerProcess> =>
    startServerProcess({ kind: 'kms', environment: { ...environment, KAAP_REPLICA: name }, ...more });
  const first = await start('one');
  const root = { AccessKeyId: first.accessKeyId, AccessKeySecret: first.accessKeySecret };
  const second = await start('two', { root });
  return {
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
