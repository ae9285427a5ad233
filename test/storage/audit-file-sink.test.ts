import { appendFile, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Checkpoint } from '../../src/crypto/record-chain.ts';
import { ManualClock } from '../../src/lib/clock.ts';
import { isApiError } from '../../src/lib/errors.ts';
import { openAuditFileSink, type AuditFileSink, type AuditFileSinkOptions } from '../../src/storage/audit-file-sink.ts';
import { queryAuditLog } from '../../src/storage/audit-query.ts';
import { AuditLogDamagedError } from '../../src/storage/audit-recovery.ts';
import { listSegments, openSegmentFile, readAuditLines, type OpenSegment } from '../../src/storage/audit-segments.ts';
import { verifyAuditLog } from '../../src/storage/audit-verify.ts';
import { openFileAnchor } from '../../src/storage/file-anchor.ts';
import { auditEvent, checkpointKey, checkpointPublicKey, collect, linesOf } from './audit-fixtures.ts';
import { temporaryDirectory } from './temporary-directory.ts';

let temporary: Awaited<ReturnType<typeof temporaryDirectory>>;
let directory: string;
beforeEach(async () => {
  temporary = await temporaryDirectory();
  directory = join(temporary.path, 'audit');
});
afterEach(() => temporary.remove());

const open = (more: Partial<AuditFileSinkOptions> = {}): Promise<AuditFileSink> =>
  openAuditFileSink({ directory, checkpointKey, checkpointIntervalMs: 60_000, ...more });
const verify = (anchor?: Checkpoint): ReturnType<typeof verifyAuditLog> =>
  verifyAuditLog(readAuditLines(directory), { checkpointKey: checkpointPublicKey, ...(anchor && { anchor }) });

async function appendAll(sink: AuditFileSink, count: number): Promise<void> {
  await Promise.all(Array.from({ length: count }, (_, index) => sink.append(auditEvent({ requestId: `r${index}` }))));
}

async function lastSegment(): Promise<string> {
  const path = (await listSegments(directory)).at(-1)?.path;
  if (path === undefined) throw new Error('there is no segment');
  return path;
}

describe('the audit log in files', () => {
  it('has a record on disk when append resolves, with the times of both clocks', async () => {
    const sink = await open({ clock: new ManualClock(1234) });
    await sink.append(auditEvent({ action: 'CreateKey' }));
    const records = await collect(queryAuditLog(readAuditLines(directory)));
    expect(records).toEqual([{ seq: 1, recordedAt: 1234, event: auditEvent({ action: 'CreateKey' }) }]);
    expect(sink.head.seq).toBe(1);
    await sink.close();
  });

  it('keeps records in the order of their appends, in a chain that verifies, over restarts', async () => {
    for (let run = 0; run < 3; run += 1) {
      const sink = await open();
      await appendAll(sink, 50);
      await sink.close();
    }
    const report = await verify();
    expect(report).toMatchObject({ ok: true, records: 153, head: { seq: 153 }, checkpoint: { seq: 152 } });
    const ids = (await collect(queryAuditLog(readAuditLines(directory)))).map(({ event }) => event.requestId);
    const run = Array.from({ length: 50 }, (_, index) => `r${index}`);
    expect(ids).toEqual([...run, ...run, ...run]);
  });

  it('syncs records together that arrive while others are made durable', async () => {
    let syncs = 0;
    const sink = await open({ openSegment: spyOnSync(() => (syncs += 1)) });
    await appendAll(sink, 500);
    expect(syncs).toBeLessThan(5);
    await sink.close();
  });

  it('E9: is readable by its owner only', async () => {
    await (await open()).close();
    const sink = await open();
    await sink.append(auditEvent());
    await sink.close();
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    expect((await stat(await lastSegment())).mode & 0o777).toBe(0o600);
  });

  it('goes on in a new segment when one is full, with one chain over all of them', async () => {
    const sink = await open({ segmentBytes: 2000, checkpointRecords: 10 });
    for (let index = 0; index < 30; index += 1) await sink.append(auditEvent());
    await sink.close();
    const again = await open({ segmentBytes: 2000 });
    await again.append(auditEvent());
    await again.close();
    expect((await listSegments(directory)).length).toBeGreaterThan(5);
    expect(await verify()).toMatchObject({ ok: true });
  });

  it('signs a checkpoint every so many records, after a time, and at the end, and hands each to the anchor', async () => {
    const anchored: Checkpoint[] = [];
    const anchor = (checkpoint: Checkpoint): void => void anchored.push(checkpoint);
    const sink = await open({ checkpointRecords: 10, checkpointIntervalMs: 20, anchor });
    await appendAll(sink, 10);
    expect(anchored.map(({ seq }) => seq)).toEqual([10]);
    await sink.append(auditEvent());
    await expect.poll(() => anchored.map(({ seq }) => seq)).toEqual([10, 12]);
    await sink.append(auditEvent());
    await sink.close();
    expect(anchored.at(-1)?.seq).toBe(14);
    expect(await verify(anchored.at(-1))).toMatchObject({ ok: true });
  });

  it('H2: no text of a caller can end a line or take the place of a member', async () => {
    const forged = 'x\n{"seq":1,"recordedAt":1,"kind":"event"}\r\n\u2028\u0000\u001b[2J","outcome":"OK","prevHash":"';
    const sink = await open();
    const text = fc.string({ unit: 'binary' });
    let appended = 0;
    const property = fc.asyncProperty(fc.oneof(text, fc.constant(forged)), async (hostile) => {
      appended += 1;
      await sink.append(
        auditEvent({ userAgent: hostile, principal: hostile, resources: [hostile], outcome: 'Denied' }),
      );
      const lines = await linesOf(directory);
      expect(lines).toHaveLength(appended);
      const record = JSON.parse(lines.at(-1)?.toString() ?? '') as Record<string, unknown>;
      const event = auditEvent({ userAgent: hostile, principal: hostile, resources: [hostile], outcome: 'Denied' });
      expect(record).toMatchObject({ seq: appended, kind: 'event', event });
      expect(Object.keys(record)).toEqual(['seq', 'recordedAt', 'kind', 'event', 'prevHash', 'hash']);
    });
    await fc.assert(property, { numRuns: 30, examples: [[forged]] });
    await sink.close();
    expect(await verify()).toMatchObject({ ok: true });
  });

  it('is written by one process at a time', async () => {
    const sink = await open();
    await expect(open()).rejects.toThrow('Another process writes the audit log');
    await sink.close();
    await (await open()).close();
  });

  it('refuses records after it was closed, and has those that were under way', async () => {
    const sink = await open();
    const pending = appendAll(sink, 10);
    await sink.close();
    await pending;
    await expect(sink.append(auditEvent())).rejects.toThrow('closed');
    expect(await collect(queryAuditLog(readAuditLines(directory)))).toHaveLength(10);
  });
});

