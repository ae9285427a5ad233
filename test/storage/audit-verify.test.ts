import { generateKeyPairSync } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chainLine, emptyChain, signCheckpoint, type ChainHead } from '../../src/crypto/record-chain.ts';
import { membersOf } from '../../src/storage/audit-lines.ts';
import { verifyAuditLog, type AuditReport, type AuditVerifyOptions } from '../../src/storage/audit-verify.ts';
import { auditEvent, checkpointKey, checkpointPublicKey } from './audit-fixtures.ts';

interface Log {
  lines: Buffer[];
  heads: ChainHead[];
}

/** A log of `count` records of which those numbered in `checkpoints` are checkpoints; `edit` changes an event's name. */
function makeLog(count: number, checkpoints: readonly number[] = [], edit: (seq: number) => string = String): Log {
  const log: Log = { lines: [], heads: [] };
  let head = emptyChain;
  for (let seq = 1; seq <= count; seq += 1) {
    const members = checkpoints.includes(seq)
      ? membersOf('checkpoint', seq, JSON.stringify(signCheckpoint(checkpointKey, head)))
      : membersOf('event', seq, JSON.stringify(auditEvent({ requestId: edit(seq) })));
    const next = chainLine(head, members);
    head = next.head;
    log.lines.push(Buffer.from(next.line));
    log.heads.push(head);
  }
  return log;
}

const log = makeLog(12, [5, 10]);
const [anchor] = log.heads.slice(-1);
if (anchor === undefined) throw new Error('the log is empty');
const options: AuditVerifyOptions = { checkpointKey: checkpointPublicKey, anchor };
const verify = (lines: readonly Buffer[], more: AuditVerifyOptions = {}): Promise<AuditReport> =>
  verifyAuditLog(lines, { ...options, ...more });
const index = fc.nat(log.lines.length - 1);

