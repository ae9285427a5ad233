import { open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { parseCheckpoint, type Checkpoint } from '../crypto/record-chain.ts';
import type { AuditAnchor } from '../ports/audit-anchor.ts';
import { syncDirectory } from './audit-segments.ts';

/**
 * Opens the anchor in the file at `path`, which belongs on another disk or mount than the log. The file need not exist, but
 * one that is damaged is an error.
 */
export async function openFileAnchor(path: string): Promise<AuditAnchor> {
  let last = await readFileAnchor(path);
  let pending: Checkpoint | undefined;
  let healthy = true;
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
    get healthy() {
      return healthy;
    },
    anchor: (checkpoint) => {
      last = checkpoint;
      pending = checkpoint;
      writing = writing.catch(() => undefined).then(writePending);
      // Whoever flushes hears of a failure; nobody else waits for it.
      writing.then(
        () => (healthy = true),
        () => (healthy = false),
      );
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
  const checkpoint = parseCheckpoint(text);
  if (checkpoint !== undefined) return checkpoint;
  throw new Error(`The audit anchor ${path} is damaged. Restore it, or verify the log and remove it.`);
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
