import type { KeyObject } from 'node:crypto';
import type { ChainHead, Checkpoint } from '../crypto/record-chain.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { AuditSink } from '../ports/audit-sink.ts';

export interface AuditFileSinkOptions {
  /** Directory of the log's segments, `audit-<number of its first record>.jsonl`. Made with mode 0700 when missing. */
  directory: string;
  /** Ed25519 private key that signs checkpoints, such as `barrier.deriveSigningKey('audit-checkpoint')`. */
  checkpointKey: KeyObject;
  /** Told each checkpoint once it is durable, to keep it where the log's writer cannot reach; see `file-anchor.ts`. */
  anchor?: (checkpoint: Checkpoint) => void;
  /** The anchor's last checkpoint. The sink refuses to go on with a log that does not hold it. */
  anchored?: ChainHead;
  /** Records between checkpoints; 1000 unless given. */
  checkpointRecords?: number;
  /** Milliseconds after which records without a checkpoint get one; 5000 unless given. */
  checkpointIntervalMs?: number;
  /** Bytes after which a new segment is begun; 64 MiB unless given. */
  segmentBytes?: number;
  /** Records that may wait; more are refused with ServiceUnavailableTemporary. 10,000 unless given. */
  queueLimit?: number;
  clock?: Clock;
  log?: Logger;
}

/** The audit log in files. */
export interface AuditFileSink extends AuditSink {
  /** The last durable record. */
  readonly head: ChainHead;
  /** False while the last write failed; the next append tries again. For readiness and the alarm. */
  readonly healthy: boolean;
}

/** Opens the log for appending, after repairing what a crash left behind. */
export function openAuditFileSink(_options: AuditFileSinkOptions): Promise<AuditFileSink> {
  throw new Error('not written yet');
}
