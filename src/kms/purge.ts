import { resourceArn } from './arn.ts';
import type { KmsDependencies } from './dependencies.ts';
import { destroyMaterials, materialsOf } from './destroy-material.ts';
import { forgetKey } from './forget.ts';
import { buryKey } from './burial.ts';
import { keyTable, type PlannedDeletion } from './records/key.ts';
import { secretTable } from './records/secret.ts';
import { removeSecret } from './secret-removal.ts';

/** What one round removed. */
export interface PurgeResult {
  keys: readonly string[];
  secrets: readonly string[];
}

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
    const { store, clock } = this.#dependencies;
    const now = clock.monotonic();
    const elapsedMs = now - this.#lastRound;
    this.#lastRound = now;
    const keys: string[] = [];
    for (const { key, record } of await keyTable.all(store)) {
      if (record.deletion !== undefined && (await this.#countDownKey(key, elapsedMs))) keys.push(key);
    }
    const secrets: string[] = [];
    for (const { key, record } of await secretTable.all(store)) {
      if (record.deletion !== undefined && (await this.#countDownSecret(key, elapsedMs))) secrets.push(key);
    }
    return { keys, secrets };
  }

  async #countDownKey(keyId: string, elapsedMs: number): Promise<boolean> {
    const removed = await this.#dependencies.store.transact(async (transaction) => {
      const key = await keyTable.get(transaction, keyId);
      if (key?.deletion === undefined) return undefined;
      key.deletion = this.#countDown(key.deletion, elapsedMs);
      if (!this.#isDue(key.deletion)) {
        await keyTable.put(transaction, keyId, key);
        return undefined;
      }
      const materials = await materialsOf(transaction, key);
      await buryKey(transaction, key.keyId, this.#dependencies.clock.now());
      return { key, materials };
    });
    if (removed === undefined) return false;
    forgetKey(this.#dependencies, removed.key);
    this.#dependencies.ownChanges.note('DeleteKey', [resourceArn(this.#dependencies, 'key', keyId)]);
    await destroyMaterials(this.#dependencies, removed.key, removed.materials);
    return true;
  }

  async #countDownSecret(name: string, elapsedMs: number): Promise<boolean> {
    const removed = await this.#dependencies.store.transact(async (transaction) => {
      const secret = await secretTable.get(transaction, name);
      if (secret?.deletion === undefined) return false;
      secret.deletion = this.#countDown(secret.deletion, elapsedMs);
      const due = this.#isDue(secret.deletion);
      if (due) await removeSecret(transaction, secret);
      else await secretTable.put(transaction, name, secret);
      return due;
    });
    if (removed) this.#dependencies.ownChanges.note('DeleteSecret', [resourceArn(this.#dependencies, 'secret', name)]);
    return removed;
  }

  #countDown(deletion: PlannedDeletion, elapsedMs: number): PlannedDeletion {
    return { ...deletion, remainingMs: Math.max(0, deletion.remainingMs - elapsedMs) };
  }

  #isDue({ dueTime, remainingMs }: PlannedDeletion): boolean {
    return remainingMs === 0 && this.#dependencies.clock.now() >= dueTime;
  }
}
