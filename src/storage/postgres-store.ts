import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Pool, PoolClient } from 'pg';
import { messageOf } from '../lib/errors.ts';
import { silentLogger, type Logger } from '../lib/log.ts';
import type { ScanOptions, StoreChange, StoredEntry, StoredValue } from '../ports/store.ts';
import { inRange, scanRange, type BufferedTransaction } from './buffered-transaction.ts';
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
import { createPool, databaseUnavailable, type PostgresOptions } from './postgres-connection.ts';
import { PostgresFeed } from './postgres-feed.ts';
import { migratePostgres } from './postgres-schema.ts';
import {
  applyWrites,
  beginCommit,
  changedReads,
  rangeStands,
  selectChanges,
  selectEntry,
  selectRange,
  selectRevision,
} from './postgres-tables.ts';
import type { SealableStore, SealableTransaction } from './sealable-store.ts';

export interface PostgresStoreOptions extends PostgresOptions {
  /** Milliseconds between looks at the change feed without a notification; 500 unless given. */
  pollIntervalMs?: number;
  log?: Logger;
}

/** Transactions in one commit at most. */
const maxBatch = 256;

/** A store in PostgreSQL, and the pool that it works with. */
export interface PostgresStore extends SealableStore {
  readonly pool: Pool;
}

/**
 * Opens the store, and makes its tables where they are missing. Throws when a newer version of Kaap made them.
 *
 * Any number of processes may share it. Reads are of committed values, of this moment, from the primary. A commit locks
 * the counter of revisions, so commits of all replicas stand in one order; those that wait in this process meanwhile
 * become one transaction of the database. When the database cannot be reached, or ends the connection, callers get
 * ServiceUnavailableTemporary; a commit whose connection broke may then have been made or not, as with any server.
 */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<PostgresStore> {
  const pool = createPool(options);
  try {
    const client = await pool.connect();
    let revision: number;
    try {
      await migratePostgres(client, options.schema ?? 'kaap');
      revision = await selectRevision(client);
    } finally {
      client.release();
    }
    const store = new ReplicatedStore(pool, options, revision);
    await store.follow();
    return store;
  } catch (error) {
    await pool.end();
    throw error;
  }
}

class ReplicatedStore implements PostgresStore {
  readonly pool: Pool;
  readonly #listeners: ChangeListeners;
  readonly #log: Logger;
  readonly #runner: OptimisticRunner;
  readonly #feed: PostgresFeed;
  #waiting: WaitingCommit[] = [];
  #committing: Promise<void> | undefined;
  /** Revision up to which the change feed was told. */
  #told: number;
  #closed = false;
  /** Why nothing is read or written until the process is started again. */
  #stopped: Error | undefined;

