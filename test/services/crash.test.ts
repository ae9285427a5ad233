import { createPublicKey } from 'node:crypto';
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
import { makeKmsHome, startKmsProcess, type KmsHome } from '../support/kms-process.ts';
import { startPostgres, type PostgresServer } from './postgres-server.ts';

/** `KAAP_CRASH_ROUNDS=100` is the long run. */
const rounds = Number(process.env['KAAP_CRASH_ROUNDS'] ?? 3);
const writesPerRound = 100;
const writers = 4;

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

/** Kills the process once enough was acknowledged, starts it again, and returns what is not as it was acknowledged. */
async function crashOnce(home: KmsHome, writes: AcknowledgedWrites, round: number): Promise<string[]> {
  const kms = await startKmsProcess(home);
  const enough = writes.requestIds.length + writesPerRound;
  const names = Array.from({ length: writers }, (_, writer) => `${round}-${writer}`);
  const writing = Promise.all(names.map((name) => writes.writeUntilGone(kms.client, name)));
  while (writes.requestIds.length < enough && writes.surprises.length === 0) await sleep(1);
  await kms.end('SIGKILL');
  await writing;
  const again = await startKmsProcess(home);
  const audit = await verify(home);
  const lost = await writes.takeLost(again.client);
  await again.end('SIGKILL');
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
      for (let round = 0; round < rounds; round += 1) {
        expect(await crashOnce(home, writes, round), `round ${round}`).toEqual([]);
        expect(writes.surprises).toEqual([]);
      }
      const last = await startKmsProcess(home);
      expect(await halfWritten(last.client)).toEqual([]);
      await last.end('SIGTERM');
      const audit = await verify(home);
      expect(audit).toMatchObject({ ok: true });
      const audited = await auditedIds(home);
      expect(writes.requestIds.filter((id) => !audited.has(id))).toEqual([]);
      expect(writes.requestIds.length).toBeGreaterThanOrEqual(rounds * writesPerRound);
      process.stdout.write(
        `${kind}: ${2 * rounds} kills, ${writes.requestIds.length} acknowledged, ${audit.records} audit records\n`,
      );
      await rm(folder, { recursive: true });
    },
    60_000 + rounds * 20_000,
  );
});
