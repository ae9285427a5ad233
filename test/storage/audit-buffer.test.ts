import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isApiError } from '../../src/lib/errors.ts';
import { openAuditFileSink, type AuditFileSink, type AuditFileSinkOptions } from '../../src/storage/audit-file-sink.ts';
import type { AuditLine } from '../../src/storage/audit-lines.ts';
import { queryAuditLog } from '../../src/storage/audit-query.ts';
import { openSegmentFile, readAuditLines, type OpenSegment } from '../../src/storage/audit-segments.ts';
import { verifyAuditLog } from '../../src/storage/audit-verify.ts';
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
  openAuditFileSink({
    directory,
    checkpointKey,
    checkpointIntervalMs: 60_000,
    retryMs: 5,
    buffer: { maxBytes: 2 ** 20, slowMs: 60_000 },
    ...more,
  });
const verify = (): ReturnType<typeof verifyAuditLog> =>
  verifyAuditLog(readAuditLines(directory), { checkpointKey: checkpointPublicKey });
const named = (requestId: string): ReturnType<typeof auditEvent> => auditEvent({ requestId });

/** A disk whose every write ends as `state` says. */
class Disk {
  state: 'works' | 'full' | 'hangs' = 'works';
  #release: (() => void) | undefined;

  readonly open: OpenSegment = async (path) => {
    const file = await openSegmentFile(path);
    const datasync = file.datasync.bind(file);
    const write = file.write.bind(file);
    // Nothing of a write reaches the file while the disk is full, so that the test may read it at any time.
    file.write = ((...args: Parameters<typeof file.write>) =>
      this.state === 'full'
        ? Promise.reject(Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }))
        : write(...args)) as typeof file.write;
    file.datasync = async () => {
      if (this.state === 'hangs') await new Promise<void>((resolve) => (this.#release = resolve));
      return datasync();
    };
    return file;
  };

  /** Ends the write that hangs. */
  release(): void {
    this.state = 'works';
    this.#release?.();
  }
}

async function idsInLog(): Promise<string[]> {
  return (await collect(queryAuditLog(readAuditLines(directory)))).map(({ event }) => event.requestId);
}

async function outages(): Promise<AuditLine[]> {
  const lines = (await linesOf(directory)).map((line) => JSON.parse(line.toString()) as AuditLine);
  return lines.filter(({ kind }) => kind === 'outage');
}

describe('the buffer of the audit log', () => {
  it('H3: answers while the disk is full, and writes in order what it kept once there is space, by itself', async () => {
    const disk = new Disk();
    const sink = await open({ openSegment: disk.open });
    await sink.append(named('before'));
    disk.state = 'full';
    for (let index = 0; index < 50; index += 1) await sink.append(named(`r${index}`));
    expect([sink.healthy, sink.accepts, sink.buffered]).toEqual([false, true, 50]);
    expect(await idsInLog()).not.toContain('r1');
    disk.state = 'works';
    await expect.poll(() => sink.healthy).toBe(true);
    expect(sink.buffered).toBe(0);
    await sink.append(named('after'));
    await sink.close();
    const kept = Array.from({ length: 50 }, (_, index) => `r${index}`);
    expect(await idsInLog()).toEqual(['before', ...kept, 'after']);
    expect(await outages()).toMatchObject([{ outage: { buffered: 50, refused: 0 } }]);
    expect(await verify()).toMatchObject({ ok: true });
  });

  it('H3: refuses what does not fit, says how many, and loses nothing that it took', async () => {
    const disk = new Disk();
    const bytes = Buffer.byteLength(JSON.stringify(named('r0')));
    const sink = await open({ openSegment: disk.open, buffer: { maxBytes: 5 * bytes, slowMs: 60_000 } });
    disk.state = 'full';
    const results = [];
    for (let index = 0; index < 9; index += 1) {
      results.push(await sink.append(named(`r${index}`)).then(String, (error: unknown) => error));
    }
    expect(results.map((result) => isApiError(result, 'ServiceUnavailableTemporary'))).toEqual([
      ...Array<boolean>(5).fill(false),
      ...Array<boolean>(4).fill(true),
    ]);
    expect(sink.accepts).toBe(false);
    disk.state = 'works';
    await expect.poll(() => sink.accepts).toBe(true);
    await sink.close();
    expect(await idsInLog()).toEqual(['r0', 'r1', 'r2', 'r3', 'r4']);
    expect(await outages()).toMatchObject([{ outage: { buffered: 5, refused: 4 } }]);
  });

  it('H3: goes on while a write hangs, and has every record once it ends', async () => {
    const disk = new Disk();
    const sink = await open({ openSegment: disk.open, buffer: { maxBytes: 2 ** 20, slowMs: 10 } });
    disk.state = 'hangs';
    await sink.append(named('hanging'));
    expect(sink.healthy).toBe(false);
    await sink.append(named('meanwhile'));
    expect(await idsInLog()).not.toContain('meanwhile');
    disk.release();
    await expect.poll(() => sink.healthy).toBe(true);
    await sink.close();
    expect(await idsInLog()).toEqual(['hanging', 'meanwhile']);
    // Later writes may last too long as well, on a busy machine: with nothing to buffer.
    const told = (await outages()).map((line) => (line.kind === 'outage' ? line.outage : undefined));
    expect(told[0]).toMatchObject({ buffered: 2, refused: 0 });
    expect(told.slice(1).every((outage) => outage?.buffered === 0)).toBe(true);
    expect(await verify()).toMatchObject({ ok: true });
  });

  it('H3: writes what it kept when it is closed, and fails if it cannot', async () => {
    const disk = new Disk();
    const sink = await open({ openSegment: disk.open, retryMs: 60_000 });
    disk.state = 'full';
    await sink.append(named('kept'));
    disk.state = 'works';
    await sink.close();
    expect(await idsInLog()).toEqual(['kept']);
    const again = await open({ openSegment: disk.open, retryMs: 60_000 });
    disk.state = 'full';
    await again.append(named('lost'));
    await expect(again.close()).rejects.toThrow('no space left');
  });

  it('H3: has each record that it took exactly once and in order, whatever the disk does meanwhile', async () => {
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.record({ append: fc.integer({ min: 1, max: 20 }) }) },
      { weight: 2, arbitrary: fc.constantFrom('full' as const, 'works' as const) },
      { weight: 2, arbitrary: fc.constant('wait' as const) },
    );
    let runs = 0;
    const property = fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      runs += 1;
      directory = join(temporary.path, `audit-${runs}`);
      const disk = new Disk();
      const sink = await open({
        openSegment: disk.open,
        buffer: { maxBytes: 8000, slowMs: 60_000 },
        retryMs: 1,
        segmentBytes: 3000,
      });
      const taken: string[] = [];
      let count = 0;
      for (const what of steps) {
        if (what === 'wait') await new Promise((resolve) => setTimeout(resolve, 2));
        else if (typeof what === 'string') disk.state = what;
        else {
          const ids = Array.from({ length: what.append }, () => `r${(count += 1)}`);
          const results = await Promise.allSettled(ids.map((id) => sink.append(named(id))));
          taken.push(...ids.filter((_, index) => results[index]?.status === 'fulfilled'));
        }
      }
      disk.state = 'works';
      await sink.close();
      expect(await idsInLog()).toEqual(taken);
      const told = (await outages()).map((line) => (line.kind === 'outage' ? line.outage.refused : 0));
      expect(told.reduce((sum, refused) => sum + refused, 0)).toBe(count - taken.length);
      expect(await verify()).toMatchObject({ ok: true });
    });
    await fc.assert(property, { numRuns: 40 });
  });
});