  constructor(pool: Pool, options: PostgresStoreOptions, revision: number) {
    this.pool = pool;
    this.#told = revision;
    this.#log = options.log ?? silentLogger;
    this.#listeners = new ChangeListeners(this.#log);
    const engine: OptimisticEngine = {
      get: (bucket, key) => this.#ask(() => selectEntry(pool, bucket, key)),
      scan: (bucket, range) => this.#ask(() => selectRange(pool, bucket, range)),
      commit: (transaction, attempt) => this.#commit(transaction, attempt),
    };
    this.#runner = new OptimisticRunner(engine);
    this.#feed = new PostgresFeed({
      connection: options,
      pollIntervalMs: options.pollIntervalMs ?? 500,
      log: this.#log,
      told: () => this.#told,
      tell: (changes) => this.#tell(changes),
      wentBack: (revision) => this.#stop(revision),
    });
  }

  /** Begins to follow what others commit. */
  follow(): Promise<void> {
    return this.#feed.start();
  }

  async transact<T>(work: (transaction: SealableTransaction) => Promise<T> | T): Promise<T> {
    this.#assertOpen();
    return this.#runner.run(work);
  }

  async get(bucket: string, key: string): Promise<StoredValue | undefined> {
    this.#assertOpen();
    assertStoreText('bucket', bucket);
    assertStoreText('key', key);
    return this.#ask(() => selectEntry(this.pool, bucket, key));
  }

  async scan(bucket: string, options?: ScanOptions): Promise<readonly StoredEntry[]> {
    this.#assertOpen();
    const range = scanRange(bucket, options);
    return this.#ask(() => selectRange(this.pool, bucket, range));
  }

  watch(listener: ChangeListener): () => void {
    this.#assertOpen();
    return this.#listeners.add(listener);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#committing;
    this.#listeners.clear();
    await this.#feed.stop();
    await this.pool.end();
  }

  #assertOpen(): void {
    if (this.#closed) throw new Error('The store is closed.');
  }

  /** A database without commits that it had would show keys that were disabled, deleted or revoked since. */
  #stop(revision: number): Error {
    const message = `The database went back from revision ${this.#told} to ${revision}: it lost commits, or was restored.`;
    if (this.#stopped === undefined) this.#log.error({}, `${message} Restart this process if that is meant.`);
    this.#stopped = new Error(message);
    return this.#stopped;
  }

  async #ask<T>(question: () => Promise<T>): Promise<T> {
    try {
      if (this.#stopped !== undefined) throw this.#stopped;
      return await question();
    } catch (error) {
      this.#log.warn({ error: messageOf(error) }, 'the database could not be read');
      throw databaseUnavailable(error);
    }
  }

  /** Feed and commits learn of the same changes: each is told once, in order. */
  #tell(changes: readonly StoreChange[]): void {
    const fresh = changes.filter(({ revision }) => revision > this.#told);
    this.#told = fresh.at(-1)?.revision ?? this.#told;
    this.#listeners.emit(fresh);
  }

  #commit(transaction: BufferedTransaction, attempt: number): Promise<boolean> {
    this.#assertOpen();
    if (!needsCommit(transaction)) return Promise.resolve(true);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ transaction, attempt, resolve, reject });
      this.#committing ??= this.#drain().finally(() => (this.#committing = undefined));
    });
  }

  async #drain(): Promise<void> {
    await nextTurn();
    while (this.#waiting.length > 0) {
      const waiting = byAttempts(this.#waiting);
      this.#waiting = waiting.slice(maxBatch);
      await this.#commitBatch(waiting.slice(0, maxBatch));
    }
  }

  async #commitBatch(batch: readonly WaitingCommit[]): Promise<void> {
    let client: PoolClient | undefined;
    try {
      client = await this.pool.connect();
      const { outcomes, foreign } = await this.#write(client, batch);
      client.release();
      this.#tell(foreign);
      for (const [index, waiting] of batch.entries()) this.#settle(waiting, outcomes[index]);
    } catch (error) {
      // The connection goes: whether its transaction ended is not known here.
      client?.release(true);
      this.#log.error({ error: messageOf(error) }, 'cannot commit to the database');
      for (const { reject } of batch) reject(databaseUnavailable(error));
    }
  }

  async #write(
    client: PoolClient,
    batch: readonly WaitingCommit[],
  ): Promise<{ outcomes: CommitOutcome[]; foreign: StoreChange[] }> {
    const start = await beginCommit(client);
    if (start < this.#told) throw this.#stop(start);
    const foreign = start > this.#told && this.#listeners.size > 0 ? await selectChanges(client, this.#told) : [];
    const stands = await this.#findStanding(client, batch);
    const { outcomes, writes } = decide(batch, stands, start);
    if (writes.length > 0) await applyWrites(client, writes);
    await client.query('COMMIT');
    return { outcomes, foreign };
  }

  /** For each transaction, whether what it read is still so in the database. */
  async #findStanding(client: PoolClient, batch: readonly WaitingCommit[]): Promise<boolean[]> {
    const changed = await changedReads(
      client,
      batch.map(({ transaction }) => transaction),
    );
    const stands: boolean[] = [];
    for (const [index, { transaction }] of batch.entries()) {
      let stand = !changed.has(index);
      for (const range of transaction.ranges) stand &&= await rangeStands(client, range);
      stands.push(stand);
    }
    return stands;
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
}

/** Lets the transactions of a batch follow one another: one that read what an earlier one writes has to run again. */
function decide(
  batch: readonly WaitingCommit[],
  stands: readonly boolean[],
  start: number,
): { outcomes: CommitOutcome[]; writes: MadeWrite[] } {
  const writes: MadeWrite[] = [];
  const outcomes = batch.map(({ transaction }, index): CommitOutcome => {
    if (stands[index] !== true || writes.some(({ change }) => readsChange(transaction, change))) {
      return { committed: false, changes: [] };
    }
    try {
      const made = makeWrites(transaction, start + writes.length);
      writes.push(...made);
      return { committed: true, changes: made.map(({ change }) => change) };
    } catch (error) {
      return { error };
    }
  });
  return { outcomes, writes };
}

function readsChange(transaction: BufferedTransaction, { bucket, key }: StoreChange): boolean {
  if (transaction.reads.has(`${bucket}\0${key}`)) return true;
  return transaction.ranges.some((read) => read.bucket === bucket && inRange(key, read.range));
}