describe('a failing disk', () => {
  it('H3: refuses requests while the disk is full, loses nothing that was acknowledged, and goes on when it works', async () => {
    let full = false;
    const sink = await open({ openSegment: failing(() => full) });
    await sink.append(auditEvent({ requestId: 'before' }));
    full = true;
    for (let tries = 0; tries < 3; tries += 1) {
      const error: unknown = await sink.append(auditEvent({ requestId: 'during' })).catch((thrown: unknown) => thrown);
      expect(isApiError(error, 'ServiceUnavailableTemporary')).toBe(true);
      expect(sink.healthy).toBe(false);
    }
    full = false;
    await sink.append(auditEvent({ requestId: 'x' }));
    expect(sink.healthy).toBe(true);
    await sink.close();
    const ids = (await collect(queryAuditLog(readAuditLines(directory)))).map(({ event }) => event.requestId);
    expect(ids).toEqual(['before', 'x']);
    expect(await verify()).toMatchObject({ ok: true });
  });

  it('H3: leaves nothing of a record in the log that could be written but not synced', async () => {
    let broken = true;
    const openSegment: OpenSegment = async (path) => {
      const file = await openSegmentFile(path);
      const datasync = file.datasync.bind(file);
      file.datasync = () => (broken ? Promise.reject(new Error('input/output error')) : datasync());
      return file;
    };
    const sink = await open({ openSegment });
    await expect(sink.append(auditEvent({ userAgent: 'x'.repeat(5000) }))).rejects.toThrow('cannot be written now');
    broken = false;
    await sink.append(auditEvent({ requestId: 'short' }));
    await sink.close();
    // The event, the record of the outage, and the checkpoint.
    expect(await verify()).toMatchObject({ ok: true, records: 3 });
  });

  it('H3: says in the log from when the disk took nothing and how many requests were refused, without being asked again', async () => {
    let full = true;
    const clock = new ManualClock(5000);
    const sink = await open({ openSegment: failing(() => full), retryMs: 5, clock });
    await Promise.allSettled([sink.append(auditEvent()), sink.append(auditEvent())]);
    expect([sink.healthy, sink.accepts]).toEqual([false, false]);
    clock.advance(2000);
    full = false;
    await expect.poll(() => sink.healthy).toBe(true);
    await sink.close();
    const [line] = await linesOf(directory);
    const outage = { since: 5000, buffered: 0, refused: 2 };
    expect(JSON.parse(line?.toString() ?? '')).toMatchObject({ seq: 1, recordedAt: 7000, kind: 'outage', outage });
  });

  it('H3: refuses requests when more than the limit wait for a slow disk', async () => {
    const sink = await open({ queueLimit: 5 });
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => sink.append(auditEvent())));
    expect(results.map(({ status }) => status)).toEqual([...Array(5).fill('fulfilled'), ...Array(3).fill('rejected')]);
    await sink.close();
    expect(await collect(queryAuditLog(readAuditLines(directory)))).toHaveLength(5);
  });
});

