import type { StoreChange } from '../ports/store.ts';
import type { BufferedTransaction } from './buffered-transaction.ts';

/** A transaction that waits for its commit. */
export interface WaitingCommit {
  transaction: BufferedTransaction;
  attempt: number;
  resolve: (committed: boolean) => void;
  reject: (error: unknown) => void;
}

/** A write with its revision and the bytes to store; no bytes for a delete. */
export interface MadeWrite {
  change: StoreChange;
  value: Uint8Array | undefined;
}

/** What came of one transaction of a batch. */
export type CommitOutcome = { committed: boolean; changes: readonly StoreChange[] } | { error: unknown };

/** Whether there is anything to check or to write. One read is always a view of one moment. */
export function needsCommit({ writes, reads, ranges }: BufferedTransaction): boolean {
  return writes.size > 0 || reads.size + ranges.length > 1;
}

/** Those with more attempts go first. */
export function byAttempts(waiting: readonly WaitingCommit[]): WaitingCommit[] {
  return waiting.toSorted((left, right) => right.attempt - left.attempt);
}

/**
 * Gives each write of a transaction its revision, the first `revision + 1`, and makes its bytes. Every value is made
 * before the first is stored, so that one that throws leaves nothing behind.
 */
export function makeWrites(transaction: BufferedTransaction, revision: number): MadeWrite[] {
  return [...transaction.writes.values()].map(({ bucket, key, value, make }, index) => {
    const next = revision + index + 1;
    const bytes = make?.(next) ?? value;
    return { change: { bucket, key, revision: next, deleted: bytes === undefined }, value: bytes };
  });
}
