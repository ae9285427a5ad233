import type { KeyObject } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { chainLine, signCheckpoint, type ChainHead, type Checkpoint } from '../crypto/record-chain.ts';
import { systemClock, type Clock } from '../lib/clock.ts';
import { ApiError, messageOf } from '../lib/errors.ts';
import { silentLogger, type Logger } from '../lib/log.ts';
import type { AuditEvent, AuditSink } from '../ports/audit-sink.ts';
import { membersOf, type AuditLine } from './audit-lines.ts';
import { lockAuditDirectory } from './audit-lock.ts';
import { recoverAuditLog } from './audit-recovery.ts';
import type { OpenSegment } from './audit-segments.ts';
import { SegmentWriter } from './audit-writer.ts';

export interface AuditFileSinkOptions {
  /** Directory of the log's segments, `audit-<number of its first record>.jsonl`. Made with mode 0700 when missing. */
  directory: string;
  /** Ed25519 private key that signs checkpoints, such as `barrier.deriveSigningKey('audit-checkpoint')`. */
  checkpointKey: KeyObject;
  /** Told each checkpoint once it is durable, to keep it where the log's writer cannot reach; see `file-anchor.ts`. */
  anchor?: (checkpoint: Checkpoint) => void;
  /** The anchor's last checkpoint. The sink refuses to go on with a log that does not hold it. */
  anchored?: ChainHead | undefined;
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
  /** Opens segments; only tests of failing disks pass another one. */
  openSegment?: OpenSegment;
}

/** The audit log in files. */
export interface AuditFileSink extends AuditSink {
  /** The last durable record. */
  readonly head: ChainHead;
  /** False while the last write failed; the next append tries again. For readiness and the alarm. */
  readonly healthy: boolean;
}

/**
 * Opens the log for appending, after moving aside what a crash left half written. Throws AuditLogDamagedError when the
 * log was changed or cut.
 *
 * Group commit: records that arrive while others are made durable are written and synced together. When the disk is
 * full or fails, or too many records wait, `append` rejects with ServiceUnavailableTemporary (mode `block`): nothing is
 * dropped silently, and the next append tries again. A checkpoint covers each record within `checkpointIntervalMs`.
 */
export async function openAuditFileSink(options: AuditFileSinkOptions): Promise<AuditFileSink> {
  const { directory, segmentBytes = 64 * 2 ** 20 } = options;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const unlock = lockAuditDirectory(directory);
  try {
    const { checkpointKey, anchored } = options;
    const { head, last, recovery } = await recoverAuditLog({ directory, checkpointKey, ...(anchored && { anchored }) });
    const open = options.openSegment;
    const writer = new SegmentWriter({ directory, segmentBytes, ...(open && { open }) }, last);
    const sink = new FileSink(options, writer, head, unlock);
    if (recovery !== undefined) {
      options.log?.warn({ ...recovery }, 'the audit log ended in a write that a crash interrupted');
      await sink.enqueue('recovery', JSON.stringify(recovery));
    }
    return sink;
  } catch (error) {
    unlock();
    throw error;
  }
}

interface Waiting {
  kind: AuditLine['kind'];
  body: string;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/** Records written and synced together at most: bounds the memory of one batch. */
const maxBatch = 4096;

class FileSink implements AuditFileSink {
  readonly #writer: SegmentWriter;
  readonly #options: AuditFileSinkOptions;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #unlock: () => void;
  readonly #timer: NodeJS.Timeout;
  readonly #queueLimit: number;
  readonly #checkpointRecords: number;
  #queue: Waiting[] = [];
  #head: ChainHead;
  /** Number of the last record that is a checkpoint or is covered by one. */
  #covered: number;
  #checkpointDue = false;
  #healthy = true;
  #running: Promise<void> | undefined;
  #closed = false;

