import type { DatabaseSync } from 'node:sqlite';
import { ApiError } from '../lib/errors.ts';
import { silentLogger, type Logger } from '../lib/log.ts';
import type { ScanOptions, StoreChange, StoredEntry, StoredValue } from '../ports/store.ts';
import { scanRange, type BufferedTransaction } from './buffered-transaction.ts';
import { ChangeListeners, type ChangeListener } from './change-listeners.ts';
import { assertStoreText } from './key-order.ts';
import { OptimisticRunner, type OptimisticEngine } from './optimistic.ts';
import {
  byAttempts,
  makeWrites,
  needsCommit,
  type CommitOutcome,
  type MadeWrite,
  type WaitingCommit,
} from './pending-commit.ts';
import type { SealableStore, SealableTransaction } from './sealable-store.ts';
import { openDatabase } from './sqlite-schema.ts';
import { SqliteTables } from './sqlite-tables.ts';

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
  return new SqliteStore(openDatabase(path, options.busyTimeoutMs ?? 5000), options);
}

class SqliteStore implements SealableStore {
  readonly #database: DatabaseSync;
  readonly #tables: SqliteTables;
  readonly #listeners: ChangeListeners;
  readonly #log: Logger;
  readonly #runner: OptimisticRunner;
  readonly #pollIntervalMs: number;
  #waiting: WaitingCommit[] = [];
  #flush: NodeJS.Immediate | undefined;
  #poll: NodeJS.Timeout | undefined;
  #dataVersion = 0;
  /** Revision up to which the change feed was told. */
  #told = 0;
  #closed = false;

  constructor(database: DatabaseSync, options: SqliteStoreOptions) {
    this.#database = database;
    this.#tables = new SqliteTables(database);
    this.#log = options.log ?? silentLogger;
    this.#listeners = new ChangeListeners(this.#log);
    this.#pollIntervalMs = options.pollIntervalMs ?? 100;
    const engine: OptimisticEngine = {
      get: (bucket, key) => this.#tables.get(bucket, key),
      scan: (bucket, range) => this.#tables.scan(bucket, range),
      commit: (transaction, attempt) => this.#commit(transaction, attempt),
    };
    this.#runner = new OptimisticRunner(engine);
  }

  async transact<T>(work: (transaction: SealableTransaction) => Promise<T> | T): Promise<T> {
    this.#assertOpen();
    return this.#runner.run(work);
  }

  async get(bucket: string, key: string): Promise<StoredValue | undefined> {
    this.#assertOpen();
    assertStoreText('bucket', bucket);
    assertStoreText('key', key);
    return Promise.resolve(this.#tables.get(bucket, key));
  }

  async scan(bucket: string, options?: ScanOptions): Promise<readonly StoredEntry[]> {
    this.#assertOpen();
    return Promise.resolve(this.#tables.scan(bucket, scanRange(bucket, options)));
  }

  watch(listener: ChangeListener): () => void {
    this.#assertOpen();
    if (this.#listeners.size === 0) this.#startFeed();
    const remove = this.#listeners.add(listener);
    return () => {
      remove();
      if (this.#listeners.size === 0) clearInterval(this.#poll);
    };
  }

  close(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#commitWaiting();
    this.#closed = true;
    clearInterval(this.#poll);
    this.#listeners.clear();
    this.#database.close();
    return Promise.resolve();
  }

  #assertOpen(): void {
    if (this.#closed) throw new Error('The store is closed.');
  }

  #startFeed(): void {
    this.#dataVersion = this.#tables.dataVersion();
    this.#told = this.#tables.revision();
    this.#poll = setInterval(() => this.#lookForForeignChanges(), this.#pollIntervalMs).unref();
  }

  #lookForForeignChanges(): void {
    try {
      const version = this.#tables.dataVersion();
      if (version === this.#dataVersion) return;
      const changes = this.#tables.changesAfter(this.#told);
      this.#dataVersion = version;
      this.#tell(changes);
    } catch (error) {
      this.#log.warn({ error: String(error) }, 'cannot read the change feed; trying again');
    }
  }

  #tell(changes: readonly StoreChange[]): void {
    this.#told = changes.at(-1)?.revision ?? this.#told;
    this.#listeners.emit(changes);
  }

  #commit(transaction: BufferedTransaction, attempt: number): Promise<boolean> {
    this.#assertOpen();
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
    let foreign: readonly StoreChange[] = [];
    let outcomes: CommitOutcome[];
    try {
      this.#database.exec(batch.some(({ transaction }) => transaction.writes.size > 0) ? 'BEGIN IMMEDIATE' : 'BEGIN');
      if (this.#listeners.size > 0) foreign = this.#tables.changesAfter(this.#told);
      outcomes = this.#commitBatch(batch);
      this.#database.exec('COMMIT');
    } catch (error) {
      this.#abandon(batch, error);
      return;
    }
    this.#tell(foreign);
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
    this.#tell(outcome.changes);
    waiting.resolve(outcome.committed);
  }

  #abandon(batch: readonly WaitingCommit[], cause: unknown): void {
    if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
    this.#log.error({ error: String(cause) }, 'cannot commit to the store');
    const message = 'The store cannot be written now. Check the free space and health of its disk, then try again.';
    for (const { reject } of batch) reject(new ApiError('ServiceUnavailableTemporary', message, { cause }));
  }
}
