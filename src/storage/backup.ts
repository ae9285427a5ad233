import { createPublicKey, randomBytes, type KeyObject } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { AeadError } from '../crypto/aead.ts';
import { recoveryKeyId, unwrapKey, wrapKey } from '../crypto/recovery-key.ts';
import { openStream, sealStream } from '../crypto/sealed-stream.ts';
import { readLines, syncDirectory } from './audit-segments.ts';
import type { RawRow } from './raw-rows.ts';

/** The file cannot be restored from: another key, or not as it was written. The message says what to do. */
export class BackupError extends Error {
  constructor(message: string, options?: { cause: unknown }) {
    super(message, options);
    this.name = 'BackupError';
  }
}

/**
 * A backup is a line of JSON, the header, and after it a sealed stream (`src/crypto/sealed-stream.ts`) of lines of JSON:
 * the root key, every row as the barrier sealed it, and the number of rows. The stream's key is wrapped for a recovery
 * key, of which the machine that makes backups has the public half only.
 */
const headerSchema = z.strictObject({
  kaapBackup: z.literal(1),
  createdAt: z.string(),
  recoveryKey: z.string(),
  ephemeral: z.base64(),
  wrapped: z.base64(),
});

type Header = z.infer<typeof headerSchema>;

const wrapLabel = 'kaap backup v1';

const lineSchema = z.union([
  z.strictObject({ rootKey: z.base64() }),
  z.strictObject({ b: z.string(), k: z.string(), r: z.int().min(1), v: z.base64() }),
  z.strictObject({ rows: z.int() }),
]);

/** What a backup holds. */
export interface BackupContent {
  rootKey: Buffer;
  rows: AsyncGenerator<RawRow>;
}

export interface WriteBackupOptions {
  path: string;
  /** X25519 public key of those who may restore. */
  recipient: KeyObject;
  rootKey: Buffer;
  rows: AsyncIterable<RawRow>;
  /** Milliseconds since the Unix epoch. */
  now: number;
}

/**
 * Writes a backup under a temporary name, reads it again from the disk to the last row, and only then gives it its name.
 * Gives the number of rows.
 */
export async function writeBackup(options: WriteBackupOptions): Promise<number> {
  const { path, recipient } = options;
  const key = randomBytes(32);
  const header: Header = {
    kaapBackup: 1,
    createdAt: new Date(options.now).toISOString(),
    recoveryKey: recoveryKeyId(recipient),
    ...wrapKey(recipient, key, wrapLabel),
  };
  const temporary = `${path}.partial`;
  await rm(temporary, { force: true });
  try {
    const line = Buffer.from(`${JSON.stringify(header)}\n`);
    await writeFile(temporary, line, sealStream(key, line, linesOf(options)));
    const { rows } = await openContent(temporary, line, key);
    let count = 0;
    for await (const row of rows) count += row.revision > 0 ? 1 : 0;
    await rename(temporary, path);
    await syncDirectory(dirname(path));
    return count;
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  } finally {
    key.fill(0);
  }
}

async function* linesOf({ rootKey, rows }: WriteBackupOptions): AsyncGenerator<Buffer> {
  yield Buffer.from(`${JSON.stringify({ rootKey: rootKey.toString('base64') })}\n`);
  let count = 0;
  for await (const { bucket, key, revision, value } of rows) {
    const v = Buffer.from(value).toString('base64');
    yield Buffer.from(`${JSON.stringify({ b: bucket, k: key, r: revision, v })}\n`);
    count += 1;
  }
  yield Buffer.from(`${JSON.stringify({ rows: count })}\n`);
}

async function writeFile(path: string, header: Buffer, chunks: AsyncIterable<Buffer>): Promise<void> {
  const file: FileHandle = await open(path, 'wx', 0o600);
  try {
    await file.write(header);
    for await (const chunk of chunks) await file.write(chunk);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Opens a backup with the private half of its recovery key. */
export async function openBackup(path: string, recoveryKey: KeyObject): Promise<BackupContent> {
  const line = await readHeader(path);
  const header = headerSchema.safeParse(parseJson(line));
  if (!header.success) throw new BackupError(`${path} is not a backup of this version of Kaap.`);
  const id = recoveryKeyId(createPublicKey(recoveryKey));
  if (header.data.recoveryKey !== id) {
    const message = `The backup ${path} needs recovery key ${header.data.recoveryKey}; this one is ${id}.`;
    throw new BackupError(message);
  }
  let key: Buffer;
  try {
    key = unwrapKey(recoveryKey, header.data, wrapLabel);
  } catch (error) {
    throw damaged(path, error);
  }
  return openContent(path, line, key);
}

async function readHeader(path: string): Promise<Buffer> {
  for await (const line of readLines(path)) return line;
  throw new BackupError(`${path} is empty.`);
}

async function openContent(path: string, header: Buffer, key: Buffer): Promise<BackupContent> {
  const sealed = createReadStream(path, { start: header.length }) as AsyncIterable<Buffer>;
  const lines = parsedLines(path, openStream(key, header, sealed));
  const first = await lines.next();
  if (first.done === true || !('rootKey' in first.value)) throw damaged(path);
  return { rootKey: Buffer.from(first.value.rootKey, 'base64'), rows: rowsOf(path, lines) };
}

type Line = z.infer<typeof lineSchema>;

async function* parsedLines(path: string, source: AsyncIterable<Buffer>): AsyncGenerator<Line> {
  let pending: Buffer = Buffer.alloc(0);
  try {
    for await (const piece of source) {
      pending = Buffer.concat([pending, piece]);
      for (let end = pending.indexOf(10); end !== -1; end = pending.indexOf(10)) {
        yield lineSchema.parse(parseJson(pending.subarray(0, end)));
        pending = pending.subarray(end + 1);
      }
    }
  } catch (error) {
    if (error instanceof AeadError || error instanceof z.ZodError) throw damaged(path, error);
    throw error;
  }
}

async function* rowsOf(path: string, lines: AsyncGenerator<Line>): AsyncGenerator<RawRow> {
  let count = 0;
  for await (const line of lines) {
    if ('rows' in line) {
      if (line.rows === count && (await lines.next()).done === true) return;
      break;
    }
    if (!('b' in line)) break;
    count += 1;
    yield { bucket: line.b, key: line.k, revision: line.r, value: Buffer.from(line.v, 'base64') };
  }
  throw damaged(path);
}

function damaged(path: string, cause?: unknown): BackupError {
  const message = `The backup ${path} is damaged: it was changed, or its end is missing. Take another one.`;
  return new BackupError(message, cause === undefined ? undefined : { cause });
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
}
