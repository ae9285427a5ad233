import type { Logger } from '../lib/log.ts';
import type { SealableStore } from './sealable-store.ts';

export interface SqliteStoreOptions {
  /** Milliseconds to wait for a writer in another process; 5000 unless given. */
  busyTimeoutMs?: number;
  /** Milliseconds between looks at what other processes committed, while someone watches; 100 unless given. */
  pollIntervalMs?: number;
  log?: Logger;
}

/** Opens, or makes with mode 0600, the SQLite file at `path`. */
export function openSqliteStore(_path: string, _options: SqliteStoreOptions = {}): SealableStore {
  throw new Error('not written yet');
}
