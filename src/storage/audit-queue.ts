import { ApiError } from '../lib/errors.ts';
import type { AuditLine, Outage } from './audit-lines.ts';

/** What keeps answers going while the disk does not take records: they are kept in memory, up to a bound. */
export interface AuditBuffer {
  /** Bytes of records that may wait in memory; beyond them requests are refused. */
  maxBytes: number;
  /** A write that lasts longer counts as one that fails; 1000 unless given. */
  slowMs?: number;
}

/** A record on its way to the disk. */
export interface WaitingRecord {
  readonly kind: AuditLine['kind'];
  /** JSON text. */
  readonly body: string;
  readonly bytes: number;
  /** Whoever waits for it; nobody any more once it was acknowledged from memory. */
  caller: { resolve: () => void; reject: (error: unknown) => void } | undefined;
}

export interface AuditQueueOptions {
  /** Records that may wait for the disk while it works. */
  limit: number;
  /** Without it nothing is acknowledged before it is durable. */
  buffer: AuditBuffer | undefined;
}

/** Records written together at most: bounds the time that one write takes. */
const maxBatch = 4096;

/**
 * Records in the order in which they came, from `enqueue` until they are durable. One batch of them is written at a time.
 *
 * From a failure on (`failed`, `late`) until a batch was written there is an outage. With a buffer, what waits then and
 * what comes is acknowledged from memory while there is room, and written first when the disk works again; so records
 * that were acknowledged keep their order. Without one, each failed batch is refused.
 */
export class AuditQueue {
  readonly #options: AuditQueueOptions;
  #waiting: WaitingRecord[] = [];
  #batch: WaitingRecord[] = [];
  #bytes = 0;
  #failing = false;
  /** What no record tells yet. */
  #untold: Outage | undefined;

  constructor(options: AuditQueueOptions) {
    this.#options = options;
  }

  /** Records that wait, without the batch that is being written. */
  get length(): number {
    return this.#waiting.length;
  }

  /** Records that were acknowledged and are in memory only. */
  get buffered(): number {
    return [...this.#batch, ...this.#waiting].filter(({ caller }) => caller === undefined).length;
  }

  /** Whether the last write failed, or lasts too long. */
  get failing(): boolean {
    return this.#failing;
  }

  /** Whether the next record would be taken. */
  get accepts(): boolean {
    const { buffer, limit } = this.#options;
    if (!this.#failing) return this.#waiting.length < limit;
    return buffer !== undefined && this.#bytes < buffer.maxBytes;
  }

  /** What the next batch has to tell of an outage, as far as it is known now. */
  get untold(): Outage | undefined {
    return this.#untold && { ...this.#untold };
  }

  /** Resolves when the record is durable or, in an outage, in the buffer. */
  enqueue(kind: AuditLine['kind'], body: string): Promise<void> {
    const { buffer, limit } = this.#options;
    const bytes = buffer === undefined ? 0 : Buffer.byteLength(body);
    if (this.#failing && buffer !== undefined) return this.#keep({ kind, body, bytes, caller: undefined });
    if (this.#waiting.length >= limit) {
      return Promise.reject(unavailable('Too many records wait for the audit log. Try again.'));
    }
    this.#bytes += bytes;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ kind, body, bytes, caller: { resolve, reject } });
    });
  }

  /** The next batch; it is settled by {@link AuditQueue.written} or {@link AuditQueue.failed}. */
  take(): readonly WaitingRecord[] {
    this.#batch = this.#waiting.splice(0, maxBatch);
    return this.#batch;
  }

  /** The batch is durable, with a record that told `told` if there was an outage. */
  written(told: Outage | undefined): void {
    this.#failing = false;
    if (told !== undefined) this.#untold = rest(this.#untold, told);
    for (const { bytes, caller } of this.#batch) {
      this.#bytes -= bytes;
      caller?.resolve();
    }
    this.#batch = [];
  }

  /** The batch could not be written. */
  failed(now: number, error: ApiError): void {
    const outage = this.#begin(now);
    if (this.#options.buffer === undefined) {
      for (const { caller } of this.#batch) caller?.reject(error);
      outage.refused += this.#batch.length;
    } else {
      this.#waiting = [...this.#batch, ...this.#waiting];
    }
    this.#batch = [];
    this.#acknowledge(outage, error);
  }

  /** The write under way lasts too long. Records that find no room wait on for it. */
  late(now: number, error: ApiError): void {
    this.#acknowledge(this.#begin(now), error);
  }

  #begin(now: number): Outage {
    this.#failing = true;
    this.#untold ??= { since: now, buffered: 0, refused: 0 };
    return this.#untold;
  }

  /** Lets go whoever waits for a record that fits, and refuses the others; those being written wait on. */
  #acknowledge(outage: Outage, error: ApiError): void {
    const { buffer } = this.#options;
    if (buffer === undefined) return;
    let kept = 0;
    const fits = (record: WaitingRecord): boolean => {
      if (record.caller !== undefined && kept + record.bytes > buffer.maxBytes) return false;
      kept += record.bytes;
      if (record.caller !== undefined) outage.buffered += 1;
      record.caller?.resolve();
      record.caller = undefined;
      return true;
    };
    this.#batch.forEach(fits);
    const refused = this.#waiting.filter((record) => !fits(record));
    for (const { bytes, caller } of refused) {
      this.#bytes -= bytes;
      caller?.reject(error);
    }
    outage.refused += refused.length;
    if (refused.length > 0) this.#waiting = this.#waiting.filter(({ caller }) => caller === undefined);
  }

  #keep(record: WaitingRecord): Promise<void> {
    const { buffer } = this.#options;
    const outage = this.#untold;
    if (buffer === undefined || outage === undefined) throw new Error('records are buffered in an outage only');
    if (this.#bytes + record.bytes > buffer.maxBytes) {
      outage.refused += 1;
      return Promise.reject(unavailable('The audit log cannot be written, and its buffer is full. Free its disk.'));
    }
    this.#bytes += record.bytes;
    outage.buffered += 1;
    this.#waiting.push(record);
    return Promise.resolve();
  }
}

/** What of an outage `told` does not say. */
function rest(outage: Outage | undefined, told: Outage): Outage | undefined {
  if (outage === undefined) return undefined;
  const [buffered, refused] = [outage.buffered - told.buffered, outage.refused - told.refused];
  return buffered + refused > 0 ? { since: outage.since, buffered, refused } : undefined;
}

/** The refusal of a request that cannot be audited now. */
export function unavailable(message: string, cause?: unknown): ApiError {
  return new ApiError('ServiceUnavailableTemporary', message, { cause });
}
