import { createPublicKey, randomInt } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { queryAuditLog } from '../../src/storage/audit-query.ts';
import { readAuditLines } from '../../src/storage/audit-segments.ts';
import { verifyAuditLog, type AuditReport } from '../../src/storage/audit-verify.ts';
import { readFileAnchor } from '../../src/storage/file-anchor.ts';
import { AcknowledgedWrites, halfWritten } from '../support/acknowledged-writes.ts';
import { makeKmsHome, startKmsProcess, type KmsHome, type KmsProcess } from '../support/kms-process.ts';
import { startPostgres, type PostgresServer } from './postgres-server.ts';

/** `KAAP_CRASH_ROUNDS=100 KAAP_CRASH_WRITES=10000` is the long run. */
const rounds = Number(process.env['KAAP_CRASH_ROUNDS'] ?? 6);
/** Mixed writes that each round starts; the process is killed after one of them, any as likely as any other. */
const writesPerRound = Number(process.env['KAAP_CRASH_WRITES'] ?? 200);
const writers = 16;

let database: PostgresServer;
beforeAll(async () => {
  database = await startPostgres();
});
afterAll(() => database.stop());

async function verify({ dataDir }: KmsHome): Promise<AuditReport> {
  const checkpointKey = createPublicKey(await readFile(join(dataDir, 'audit-checkpoint.pem')));
  const anchor = await readFileAnchor(join(dataDir, 'audit-anchor.json'));
  return verifyAuditLog(readAuditLines(join(dataDir, 'audit')), { checkpointKey, ...(anchor && { anchor }) });
}

/** Kills the process once that much was acknowledged in this round, and starts it again. */
async function crashOnce(home: KmsHome, kms: KmsProcess, { writes, name, killAfter }: Round): Promise<KmsProcess> {
  const enough = writes.writes + killAfter;
  const names = Array.from({ length: writers }, (_, writer) => `${name}-${writer}`);
  const writing = Promise.all(names.map((writer) => writes.writeUntilGone(kms.client, writer)));
  while (writes.writes < enough && writes.surprises.length === 0) await sleep(1);
  await kms.end('SIGKILL');
  await writing;
  return startKmsProcess(home);
}

interface Round {
  writes: AcknowledgedWrites;
  name: number;
  /** Acknowledged writes of this round. */
  killAfter: number;
}

/** What is not as it was acknowledged. */
async function faultsOf(home: KmsHome, kms: KmsProcess, writes: AcknowledgedWrites): Promise<string[]> {
  const lost = await writes.takeLost(kms.client);
  const audit = await verify(home);
  return audit.ok ? lost : [...lost, `audit log: ${audit.problem?.message}`];
}

async function auditedIds({ dataDir }: KmsHome): Promise<Set<string>> {
  const ids = new Set<string>();
  for await (const { event } of queryAuditLog(readAuditLines(join(dataDir, 'audit')), { outcome: 'OK' })) {
    ids.add(event.requestId);
  }
  return ids;
}

describe('kms, killed with SIGKILL in the middle of mixed writes over HTTPS', () => {
  it.each(['SQLite', 'PostgreSQL'])(
    'has every acknowledged write, nothing by halves, and a record of each in an unbroken audit log, on %s',
    async (kind) => {
      const folder = await mkdtemp(join(tmpdir(), 'kaap-crash-'));
      const home = await makeKmsHome(folder, kind === 'PostgreSQL' ? { KAAP_DATABASE_URL: database.url } : {});
      const writes = new AcknowledgedWrites();
      let expected = 0;
      let kms = await startKmsProcess(home);
      for (let name = 0; name < rounds; name += 1) {
        const killAfter = randomInt(writesPerRound) + 1;
        kms = await crashOnce(home, kms, { writes, name, killAfter });
        expect(await faultsOf(home, kms, writes), `round ${name}, killed after ${killAfter} writes`).toEqual([]);
        expect(writes.surprises).toEqual([]);
        expected += killAfter;
      }
      expect(await halfWritten(kms.client)).toEqual([]);
      await kms.end('SIGTERM');
      const audit = await verify(home);
      expect(audit).toMatchObject({ ok: true });
      const audited = await auditedIds(home);
      expect(writes.requestIds.filter((id) => !audited.has(id))).toEqual([]);
      expect(writes.writes).toBeGreaterThanOrEqual(expected);
      process.stdout.write(
        `${kind}: ${rounds} kills, ${writes.writes} acknowledged writes, ${audit.records} audit records\n`,
      );
      await rm(folder, { recursive: true });
    },
    60_000 + rounds * (20_000 + writesPerRound * 20),
  );
});
