import { createReadStream } from 'node:fs';
import { open, readdir, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';

const namePattern = /^audit-(\d{16})\.jsonl$/;

/** A file of the log. */
export interface Segment {
  path: string;
  /** Number of its first record. */
  firstSeq: number;
}

/** Path of the segment whose first record is `firstSeq`. */
export function segmentPath(directory: string, firstSeq: number): string {
  return join(directory, `audit-${String(firstSeq).padStart(16, '0')}.jsonl`);
}

/** The segments in `directory`, oldest first. */
export async function listSegments(directory: string): Promise<Segment[]> {
  const names = (await readdir(directory)).toSorted();
  return names.flatMap((name) => {
    const digits = namePattern.exec(name)?.[1];
    return digits === undefined ? [] : [{ path: join(directory, name), firstSeq: Number(digits) }];
  });
}

/** Gives the lines of all segments in `directory`, each with its line feed, first to last. The last may lack one. */
export async function* readAuditLines(directory: string): AsyncGenerator<Buffer> {
  for (const { path } of await listSegments(directory)) yield* readLines(path);
}

/** Gives the lines of a file, each with its line feed. */
export async function* readLines(path: string): AsyncGenerator<Buffer> {
  let rest: Buffer[] = [];
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 18 }) as AsyncIterable<Buffer>) {
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      const piece = chunk.subarray(start, end + 1);
      yield rest.length === 0 ? piece : Buffer.concat([...rest, piece]);
      rest = [];
      start = end + 1;
    }
    if (start < chunk.length) rest.push(chunk.subarray(start));
  }
  if (rest.length > 0) yield Buffer.concat(rest);
}

/** What the writer needs of an open file. */
export type SegmentFile = Pick<FileHandle, 'write' | 'datasync' | 'truncate' | 'close'>;

/** Opens a segment for writing; makes it with mode 0600 when it is new. */
export type OpenSegment = (path: string) => Promise<SegmentFile>;

/** The real one: also makes the name of a new file durable. */
export const openSegmentFile: OpenSegment = async (path) => {
  const file = await open(path, 'r+').catch(() => open(path, 'wx', 0o600));
  await syncDirectory(dirname(path));
  return file;
};

/** Makes names that were added to a directory, or removed, durable. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