  constructor(options: AuditFileSinkOptions, writer: SegmentWriter, head: ChainHead, unlock: () => void) {
    this.#options = options;
    this.#writer = writer;
    this.#head = head;
    // Records of an earlier run that no checkpoint covers get one with the first batch or tick of this one.
    this.#covered = 0;
    this.#unlock = unlock;
    this.#clock = options.clock ?? systemClock;
    this.#log = options.log ?? silentLogger;
    this.#queueLimit = options.queueLimit ?? 10_000;
    this.#checkpointRecords = options.checkpointRecords ?? 1000;
    this.#timer = setInterval(() => this.#checkpoint(), options.checkpointIntervalMs ?? 5000).unref();
  }

  get head(): ChainHead {
    return this.#head;
  }

  get healthy(): boolean {
    return this.#healthy;
  }

  async append(event: AuditEvent): Promise<void> {
    return this.enqueue('event', JSON.stringify(event));
  }

  /** Appends a record whose body is JSON text already. */
  enqueue(kind: AuditLine['kind'], body: string): Promise<void> {
    if (this.#closed) return Promise.reject(unavailable('The audit log is closed.'));
    if (this.#queue.length >= this.#queueLimit) {
      return Promise.reject(unavailable('Too many records wait for the audit log. Try again.'));
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({ kind, body, resolve, reject });
      this.#run();
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#timer);
    await this.#running;
    try {
      if (this.#head.seq > this.#covered) await this.#write([], true);
    } finally {
      await this.#writer.close().finally(this.#unlock);
    }
  }

  #checkpoint(): void {
    if (this.#head.seq <= this.#covered) return;
    this.#checkpointDue = true;
    this.#run();
  }

  #run(): void {
    this.#running ??= this.#drain();
  }

  async #drain(): Promise<void> {
    do {
      // Callers whose records have just become durable come back with the next ones within this turn.
      await nextTurn();
      const batch = this.#queue.splice(0, maxBatch);
      try {
        await this.#write(batch, this.#checkpointDue);
        for (const { resolve } of batch) resolve();
      } catch (error) {
        this.#checkpointDue = false;
        this.#fail(batch, error);
      }
    } while (this.#queue.length > 0);
    this.#running = undefined;
  }

  async #write(batch: readonly Waiting[], checkpointDue: boolean): Promise<void> {
    const now = this.#clock.now();
    const lines: string[] = [];
    let head = this.#head;
    const add = (kind: AuditLine['kind'], body: string): void => {
      const next = chainLine(head, membersOf(kind, now, body));
      lines.push(next.line);
      head = next.head;
    };
    for (const { kind, body } of batch) add(kind, body);
    const due = checkpointDue || head.seq - this.#covered >= this.#checkpointRecords;
    const checkpoint = due && head.seq > 0 ? signCheckpoint(this.#options.checkpointKey, head) : undefined;
    if (checkpoint !== undefined) add('checkpoint', JSON.stringify(checkpoint));
    if (lines.length === 0) return;
    await this.#writer.append(Buffer.from(lines.join('')), this.#head.seq + 1);
    this.#succeed(head, checkpoint);
  }

  #succeed(head: ChainHead, checkpoint: Checkpoint | undefined): void {
    this.#head = head;
    if (!this.#healthy) this.#log.info({ seq: head.seq }, 'the audit log can be written again');
    this.#healthy = true;
    if (checkpoint === undefined) return;
    this.#covered = head.seq;
    this.#checkpointDue = false;
    this.#anchor(checkpoint);
  }

  #anchor(checkpoint: Checkpoint): void {
    try {
      this.#options.anchor?.(checkpoint);
    } catch (error) {
      this.#log.error({ error: messageOf(error) }, 'the head of the audit log could not be anchored');
    }
  }

  #fail(batch: readonly Waiting[], cause: unknown): void {
    if (this.#healthy)
      this.#log.error({ error: messageOf(cause) }, 'the audit log cannot be written: refusing requests');
    this.#healthy = false;
    const error = unavailable('The audit log cannot be written now. Check the free space of its disk.', cause);
    for (const { reject } of batch) reject(error);
  }
}

function unavailable(message: string, cause?: unknown): ApiError {
  return new ApiError('ServiceUnavailableTemporary', message, { cause });
}
