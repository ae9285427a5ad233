import type { KeyObject } from 'node:crypto';
import type { ChainHead, Checkpoint } from '../crypto/record-chain.ts';

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

/** Checks a log given as lines with their line feeds (`readAuditLines`), first to last. */
export function verifyAuditLog(
  _lines: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  _options: AuditVerifyOptions = {},
): Promise<AuditReport> {
  throw new Error('not written yet');
}