describe('the start after a crash', () => {
  it('moves a torn last line aside, wherever it was torn, notes it in a record, and goes on', async () => {
    let tears = 0;
    const sink = await open();
    await appendAll(sink, 3);
    await sink.close();
    for (const torn of ['{', '{"seq":5,"recordedAt":1', '\0'.repeat(300), `garbage\n${'x'.repeat(50)}`, 'garbage\n']) {
      await appendFile(await lastSegment(), torn);
      const again = await open();
      await again.close();
      tears += 1;
      const asides = (await readdir(directory)).filter((name) => name.endsWith('.torn'));
      expect(asides).toHaveLength(tears);
      const recoveries = (await linesOf(directory)).filter((line) => line.includes('"kind":"recovery"'));
      expect(recoveries).toHaveLength(tears);
      const { recovery } = JSON.parse(recoveries.at(-1)?.toString() ?? '') as {
        recovery: { tornBytes: number; movedTo: string };
      };
      expect(recovery.tornBytes).toBe(torn.length);
      expect(await readFile(join(directory, recovery.movedTo), 'latin1')).toBe(torn);
      expect(await verify()).toMatchObject({ ok: true });
    }
  });

  it('goes on after a segment that was begun but has no record yet', async () => {
    const sink = await open({ segmentBytes: 1 });
    await sink.append(auditEvent());
    await sink.append(auditEvent());
    await sink.close();
    const { seq } = sink.head;
    await writeFile(join(directory, `audit-${String(seq + 1).padStart(16, '0')}.jsonl`), '{"seq":', { mode: 0o600 });
    const again = await open();
    await again.append(auditEvent());
    await again.close();
    expect(await verify()).toMatchObject({ ok: true });
  });

  it('H1: refuses to go on after a record that a checkpoint covers was edited', async () => {
    const sink = await open();
    await appendAll(sink, 5);
    await sink.close();
    const path = await lastSegment();
    const content = await readFile(path, 'utf8');
    await writeFile(path, content.replace('"r2"', '"r9"'));
    await expect(open()).rejects.toThrow(/Record 3 of the audit log was changed/);
    expect(await readFile(path, 'utf8')).toContain('"r9"');
  });

  it('H1: refuses to go on with a log that lacks what the anchor names', async () => {
    const anchor = await openFileAnchor(join(temporary.path, 'anchor.json'));
    const sink = await open({ anchor: anchor.anchor });
    await appendAll(sink, 5);
    await sink.close();
    await anchor.flush();
    const { last: anchored } = await openFileAnchor(join(temporary.path, 'anchor.json'));
    expect(anchored?.seq).toBe(5);
    await (await open({ anchored })).close();
    const lines = await linesOf(directory);
    await truncate(await lastSegment(), Buffer.concat(lines.slice(0, 3)).length);
    await expect(open({ anchored })).rejects.toThrow(/ends at record 3, but the anchor names record 5/);
    await expect(open({ anchored })).rejects.toThrow(AuditLogDamagedError);
    expect((await verify(anchored)).problem).toMatchObject({ kind: 'truncated', seq: 4 });
  });
});

describe('the anchor in a file', () => {
  it('keeps the last of many checkpoints, and refuses a damaged file', async () => {
    const path = join(temporary.path, 'anchor.json');
    const anchor = await openFileAnchor(path);
    expect(anchor.last).toBeUndefined();
    const checkpoints = [1, 2, 3].map((seq) => ({ seq, hash: 'a'.repeat(64), signature: 'AAAA' }));
    for (const checkpoint of checkpoints) anchor.anchor(checkpoint);
    await anchor.flush();
    expect((await openFileAnchor(path)).last).toEqual(checkpoints[2]);
    await writeFile(path, '{"seq":');
    await expect(openFileAnchor(path)).rejects.toThrow('is damaged');
  });
});

function spyOnSync(onSync: () => void): OpenSegment {
  return async (path) => {
    const file = await openSegmentFile(path);
    const datasync = file.datasync.bind(file);
    file.datasync = () => {
      onSync();
      return datasync();
    };
    return file;
  };
}

/** A disk that takes 20 bytes of a write and then no more, while `full` says so. */
function failing(full: () => boolean): OpenSegment {
  return async (path) => {
    const file = await openSegmentFile(path);
    return {
      datasync: () => file.datasync(),
      truncate: (size) => file.truncate(size),
      close: () => file.close(),
      write: (async (buffer: Buffer, offset: number, length: number, position: number) => {
        if (!full()) return file.write(buffer, offset, length, position);
        if (length < 100) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
        await file.write(buffer, offset, 20, position);
        throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
      }) as typeof file.write,
    };
  };
}
