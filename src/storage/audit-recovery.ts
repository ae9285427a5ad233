import type { KeyObject } from 'node:crypto';
import { open } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import {
  emptyChain,
  parseChainLine,
  verifyCheckpoint,
  type ChainedLine,
  type ChainHead,
} from '../crypto/record-chain.ts';
import { parseAuditLine, type Recovery } from './audit-lines.ts';
import { listSegments, readLines, syncDirectory, type Segment } from './audit-segments.ts';

/** The log was changed or cut, not just interrupted: appending to it would bury the evidence. */
export class AuditLogDamagedError extends Error {
  constructor(what: string) {
    super(`${what} Run "kaap audit verify", keep the directory as evidence, and configure an empty one to go on in.`);
    this.name = 'AuditLogDamagedError';
  }
}

/** Where to go on writing. */
export interface RecoveredLog {
  head: ChainHead;
  last: { path: string; size: number } | undefined;
  recovery: Recovery | undefined;
}

export interface RecoveryOptions {
  directory: string;
  checkpointKey: KeyObject;
  anchored?: ChainHead;
}

interface SegmentScan {
  /** The last record before anything bad. */
  head: ChainHead | undefined;
  /** Bytes up to and with that record. */
  goodBytes: number;
  bytes: number;
}

/**
 * Finds the end of the log, and moves aside what a crash left of a write after it. Throws
 * {@link AuditLogDamagedError} when a record is bad that a checkpoint or the anchor covers: no crash does that.
 */
export async function recoverAuditLog(options: RecoveryOptions): Promise<RecoveredLog> {
  const segments = await listSegments(options.directory);
  const last = segments.at(-1);
  if (last === undefined) return assertAnchored({ head: emptyChain, last: undefined, recovery: undefined }, options);
  const scan = await scanSegment(last, options);
  const head = scan.head ?? (await headBefore(segments.slice(0, -1), last, options));
  const log = { head, last: { path: last.path, size: scan.goodBytes }, recovery: undefined };
  assertAnchored(log, options);
  if (scan.goodBytes === scan.bytes) return log;
  return { ...log, recovery: await moveAside(last.path, scan) };
}

function assertAnchored(log: RecoveredLog, { anchored }: RecoveryOptions): RecoveredLog {
  if (anchored !== undefined && anchored.seq > log.head.seq) {
    throw new AuditLogDamagedError(
      `The audit log ends at record ${log.head.seq}, but the anchor names record ${anchored.seq}: the end was cut off.`,
    );
  }
  return log;
}

async function headBefore(older: Segment[], last: Segment, options: RecoveryOptions): Promise<ChainHead> {
  const previous = older.at(-1);
  const scan = previous === undefined ? undefined : await scanSegment(previous, options);
  const head = previous === undefined ? emptyChain : scan?.head;
  if (head?.seq === last.firstSeq - 1 && scan?.bytes === scan?.goodBytes) return head;
  throw new AuditLogDamagedError(`The audit log lacks the records before record ${last.firstSeq}.`);
}

async function scanSegment(segment: Segment, options: RecoveryOptions): Promise<SegmentScan> {
  const scan: SegmentScan = { head: undefined, goodBytes: 0, bytes: 0 };
  let sound = true;
  for await (const line of readLines(segment.path)) {
    const parsed = parseChainLine(line);
    scan.bytes += line.length;
    sound &&= parsed !== undefined && follows(parsed, scan.head, segment);
    if (sound && parsed !== undefined) {
      assertHolds(parsed, options.anchored);
      scan.head = { seq: parsed.seq, hash: parsed.hash };
      scan.goodBytes = scan.bytes;
    } else {
      assertNotCovered(line, scan.head?.seq ?? segment.firstSeq - 1, options.checkpointKey);
    }
  }
  return scan;
}

function follows(line: ChainedLine, head: ChainHead | undefined, segment: Segment): boolean {
  if (!line.intact) return false;
  return head === undefined ? line.seq === segment.firstSeq : line.seq === head.seq + 1 && line.prevHash === head.hash;
}

function assertHolds(line: ChainedLine, anchored: ChainHead | undefined): void {
  if (line.seq !== anchored?.seq || line.hash === anchored.hash) return;
  throw new AuditLogDamagedError(`Record ${line.seq} of the audit log is not the one that the anchor names.`);
}

/** A checkpoint is written after what it covers was; so it never follows what a crash left unwritten. */
function assertNotCovered(line: Uint8Array, goodSeq: number, key: KeyObject): void {
  const record = parseAuditLine(line);
  if (
    record?.kind !== 'checkpoint' ||
    !(record.checkpoint.seq > goodSeq) ||
    !verifyCheckpoint(key, record.checkpoint)
  ) {
    return;
  }
  throw new AuditLogDamagedError(`Record ${goodSeq + 1} of the audit log was changed after it was written.`);
}

async function moveAside(path: string, { goodBytes, bytes }: SegmentScan): Promise<Recovery> {
  const aside = `${path}.${goodBytes}.torn`;
  const log = await open(path, 'r+');
  const torn = await open(aside, 'a', 0o600);
  try {
    const tail = Buffer.alloc(bytes - goodBytes);
    await log.read(tail, 0, tail.length, goodBytes);
    await torn.writeFile(tail);
    await torn.sync();
    await syncDirectory(dirname(path));
    await log.truncate(goodBytes);
    await log.sync();
  } finally {
    await torn.close();
    await log.close();
  }
  return { tornBytes: bytes - goodBytes, movedTo: basename(aside) };
}
