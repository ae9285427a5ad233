import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/**
 * Takes the log's directory for this process: two writers would fork the chain. The lock is SQLite's on an empty
 * database, so that the kernel frees it with the process, however that ends. Returns what gives it back.
 */
export function lockAuditDirectory(directory: string): () => void {
  const path = join(directory, 'writer.lock');
  closeSync(openSync(path, 'a', 0o600));
  const lock = new DatabaseSync(path, { timeout: 0 });
  try {
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE;');
  } catch (error) {
    lock.close();
    const message = `Another process writes the audit log in ${directory}. Stop it, or configure another directory.`;
    throw new Error(message, { cause: error });
  }
  return () => lock.close();
}
