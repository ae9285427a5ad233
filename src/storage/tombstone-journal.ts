import { open, type FileHandle } from 'node:fs/promises';
import { z } from 'zod';
import { messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/log.ts';
import type { Store, StoreChange } from '../ports/store.ts';
import { readLines } from './audit-segments.ts';

const lineSchema = z.strictObject({ tombstone: z.string().min(1) });

export interface TombstoneJournalOptions {
  /** File of the journal: one line of JSON each. Best on another disk than the store, and kept longer than any backup. */
  path: string;
  /** Buckets whose keys are tombstones: ids that were random, and are never used again. */
  buckets: readonly string[];
  store: Pick<Store, 'watch' | 'scan'>;
  log: Logger;
}

const pageSize = 1000;

/**
 * Keeps the names of what was deleted for good outside the store, so that a backup restored after the store was lost does
 * not bring it back. What was deleted while nobody wrote the journal is added when it is opened. Gives the stop.
 */
export async function startTombstoneJournal(options: TombstoneJournalOptions): Promise<() => Promise<void>> {
  const { path, buckets, store, log } = options;
  const known = new Set(await readTombstones(path));
  const file = await open(path, 'a', 0o600);
  let writing: Promise<void> = Promise.resolve();
  const note = (names: readonly string[]): void => {
    const fresh = names.filter((name) => !known.has(name));
    for (const name of fresh) known.add(name);
    if (fresh.length === 0) return;
    writing = writing
      .then(() => append(file, fresh))
      .catch((error: unknown) => {
        for (const name of fresh) known.delete(name);
        log.error({ error: messageOf(error) }, 'a tombstone could not be noted; it will be at the next start');
      });
  };
  const stop = store.watch((changes) => note(tombstonesAmong(changes, buckets)));
  for (const bucket of buckets) note(await keysOf(store, bucket));
  await writing;
  return async () => {
    stop();
    await writing;
    await file.close();
  };
}

function tombstonesAmong(changes: readonly StoreChange[], buckets: readonly string[]): string[] {
  return changes.filter(({ bucket, deleted }) => !deleted && buckets.includes(bucket)).map(({ key }) => key);
}

async function append(file: FileHandle, names: readonly string[]): Promise<void> {
  await file.write(names.map((tombstone) => `${JSON.stringify({ tombstone })}\n`).join(''));
  await file.datasync();
}

async function keysOf(store: Pick<Store, 'scan'>, bucket: string): Promise<string[]> {
  const keys: string[] = [];
  for (;;) {
    const after = keys.at(-1);
    const page = await store.scan(bucket, { limit: pageSize, ...(after !== undefined && { after }) });
    keys.push(...page.map(({ key }) => key));
    if (page.length < pageSize) return keys;
  }
}

/** The names in a journal; none when there is no file. A last line that a crash cut off is left out. */
export async function readTombstones(path: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const line of readLines(path)) {
      if (line.at(-1) === 10) names.push(lineSchema.parse(JSON.parse(line.toString('utf8'))).tombstone);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new Error(`The tombstone journal ${path} is damaged. Restore it before you restore a backup.`, {
      cause: error,
    });
  }
  return names;
}