describe('verification of the audit log', () => {
  it('finds nothing in a log that is as it was written, and names its last checkpoint', async () => {
    const report = await verify(log.lines);
    expect(report).toMatchObject({ ok: true, records: 12, head: anchor, checkpoint: { seq: 9 } });
    expect(await verifyAuditLog([])).toMatchObject({ ok: true, records: 0, head: emptyChain });
  });

  it('H1: names the record of which any byte was changed', async () => {
    const property = fc.asyncProperty(index, fc.nat(), fc.integer({ min: 1, max: 255 }), async (at, position, mask) => {
      const lines = log.lines.map((line) => Buffer.from(line));
      const line = lines[at] ?? Buffer.alloc(0);
      const byte = position % line.length;
      line.writeUInt8(line.readUInt8(byte) ^ mask, byte);
      // As from a file: a changed line feed joins two lines, and a new one splits a line.
      const report = await verify(splitLines(Buffer.concat(lines)));
      expect(report.problem).toMatchObject({ seq: at + 1, line: at + 1 });
    });
    await fc.assert(property, { numRuns: 300 });
  });

  it('H1: names the record that was deleted, also the last one', async () => {
    for (const at of log.lines.keys()) {
      const report = await verify(log.lines.toSpliced(at, 1));
      const kind = at === 11 ? 'truncated' : 'missing';
      expect(report.problem).toMatchObject({ kind, seq: at + 1, line: at + 1 });
    }
  });

  it('H1: names the first of two records that changed places', async () => {
    await fc.assert(
      fc.asyncProperty(index, index, async (left, right) => {
        fc.pre(left < right);
        const lines = [...log.lines];
        [lines[left], lines[right]] = [log.lines[right] ?? Buffer.alloc(0), log.lines[left] ?? Buffer.alloc(0)];
        expect((await verify(lines)).problem).toMatchObject({ kind: 'missing', seq: left + 1 });
      }),
    );
  });

  it('H1: names a record that stands there twice', async () => {
    const report = await verify(log.lines.toSpliced(4, 0, log.lines[3] ?? Buffer.alloc(0)));
    expect(report.problem).toMatchObject({ kind: 'out-of-order', seq: 5 });
  });

  it('H1: names the first record that is missing when the tail was cut off, at a record or within one', async () => {
    const whole = Buffer.concat(log.lines);
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), async (length) => {
        const lines = splitLines(whole.subarray(0, length));
        const complete = lines.filter((line) => line.at(-1) === 10).length;
        const report = await verify(lines);
        expect(report.problem).toMatchObject({ seq: complete + 1 });
        expect(report.problem?.kind).toBe(complete === lines.length ? 'truncated' : 'malformed');
      }),
    );
  });

  it('H1: names the checkpoint that does not fit when a record was edited and all hashes made anew', async () => {
    const forged = makeForgery((seq) => (seq === 7 ? 'forged' : String(seq)));
    const report = await verifyAuditLog(forged, { checkpointKey: checkpointPublicKey });
    expect(report.problem).toMatchObject({ kind: 'bad-checkpoint', seq: 10 });
    expect(report.problem?.message).toContain('one of 5 to 9 was rewritten');
  });

  it('H1: names the anchored record when everything after the last checkpoint was made anew', async () => {
    const rewritten = makeLog(12, [5, 10], (seq) => (seq === 11 ? 'forged' : String(seq)));
    expect((await verifyAuditLog(rewritten.lines, { checkpointKey: checkpointPublicKey })).ok).toBe(true);
    expect((await verify(rewritten.lines)).problem).toMatchObject({ kind: 'edited', seq: 12 });
  });

  it('H1: names the record that was replaced by another one with a hash of its own', async () => {
    const other = makeLog(12, [5, 10], (seq) => (seq === 7 ? 'forged' : String(seq)));
    const lines = log.lines.with(6, other.lines[6] ?? Buffer.alloc(0));
    expect((await verify(lines)).problem).toMatchObject({ kind: 'edited', seq: 7 });
  });

  it('refuses checkpoints of another key', async () => {
    const { publicKey } = generateKeyPairSync('ed25519');
    expect((await verify(log.lines, { checkpointKey: publicKey })).problem).toMatchObject({
      kind: 'bad-checkpoint',
      seq: 5,
    });
  });

  it('can begin after records that were archived, and then insists on the record before', async () => {
    const from = log.heads[2];
    if (from === undefined) throw new Error('the log is empty');
    expect(await verify(log.lines.slice(3), { from })).toMatchObject({ ok: true, records: 9 });
    expect((await verify(log.lines.slice(3))).problem).toMatchObject({ kind: 'missing', seq: 1 });
    const wrong = { ...from, hash: 'f'.repeat(64) };
    expect((await verify(log.lines.slice(3), { from: wrong })).problem).toMatchObject({ kind: 'edited', seq: 3 });
  });

  it('says when more records than allowed follow the last checkpoint', async () => {
    expect((await verify(log.lines, { maxUncovered: 2 })).ok).toBe(true);
    expect((await verify(log.lines, { maxUncovered: 1 })).problem).toMatchObject({ kind: 'uncovered', seq: 11 });
  });
});

/** What someone without the key can do: edit, hash everything anew, and leave the checkpoints as they are. */
function makeForgery(edit: (seq: number) => string): Buffer[] {
  let head = emptyChain;
  return log.lines.map((line, at) => {
    const seq = at + 1;
    const record = JSON.parse(line.toString()) as { kind: 'event' | 'checkpoint'; checkpoint?: unknown };
    const body = record.kind === 'event' ? auditEvent({ requestId: edit(seq) }) : record.checkpoint;
    const next = chainLine(head, membersOf(record.kind, seq, JSON.stringify(body)));
    head = next.head;
    return Buffer.from(next.line);
  });
}

function splitLines(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let start = 0; start < bytes.length;) {
    const end = bytes.indexOf(10, start);
    const next = end === -1 ? bytes.length : end + 1;
    lines.push(bytes.subarray(start, next));
    start = next;
  }
  return lines;
}
