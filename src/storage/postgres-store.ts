import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Pool, PoolClient } from 'pg';
import { messageOf } from '../lib/errors.ts';
import { silentLogger, type Logger } from '../lib/log.ts';
import type { StoreChange, StoredEntry, StoredValue } from '../ports/store.ts';
import { inRange, type BufferedTransaction, type ScanRange } from './buffered-transaction.ts';
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
  selectKeys,
  selectRange,
  selectRevision,
  type ToldChanges,
} from './postgres-tables.ts';
import type { SealableStore } from './sealable-store.ts';
import { SharedLook } from './shared-look.ts';

export interface PostgresStoreOptions extends PostgresOptions {
  /** Milliseconds between looks at the change feed without a notification; 500 unless given. */
  pollIntervalMs?: number;
  log?: Logger;
}

export interface PostgresStore extends SealableStore {
  /**
   * Takes the counter of revisions from another statement's answer, in the turn of the event loop in which that came, for
   * a look: whoever goes on because of the answer had come before the statement began. Counts only when there was nothing
   * to tell; otherwise he looks himself.
   */
  readonly saw: (revision: number) => void;
}

/** Transactions in one commit at most. */
const maxBatch = 256;

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
    const engine = new PostgresEngine(pool, options, revision);
    await engine.followOthers();
    return Object.assign(new GuardedStore(engine), { saw: (seen: number) => engine.saw(seen) });
  } catch (error) {
    await pool.end();
    throw error;
  }
}

class PostgresEngine implements StoreEngine {
  readonly feed: ChangeFeed;
  readonly #pool: Pool;
  readonly #log: Logger;
  readonly #notifications: PostgresFeed;
  readonly #looks: SharedLook;
  #waiting: WaitingCommit[] = [];
  #committing: Promise<void> | undefined;
  /** Whether the answer of a look came in in this turn of the event loop. */
  #hasLooked = false;
  /** Why nothing is read or written until the process is started again. */
  #stopped: Error | undefined;

  constructor(pool: Pool, options: PostgresStoreOptions, revision: number) {
    this.#pool = pool;
    this.#log = options.log ?? silentLogger;
    this.feed = new ChangeFeed(this.#log, revision);
    this.#looks = new SharedLook(() => this.#ask(() => this.#look()));
    this.#notifications = new PostgresFeed({
      connection: options,
      pollIntervalMs: options.pollIntervalMs ?? 500,
      log: this.#log,
      told: () => this.feed.told,
      tell: (...told) => this.#tell(...told),
      wentBack: (lower) => this.#stop(lower),
    });
  }

  /** Begins to be notified of what others commit. */
  followOthers(): Promise<void> {
    return this.#notifications.start();
  }

  get(bucket: string, key: string): Promise<StoredValue | undefined> {
    return this.#ask(() => selectEntry(this.#pool, bucket, key));
  }

  scan(bucket: string, range: ScanRange): Promise<StoredEntry[]> {
    return this.#ask(() => selectRange(this.#pool, bucket, range));
  }

  keys(bucket: string, range: ScanRange): Promise<string[]> {
    return this.#ask(() => selectKeys(this.#pool, bucket, range));
  }

  /**
   * Looks once for all that goes on because of it. A turn of the event loop takes in one answer of the database: whoever runs in
   * that of a look had waited for it, or for what it told, and so had come before it began. If he asks again, it is about
   * the same moment. Whoever came since goes on in a turn of his own.
   */
  catchUp(): Promise<void> | void {
    if (!this.#hasLooked) return this.#looks.join();
  }

  readonly #endOfTurn = (): void => {
    this.#hasLooked = false;
  };

  async close(): Promise<void> {
    await this.#committing;
    await this.#notifications.stop();
    await this.#pool.end();
  }

  async #look(): Promise<void> {
    const { told } = this.feed;
    const revision = await selectRevision(this.#pool);
    if (revision < told) throw this.#stop(revision);
    if (revision > told) this.#tell(await selectChanges(this.#pool, told), revision);
    this.#lookedNow();
  }

  /** See {@link PostgresStore.saw}. */
  saw(revision: number): void {
    if (revision === this.feed.told && this.#stopped === undefined) this.#lookedNow();
  }

  #lookedNow(): void {
    this.#hasLooked = true;
    process.nextTick(this.#endOfTurn);
  }

  /** A database without commits that it had would show keys that were disabled, deleted or revoked since. */
  #stop(revision: number): Error {
    const message = `The database went back from revision ${this.feed.told} to ${revision}: it lost commits, or was restored.`;
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

  /** Looks, notifications and commits learn of the same changes: each is told once, in order. */
  #tell({ changes, complete }: ToldChanges, revision: number): void {
    this.feed.tell(changes);
    if (!complete) this.feed.loseTrack(Math.max(revision, this.feed.told));
  }

  commit(transaction: BufferedTransaction, attempt: number): Promise<boolean> {
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
      client = await this.#pool.connect();
      const { told } = this.feed;
      const { outcomes, start } = await this.#write(client, batch);
      // What others committed in between comes first; it is asked for only now that nobody waits for this commit.
      if (start > told) this.#tell(await selectChanges(client, told), start);
      client.release();
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
  ): Promise<{ outcomes: CommitOutcome[]; start: number }> {
    const start = await beginCommit(client);
    if (start < this.feed.told) throw this.#stop(start);
    const stands = await this.#findStanding(client, batch);
    const { outcomes, writes } = decide(batch, stands, start);
    if (writes.length > 0) await applyWrites(client, writes);
    await client.query('COMMIT');
    return { outcomes, start };
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
    this.feed.tell(outcome.changes);
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
