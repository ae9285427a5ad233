import type { KeyObject } from 'node:crypto';
import {
  emptyChain,
  parseChainLine,
  verifyCheckpoint,
  type ChainedLine,
  type ChainHead,
  type Checkpoint,
} from '../crypto/record-chain.ts';
import { kindOf, parseAuditLine } from './audit-lines.ts';

export interface AuditVerifyOptions {
  /** Ed25519 public key of the checkpoints. Without it signatures are not looked at, and a rewritten log goes unseen. */
  checkpointKey?: KeyObject;
  /** A head that was kept outside: the log must hold exactly this record, and none may be missing up to it. */
  anchor?: ChainHead;
  /** The record before the first line, when older segments were archived. The empty chain unless given. */
  from?: ChainHead;
  /** More records than this after the last good checkpoint are a problem. Not checked unless given. */
  maxUncovered?: number;
}

export type AuditProblemKind =
  'malformed' | 'edited' | 'missing' | 'out-of-order' | 'bad-checkpoint' | 'truncated' | 'uncovered';

export interface AuditProblem {
  kind: AuditProblemKind;
  /** Number of the first bad record. */
  seq: number;
  /** One-based line in which it was seen; one more than there are when the end is missing. */
  line: number;
  /** A sentence for the operator. Holds nothing of the record's content. */
  message: string;
}

export interface AuditReport {
  ok: boolean;
  problem?: AuditProblem;
  /** Records that were found good before the problem, or in all. */
  records: number;
  head: ChainHead;
  /** The last checkpoint with a good signature. */
  checkpoint?: Checkpoint;
}

type Finding = Omit<AuditProblem, 'line'>;

/** What is known after the lines so far. */
interface Progress {
  head: ChainHead;
  records: number;
  checkpoint: Checkpoint | undefined;
}

/** Checks a log given as lines with their line feeds (`readAuditLines`), first to last. Stops at the first problem. */
export async function verifyAuditLog(
  lines: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: AuditVerifyOptions = {},
): Promise<AuditReport> {
  const progress: Progress = { head: options.from ?? emptyChain, records: 0, checkpoint: undefined };
  for await (const line of lines) {
    const found = checkLine(line, progress, options);
    if (found !== undefined) return report(progress, found);
  }
  return report(progress, checkEnd(progress, options));
}

function report({ head, records, checkpoint }: Progress, found: Finding | undefined): AuditReport {
  return {
    ok: found === undefined,
    ...(found && { problem: { ...found, line: records + 1 } }),
    records,
    head,
    ...(checkpoint && { checkpoint }),
  };
}

function checkLine(line: Uint8Array, progress: Progress, options: AuditVerifyOptions): Finding | undefined {
  const seq = progress.head.seq + 1;
  const parsed = parseChainLine(line);
  if (parsed === undefined || kindOf(line) === undefined) {
    const message = `Record ${seq} is damaged or its write never completed: its line is not a record.`;
    return { kind: 'malformed', seq, message };
  }
  const found =
    checkChain(parsed, progress.head) ??
    checkAnchor(parsed, options.anchor) ??
    checkCheckpoint(line, progress, options);
  if (found !== undefined) return found;
  progress.head = { seq, hash: parsed.hash };
  progress.records += 1;
  return undefined;
}

function checkChain(line: ChainedLine, head: ChainHead): Finding | undefined {
  const seq = head.seq + 1;
  if (!line.intact)
    return { kind: 'edited', seq, message: `Record ${seq} was edited: its hash is not that of its bytes.` };
  if (line.seq > seq) {
    const message = `Record ${seq} was deleted or moved: record ${line.seq} stands in its place.`;
    return { kind: 'missing', seq, message };
  }
  if (line.seq < seq) {
    const message = `Record ${line.seq} stands where record ${seq} belongs: records were reordered or repeated.`;
    return { kind: 'out-of-order', seq, message };
  }
  if (line.prevHash === head.hash) return undefined;
  // The first line says nothing about a record before it that was read.
  const replaced = Math.max(head.seq, 1);
  return {
    kind: 'edited',
    seq: replaced,
    message: `Record ${replaced} was replaced: record ${seq} follows another one.`,
  };
}

function checkAnchor(line: ChainedLine, anchor: ChainHead | undefined): Finding | undefined {
  if (anchor === undefined || line.seq !== anchor.seq || line.hash === anchor.hash) return undefined;
  const message = `Record ${line.seq} is not the one that the anchor names: it, or one before it, was rewritten.`;
  return { kind: 'edited', seq: line.seq, message };
}

function checkCheckpoint(line: Uint8Array, progress: Progress, options: AuditVerifyOptions): Finding | undefined {
  if (options.checkpointKey === undefined || kindOf(line) !== 'checkpoint') return undefined;
  const { head } = progress;
  const record = parseAuditLine(line);
  const checkpoint = record?.kind === 'checkpoint' ? record.checkpoint : undefined;
  const fits = checkpoint?.seq === head.seq && checkpoint.hash === head.hash;
  if (checkpoint !== undefined && fits && verifyCheckpoint(options.checkpointKey, checkpoint)) {
    progress.checkpoint = checkpoint;
    return undefined;
  }
  const first = (progress.checkpoint?.seq ?? options.from?.seq ?? 0) + 1;
  const message = `Checkpoint ${head.seq + 1} is not signed for the records before it: one of ${first} to ${head.seq} was rewritten.`;
  return { kind: 'bad-checkpoint', seq: head.seq + 1, message };
}

function checkEnd(progress: Progress, options: AuditVerifyOptions): Finding | undefined {
  const { seq } = progress.head;
  const { anchor, maxUncovered } = options;
  if (anchor !== undefined && anchor.seq > seq) {
    const message = `Records ${seq + 1} to ${anchor.seq} are missing: the end of the log was cut off.`;
    return { kind: 'truncated', seq: seq + 1, message };
  }
  // The checkpoint's own record follows the head that it signs.
  const covered = progress.checkpoint === undefined ? (options.from?.seq ?? 0) : progress.checkpoint.seq + 1;
  if (maxUncovered === undefined || seq - covered <= maxUncovered) return undefined;
  const message = `No checkpoint covers records ${covered + 1} to ${seq}: they may have been rewritten.`;
  return { kind: 'uncovered', seq: covered + 1, message };
}
