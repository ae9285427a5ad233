import { open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import type { Checkpoint } from '../crypto/record-chain.ts';
import { syncDirectory } from './audit-segments.ts';

/** Keeps the last checkpoint in a file, which belongs on another disk or mount than the log. */
export interface FileAnchor {
  /** Last checkpoint, at opening or since. */
  readonly last: Checkpoint | undefined;
  /** Replaces the file. Of checkpoints that come while it is being written, the last is kept. */
  readonly anchor: (checkpoint: Checkpoint) => void;
  /** Resolves when the last checkpoint is durable; rejects when it could not be written. */
  flush(): Promise<void>;
}

const checkpointSchema = z.object({
  seq: z.int().min(1),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  signature: z.base64(),
});

/** Opens the anchor at `path`; the file need not exist, but one that is damaged is an error. */
export async function openFileAnchor(path: string): Promise<FileAnchor> {
  let last = await readFileAnchor(path);
  let pending: Checkpoint | undefined;
  let writing: Promise<void> = Promise.resolve();
  const writePending = async (): Promise<void> => {
    const checkpoint = pending;
    pending = undefined;
    if (checkpoint !== undefined) await replaceFile(path, `${JSON.stringify(checkpoint)}\n`);
  };
  return {
    get last() {
      return last;
    },
    anchor: (checkpoint) => {
      last = checkpoint;
      pending = checkpoint;
      writing = writing.catch(() => undefined).then(writePending);
      // Whoever flushes hears of a failure; nobody else waits for it.
      writing.catch(() => undefined);
    },
    flush: () => writing,
  };
}

/** Reads an anchor file; undefined when there is none. */
export async function readFileAnchor(path: string): Promise<Checkpoint | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return checkpointSchema.parse(JSON.parse(text));
  } catch (error) {
    const message = `The audit anchor ${path} is damaged. Restore it, or verify the log and remove it.`;
    throw new Error(message, { cause: error });
  }
}

async function replaceFile(path: string, text: string): Promise<void> {
  const next = `${path}.next`;
  const file = await open(next, 'w', 0o644);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(next, path);
  await syncDirectory(dirname(path));
}
