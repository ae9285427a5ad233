import type { DatabaseSync } from 'node:sqlite';
import { ApiError } from '../lib/errors.ts';
import { silentLogger, type Logger } from '../lib/log.ts';
import type { StoredEntry, StoredValue } from '../ports/store.ts';
import type { BufferedTransaction, ScanRange } from './buffered-transaction.ts';
import { ChangeFeed } from './change-feed.ts';
import { GuardedStore, type StoreEngine } from './guarded-store.ts';
import {
  byAttempts,
  makeWrites,
  needsCommit,
  type CommitOutcome,
  type MadeWrite,
  type WaitingCommit,
} from './pending-commit.ts';
import type { SealableStore } from './sealable-store.ts';
import { openDatabase } from './sqlite-schema.ts';
import { SqliteTables, type ForeignChanges } from './sqlite-tables.ts';

export interface SqliteStoreOptions {
  /** Milliseconds to wait for a writer in another process; 5000 unless given. The process stands still meanwhile. */
  busyTimeoutMs?: number;
  /** Milliseconds between looks at what other processes committed, while someone watches; 100 unless given. */
  pollIntervalMs?: number;
  log?: Logger;
}

/**
 * Opens, or makes with mode 0600, the SQLite file at `path`. Throws when a newer version of Kaap made it.
 *
 * Group commit: transactions that end in one turn of the event loop become one SQLite transaction with one fsync. The
 * file may be open in several processes; what they commit appears in the change feed within the poll interval.
 */
export function openSqliteStore(path: string, options: SqliteStoreOptions = {}): SealableStore {
  return new GuardedStore(new SqliteEngine(openDatabase(path, options.busyTimeoutMs ?? 5000), options));
}

class SqliteEngine implements StoreEngine {
  readonly feed: ChangeFeed;
  readonly #database: DatabaseSync;
  readonly #tables: SqliteTables;
  readonly #log: Logger;
  readonly #pollIntervalMs: number;
  #waiting: WaitingCommit[] = [];
  #flush: NodeJS.Immediate | undefined;
  #poll: NodeJS.Timeout | undefined;
  /** As of the last look at what others committed; undefined when the next look has to be a thorough one. */
  #dataVersion: number | undefined;
  #hasLooked = false;

  constructor(database: DatabaseSync, options: SqliteStoreOptions) {
    this.#database = database;
    this.#tables = new SqliteTables(database);
    this.#log = options.log ?? silentLogger;
    this.#pollIntervalMs = options.pollIntervalMs ?? 100;
    this.#dataVersion = this.#tables.dataVersion();
    this.feed = new ChangeFeed(this.#log, this.#tables.revision());
  }

  get(bucket: string, key: string): StoredValue | undefined {
    return this.#tables.get(bucket, key);
  }

  scan(bucket: string, range: ScanRange): StoredEntry[] {
    return this.#tables.scan(bucket, range);
  }

  keys(bucket: string, range: ScanRange): string[] {
    return this.#tables.keys(bucket, range);
  }

  watch(): void {
    this.catchUp();
    this.#poll = setInterval(() => this.#lookForForeignChanges(), this.#pollIntervalMs).unref();
  }

  rest(): void {
    clearInterval(this.#poll);
  }

  close(): Promise<void> {
    this.#commitWaiting();
    this.#database.close();
    return Promise.resolve();
  }

  /**
   * Looks once in a turn of the event loop. Nothing comes in from outside before the turn has ended, its ticks and
   * promises included: whoever asks again within it asks about the same moment.
   */
  catchUp(): void {
    if (this.#hasLooked) return;
    const version = this.#tables.dataVersion();
    if (version !== this.#dataVersion) this.#tellForeign(this.#tables.changesSince(this.feed.told));
    this.#dataVersion = version;
    this.#hasLooked = true;
    process.nextTick(this.#endOfTurn);
  }

  readonly #endOfTurn = (): void => {
    this.#hasLooked = false;
  };

  #lookForForeignChanges(): void {
    try {
      this.catchUp();
    } catch (error) {
      this.#log.warn({ error: String(error) }, 'cannot read the change feed; trying again');
    }
  }

  /** Every revision is that of one change: where some are missing, the file was restored or the process slept too long. */
  #tellForeign({ changes, revision }: ForeignChanges): void {
    const complete = changes.length === revision - this.feed.told;
    this.feed.tell(changes);
    if (!complete) this.feed.loseTrack(revision);
  }

  commit(transaction: BufferedTransaction, attempt: number): Promise<boolean> {
    if (!needsCommit(transaction)) return Promise.resolve(true);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ transaction, attempt, resolve, reject });
      // One that met a conflict does not give others another turn in which to get in its way.
      if (attempt > 1) this.#commitWaiting();
      else this.#flush ??= setImmediate(() => this.#commitWaiting());
    });
  }

  #commitWaiting(): void {
    clearImmediate(this.#flush);
    this.#flush = undefined;
    const batch = byAttempts(this.#waiting);
    this.#waiting = [];
    if (batch.length === 0) return;
    let foreign: ForeignChanges;
    let outcomes: CommitOutcome[];
    try {
      this.#database.exec(batch.some(({ transaction }) => transaction.writes.size > 0) ? 'BEGIN IMMEDIATE' : 'BEGIN');
      foreign = this.#tables.changesSince(this.feed.told);
      outcomes = this.#commitBatch(batch);
      this.#database.exec('COMMIT');
    } catch (error) {
      this.#abandon(batch, error);
      return;
    }
    this.#tellForeign(foreign);
    for (const [index, waiting] of batch.entries()) this.#settle(waiting, outcomes[index]);
  }

  #commitBatch(batch: readonly WaitingCommit[]): CommitOutcome[] {
    const start = this.#tables.revision();
    let revision = start;
    const outcomes = batch.map(({ transaction }): CommitOutcome => {
      const outcome = this.#apply(transaction, revision);
      if ('changes' in outcome) revision += outcome.changes.length;
      return outcome;
    });
    if (revision !== start) this.#tables.setRevision(revision);
    return outcomes;
  }

  #apply(transaction: BufferedTransaction, revision: number): CommitOutcome {
    if (!this.#tables.stands(transaction)) return { committed: false, changes: [] };
    let made: MadeWrite[];
    try {
      made = makeWrites(transaction, revision);
    } catch (error) {
      return { error };
    }
    for (const { change, value } of made) this.#tables.apply(change, value);
    return { committed: true, changes: made.map(({ change }) => change) };
  }

  #settle(waiting: WaitingCommit, outcome: CommitOutcome | undefined): void {
    if (outcome === undefined) return;
    if ('error' in outcome) {
      waiting.reject(outcome.error);
      return;
    }
    this.feed.tell(outcome.changes);
    waiting.resolve(outcome.committed);
  }

  #abandon(batch: readonly WaitingCommit[], cause: unknown): void {
    if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
    this.#dataVersion = undefined;
    this.#log.error({ error: String(cause) }, 'cannot commit to the store');
    const message = 'The store cannot be written now. Check the free space and health of its disk, then try again.';
    for (const { reject } of batch) reject(new ApiError('ServiceUnavailableTemporary', message, { cause }));
  }
}
