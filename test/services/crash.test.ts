import { createPublicKey, randomInt } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { queryAuditLog } from '../../src/storage/audit-query.ts';
import { readAuditLines } from '../../src/storage/audit-segments.ts';
import { verifyAuditLog, type AuditReport } from '../../src/storage/audit-verify.ts';
import { readFileAnchor } from '../../src/storage/file-anchor.ts';
import { AcknowledgedWrites, halfWritten } from '../support/acknowledged-writes.ts';
import { makeKmsHome, startKmsProcess, type KmsHome, type KmsProcess } from '../support/kms-process.ts';
import { startPostgres, type PostgresServer } from './postgres-server.ts';
import { SmallDisk } from './small-disk.ts';

/** `KAAP_CRASH_ROUNDS=100 KAAP_CRASH_WRITES=10000` is the long run. */
const rounds = Number(process.env['KAAP_CRASH_ROUNDS'] ?? 6);
/** Mixed writes that each round starts; the process is killed after one of them, any as likely as any other. */
const writesPerRound = Number(process.env['KAAP_CRASH_WRITES'] ?? 200);
const writers = 16;
/** Enough for what the rounds leave, audit log included: some 2 KiB for each call. */
const diskMebibytes = 16 + Math.ceil((rounds * writesPerRound) / 250);

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

/** What happens to a process that is being written to. Resolves when it is gone, and may be started again. */
type Blow = (kms: KmsProcess, writing: Promise<unknown>) => Promise<void>;

const kill: Blow = (kms) => kms.end('SIGKILL');

/** Leaves no space, kills the process while it writes or when it has refused every writer, and gives the space back. */
function killOnFull(disk: SmallDisk): Blow {
  return async (kms, writing) => {
    const filler = await disk.fill();
    if (randomInt(2) === 1) await writing;
    await kms.end('SIGKILL');
    await rm(filler);
  };
}

/** Lets writers write, and strikes once that much of it was acknowledged. */
async function strike(kms: KmsProcess, { writes, name, after, blow }: Round): Promise<void> {
  const enough = writes.writes + after;
  const names = Array.from({ length: writers }, (_, writer) => `${name}-${writer}`);
  const writing = Promise.all(names.map((writer) => writes.writeUntilGone(kms.client, writer)));
  while (writes.writes < enough && writes.surprises.length === 0) await sleep(1);
  await blow(kms, writing);
  await writing;
}

interface Round {
  writes: AcknowledgedWrites;
  name: number;
  /** Acknowledged writes of this round. */
  after: number;
  blow: Blow;
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

/** Round after round; then looks at everything once more. Gives what it did in a line. */
async function endure(home: KmsHome, blow: Blow, explained?: readonly string[]): Promise<string> {
  const writes = new AcknowledgedWrites(explained);
  let expected = 0;
  let kms = await startKmsProcess(home);
  for (let name = 0; name < rounds; name += 1) {
    const after = randomInt(writesPerRound) + 1;
    await strike(kms, { writes, name, after, blow });
    kms = await startKmsProcess(home);
    expect(await faultsOf(home, kms, writes), `round ${name}, after ${after} writes`).toEqual([]);
    expect(writes.surprises).toEqual([]);
    expected += after;
  }
  expect(await halfWritten(kms.client)).toEqual([]);
  await kms.end('SIGTERM');
  const audit = await verify(home);
  expect(audit).toMatchObject({ ok: true });
  const audited = await auditedIds(home);
  expect(writes.requestIds.filter((id) => !audited.has(id))).toEqual([]);
  expect(writes.writes).toBeGreaterThanOrEqual(expected);
  return `${rounds} kills, ${writes.writes} acknowledged writes, ${audit.records} audit records\n`;
}

const timeoutMs = 60_000 + rounds * (20_000 + writesPerRound * 20);

describe('kms, killed with SIGKILL in the middle of mixed writes over HTTPS', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kaap-crash-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it.each(['SQLite', 'PostgreSQL'])(
    'has every acknowledged write, nothing by halves, and a record of each in an unbroken audit log, on %s',
    async (kind) => {
      const home = await makeKmsHome(folder, kind === 'PostgreSQL' ? { KAAP_DATABASE_URL: database.url } : {});
      process.stdout.write(`${kind}: ${await endure(home, kill)}`);
    },
    timeoutMs,
  );

  it.skipIf(process.getuid?.() !== 0)(
    'has all of that, too, when its disk was full at that time (needs root, to mount one)',
    async () => {
      const disk = new SmallDisk(join(folder, 'disk'), diskMebibytes);
      try {
        const home = await makeKmsHome(folder, { KAAP_DATA_DIR: join(disk.path, 'data') });
        const refused = ['ConnectionFailed', 'ServiceUnavailableTemporary'];
        process.stdout.write(`full disk: ${await endure(home, killOnFull(disk), refused)}`);
      } finally {
        disk.unmount();
      }
    },
    timeoutMs,
  );
});
