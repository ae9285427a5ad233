import { openSegmentFile, segmentPath, type OpenSegment, type SegmentFile } from './audit-segments.ts';

export interface SegmentWriterOptions {
  directory: string;
  /** Bytes after which the next batch begins a new segment. */
  segmentBytes: number;
  open?: OpenSegment;
}

/** Writes batches of lines to the segments of a log: each batch is durable as a whole, or not there. */
export class SegmentWriter {
  readonly #options: Required<SegmentWriterOptions>;
  #file: SegmentFile | undefined;
  #path: string | undefined;
  /** Bytes of the segment that are durable. */
  #size = 0;
  /** Whether there may be bytes after those. */
  #dirty = false;

  /** Goes on after `size` bytes of the segment at `path`; begins a new segment when none is given. */
  constructor(options: SegmentWriterOptions, last?: { path: string; size: number }) {
    this.#options = { open: openSegmentFile, ...options };
    this.#path = last?.path;
    this.#size = last?.size ?? 0;
  }

  /**
   * Appends lines of which the first has the number `firstSeq`; resolves when they are durable. After a failure the log
   * is as before: the next append first removes what was left of this one.
   */
  async append(lines: Buffer, firstSeq: number): Promise<void> {
    const file = await this.#fileFor(firstSeq);
    if (this.#dirty) await file.truncate(this.#size);
    this.#dirty = true;
    for (let done = 0; done < lines.length;) {
      const { bytesWritten } = await file.write(lines, done, lines.length - done, this.#size + done);
      if (bytesWritten === 0) throw new Error('The disk took no more bytes.');
      done += bytesWritten;
    }
    await file.datasync();
    this.#size += lines.length;
    this.#dirty = false;
  }

  async close(): Promise<void> {
    if (this.#file === undefined) return;
    if (this.#dirty) await this.#file.truncate(this.#size);
    await this.#file.close();
    this.#file = undefined;
  }

  async #fileFor(firstSeq: number): Promise<SegmentFile> {
    const { directory, segmentBytes, open } = this.#options;
    if (this.#path !== undefined && this.#size < segmentBytes) return (this.#file ??= await open(this.#path));
    const path = segmentPath(directory, firstSeq);
    await this.close();
    const next = await open(path);
    // An attempt that failed before may have left bytes in a segment of this name: hence dirty.
    [this.#file, this.#path, this.#size, this.#dirty] = [next, path, 0, true];
    return next;
  }
}
