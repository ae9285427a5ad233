import type { Transaction } from '../ports/store.ts';
import { resourceArn } from './arn.ts';
import type { KmsDependencies } from './dependencies.ts';
import { destroyMaterials, materialsOf } from './destroy-material.ts';
import { forgetKey } from './forget.ts';
import { buryDataKey, buryKey } from './burial.ts';
import type { OwnChange } from './own-changes.ts';
import { dataKeyTable } from './records/data-key.ts';
import { keyTable, type KeyRecord, type PlannedDeletion } from './records/key.ts';
import type { RecordTable } from './records/record-table.ts';
import { secretTable } from './records/secret.ts';
import { removeSecret } from './secret-removal.ts';

/** What one round removed. */
export interface PurgeResult {
  keys: readonly string[];
  secrets: readonly string[];
  dataKeys: readonly string[];
}

interface Deletable {
  deletion?: PlannedDeletion;
}

type Finish = () => void | Promise<void>;

/** Removes what is due within a transaction. */
type Remove<T> = (transaction: Transaction, record: T) => Promise<Finish>;

/**
 * Counts planned deletions down and carries out those that are due. One replica calls {@link Purge.round} every few
 * minutes.
 *
 * A deletion happens when the wall clock has passed its date *and* the service has itself lived through the whole
 * window by its monotonic clock. So a clock set forward deletes nothing early (checklist E8); time during which the
 * service was stopped makes a deletion later, never earlier.
 */
export class Purge {
  readonly #dependencies: KmsDependencies;
  #lastRound: number;

  constructor(dependencies: KmsDependencies) {
    this.#dependencies = dependencies;
    this.#lastRound = dependencies.clock.monotonic();
  }

  /** Time since the last round counts; what is due then goes. */
  async round(): Promise<PurgeResult> {
    const now = this.#dependencies.clock.monotonic();
    const elapsedMs = now - this.#lastRound;
    this.#lastRound = now;
    const keys = await this.#countDownAll(keyTable, elapsedMs, (...due) => this.#removeKey(...due));
    const secrets = await this.#countDownAll(secretTable, elapsedMs, async (transaction, secret) => {
      await removeSecret(transaction, secret);
      return () => this.#note('DeleteSecret', 'secret', secret.name);
    });
    const dataKeys = await this.#countDownAll(dataKeyTable, elapsedMs, async (transaction, dataKey) => {
      await buryDataKey(transaction, dataKey, this.#dependencies.clock.now());
      return () => this.#note('DeleteManagedDataKey', 'datakey', dataKey.name);
    });
    return { keys, secrets, dataKeys };
  }

  async #countDownAll<T extends Deletable>(
    table: RecordTable<T>,
    elapsedMs: number,
    remove: Remove<T>,
  ): Promise<string[]> {
    const removed: string[] = [];
    for (const { key, record } of await table.all(this.#dependencies.store)) {
      if (record.deletion === undefined) continue;
      const finish = await this.#countDown(table, key, elapsedMs, remove);
      if (finish === undefined) continue;
      await finish();
      removed.push(key);
    }
    return removed;
  }

  /** Gives what is left to do once the removal is durable; `undefined` when it is not due. */
  #countDown<T extends Deletable>(
    table: RecordTable<T>,
    name: string,
    elapsedMs: number,
    remove: Remove<T>,
  ): Promise<Finish | undefined> {
    return this.#dependencies.store.transact(async (transaction) => {
      const record = await table.get(transaction, name);
      if (record?.deletion === undefined) return undefined;
      const { dueTime, remainingMs } = record.deletion;
      const leftMs = Math.max(0, remainingMs - elapsedMs);
      if (leftMs === 0 && this.#dependencies.clock.now() >= dueTime) return remove(transaction, record);
      record.deletion = { ...record.deletion, remainingMs: leftMs };
      await table.put(transaction, name, record);
      return undefined;
    });
  }

  async #removeKey(transaction: Transaction, key: KeyRecord): Promise<Finish> {
    const materials = await materialsOf(transaction, key);
    await buryKey(transaction, key.keyId, this.#dependencies.clock.now());
    return async () => {
      forgetKey(this.#dependencies, key);
      this.#note('DeleteKey', 'key', key.keyId);
      await destroyMaterials(this.#dependencies, key, materials);
    };
  }

  #note(change: OwnChange, type: 'key' | 'secret' | 'datakey', name: string): void {
    this.#dependencies.ownChanges.note(change, [resourceArn(this.#dependencies, type, name)]);
  }
}
