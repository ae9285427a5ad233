import { LRUCache } from 'lru-cache';
import type { Store } from '../ports/store.ts';
import { keyUseTable } from './records/key-use.ts';

/**
 * Encryptions under one version with random IVs of 96 bits until the chance of an IV twice reaches 2^-33
 * (NIST SP 800-38D §8.3).
 */
const usesPerVersion = 2 ** 32;
const firstBlock = 2 ** 10;
const largestBlock = 2 ** 20;
const trackedVersions = 10_000;

export interface KeyUsesOptions {
  /** Uses that a version has; 2^32 unless a test wants to see the end of it. */
  readonly usesPerVersion?: number;
  /** Uses that a process sets aside the first time; each time after that twice as many, up to 2^20. */
  readonly firstBlock?: number;
}

interface Block {
  left: number;
  size: number;
}

/**
 * Counts encryptions per key version over all replicas and restarts, without a write for each: a process sets aside a block
 * of uses in the store, durably, and counts it down in memory. What is left of a block when the process ends counts as used.
 */
export class KeyUses {
  readonly #store: Store;
  readonly #limit: number;
  readonly #firstBlock: number;
  readonly #blocks = new LRUCache<string, Block>({ max: trackedVersions });
  readonly #pending = new Map<string, Promise<boolean>>();

  constructor(store: Store, options: KeyUsesOptions = {}) {
    this.#store = store;
    this.#limit = options.usesPerVersion ?? usesPerVersion;
    this.#firstBlock = options.firstBlock ?? firstBlock;
  }

  /** Takes one use of the version. False when all are used up: it must not encrypt again. */
  async take(versionId: string): Promise<boolean> {
    for (;;) {
      const block = this.#blocks.get(versionId);
      if (block !== undefined && block.left > 0) {
        block.left -= 1;
        return true;
      }
      if (!(await this.#reserveOnce(versionId))) return false;
    }
  }

  /** Calls that find a block empty at the same time set one aside together. */
  #reserveOnce(versionId: string): Promise<boolean> {
    const pending = this.#pending.get(versionId);
    if (pending !== undefined) return pending;
    const reserving = this.#reserve(versionId).finally(() => this.#pending.delete(versionId));
    this.#pending.set(versionId, reserving);
    return reserving;
  }

  async #reserve(versionId: string): Promise<boolean> {
    const before = this.#blocks.get(versionId)?.size;
    const size = before === undefined ? this.#firstBlock : Math.min(before * 2, largestBlock);
    const granted = await this.#store.transact(async (transaction) => {
      const reserved = (await keyUseTable.get(transaction, versionId))?.reserved ?? 0;
      const uses = Math.min(size, this.#limit - reserved);
      if (uses > 0) await keyUseTable.put(transaction, versionId, { reserved: reserved + uses });
      return uses;
    });
    if (granted <= 0) return false;
    this.#blocks.set(versionId, { left: granted, size });
    return true;
  }
}
