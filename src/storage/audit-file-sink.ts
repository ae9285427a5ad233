import type { KeyObject } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { chainLine, signCheckpoint, type ChainHead, type Checkpoint } from '../crypto/record-chain.ts';
import { systemClock, type Clock } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import { silentLogger, type Logger } from '../lib/log.ts';
import type { AuditEvent, AuditSink } from '../ports/audit-sink.ts';
import { membersOf, type AuditLine, type Outage } from './audit-lines.ts';
import { lockAuditDirectory } from './audit-lock.ts';
import { AuditQueue, unavailable, type AuditBuffer, type WaitingRecord } from './audit-queue.ts';
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
  /** Acknowledges records from memory while the disk does not take them. Without it they are refused. */
  buffer?: AuditBuffer | undefined;
  /** Milliseconds after which a disk that failed is tried again; 1000 unless given. */
  retryMs?: number;
  clock?: Clock;
  log?: Logger;
  /** Opens segments; only tests of failing disks pass another one. */
  openSegment?: OpenSegment;
}

/** The audit log in files. */
export interface AuditFileSink extends AuditSink {
  /** The last durable record. */
  readonly head: ChainHead;
  /** False while the last write failed or lasts too long. For the alarm. */
  readonly healthy: boolean;
  /** Whether it takes another record: always while it is healthy, and while there is room in its buffer. For readiness. */
  readonly accepts: boolean;
  /** Records that were acknowledged and are not durable yet. */
  readonly buffered: number;
}

/**
 * Opens the log for appending, after moving aside what a crash left half written. Throws AuditLogDamagedError when the
 * log was changed or cut.
 *
 * Group commit: records that arrive while others are made durable are written and synced together. When the disk is
 * full or fails, or too many records wait, `append` rejects with ServiceUnavailableTemporary; with a buffer it resolves
 * while there is room. Nothing is dropped silently: an `outage` record tells how many were buffered and refused. The disk
 * is tried again by itself. A checkpoint covers each record within `checkpointIntervalMs`.
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

class FileSink implements AuditFileSink {
  readonly #writer: SegmentWriter;
  readonly #options: AuditFileSinkOptions;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #unlock: () => void;
  readonly #timer: NodeJS.Timeout;
  readonly #checkpointRecords: number;
  readonly #queue: AuditQueue;
  #head: ChainHead;
  /** Number of the last record that is a checkpoint or is covered by one. */
  #covered: number;
  #checkpointDue = false;
  #retry: NodeJS.Timeout | undefined;
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
    this.#queue = new AuditQueue({ limit: options.queueLimit ?? 10_000, buffer: options.buffer });
    this.#checkpointRecords = options.checkpointRecords ?? 1000;
    this.#timer = setInterval(() => this.#checkpoint(), options.checkpointIntervalMs ?? 5000).unref();
  }

  get head(): ChainHead {
    return this.#head;
  }

  get healthy(): boolean {
    return !this.#queue.failing;
  }

  get accepts(): boolean {
    return this.healthy || this.#queue.accepts;
  }

  get buffered(): number {
    return this.#queue.buffered;
  }

  async append(event: AuditEvent): Promise<void> {
    return this.enqueue('event', JSON.stringify(event));
  }

  /** Appends a record whose body is JSON text already. */
  enqueue(kind: AuditLine['kind'], body: string): Promise<void> {
    if (this.#closed) return Promise.reject(unavailable('The audit log is closed.'));
    const appended = this.#queue.enqueue(kind, body);
    // What goes to the buffer does not try the disk: the timer does.
    if (this.healthy || this.#options.buffer === undefined) this.#run();
    return appended;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#timer);
    clearTimeout(this.#retry);
    await this.#running;
    try {
      while (this.#queue.length > 0 || this.#queue.untold !== undefined) await this.#write(false);
      if (this.#head.seq > this.#covered) await this.#write(true);
    } catch (error) {
      if (this.buffered > 0) this.#log.error({ records: this.buffered }, 'records of the audit log are lost');
      throw error;
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
      try {
        await this.#write(this.#checkpointDue);
      } catch (error) {
        this.#checkpointDue = false;
        this.#fail(error);
      }
    } while (this.#isMoreToWrite());
    this.#running = undefined;
  }

  #isMoreToWrite(): boolean {
    const waits = this.#queue.length > 0;
    if (this.healthy) return waits || this.#queue.untold !== undefined;
    return waits && this.#options.buffer === undefined;
  }

  async #write(checkpointDue: boolean): Promise<void> {
    const batch = this.#queue.take();
    const outage = this.#queue.untold;
    const { text, head, checkpoint } = this.#compose(batch, outage, checkpointDue);
    if (text !== '') await this.#inTime(this.#writer.append(Buffer.from(text), this.#head.seq + 1));
    if (!this.healthy) this.#log.info({ seq: head.seq, ...outage }, 'the audit log can be written again');
    this.#head = head;
    this.#queue.written(outage);
    if (checkpoint === undefined) return;
    this.#covered = head.seq;
    this.#checkpointDue = false;
    this.#anchor(checkpoint);
  }

  #compose(batch: readonly WaitingRecord[], outage: Outage | undefined, checkpointDue: boolean): Composed {
    const now = this.#clock.now();
    const lines: string[] = [];
    let head = this.#head;
    const add = (kind: AuditLine['kind'], body: string): void => {
      const next = chainLine(head, membersOf(kind, now, body));
      lines.push(next.line);
      head = next.head;
    };
    if (outage !== undefined) add('outage', JSON.stringify(outage));
    for (const { kind, body } of batch) add(kind, body);
    const due = checkpointDue || head.seq - this.#covered >= this.#checkpointRecords;
    const checkpoint = due && head.seq > 0 ? signCheckpoint(this.#options.checkpointKey, head) : undefined;
    if (checkpoint !== undefined) add('checkpoint', JSON.stringify(checkpoint));
    return { text: lines.join(''), head, checkpoint };
  }

  /** Waits for a write. With a buffer, one that lasts too long begins an outage. */
  async #inTime(writing: Promise<void>): Promise<void> {
    const { buffer } = this.#options;
    if (buffer === undefined) return writing;
    const begin = (): void => {
      this.#alarm('it takes longer than it may');
      this.#queue.late(this.#clock.now(), unavailable(failureMessage));
    };
    const timer = setTimeout(begin, buffer.slowMs ?? 1000).unref();
    try {
      await writing;
    } finally {
      clearTimeout(timer);
    }
  }

  #anchor(checkpoint: Checkpoint): void {
    try {
      this.#options.anchor?.(checkpoint);
    } catch (error) {
      this.#log.error({ error: messageOf(error) }, 'the head of the audit log could not be anchored');
    }
  }

  #fail(cause: unknown): void {
    this.#alarm(messageOf(cause));
    this.#queue.failed(this.#clock.now(), unavailable(failureMessage, cause));
    clearTimeout(this.#retry);
    if (!this.#closed) this.#retry = setTimeout(() => this.#run(), this.#options.retryMs ?? 1000).unref();
  }

  #alarm(error: string): void {
    if (!this.healthy) return;
    const what = this.#options.buffer === undefined ? 'refusing requests' : 'buffering records in memory';
    this.#log.error({ error }, `the audit log cannot be written: ${what}`);
  }
}

const failureMessage = 'The audit log cannot be written now. Check the free space of its disk.';

/** Lines to write, and where they lead. */
interface Composed {
  text: string;
  head: ChainHead;
  checkpoint: Checkpoint | undefined;
}
