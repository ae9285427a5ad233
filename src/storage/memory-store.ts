import type { ScanOptions, StoreChange, StoredEntry, StoredValue } from '../ports/store.ts';
import type { SealableStore, SealableTransaction } from './sealable-store.ts';

/** A store in memory: for tests, and for replicas of nothing. Ends with the process. */
export class MemoryStore implements SealableStore {
  transact<T>(_work: (transaction: SealableTransaction) => Promise<T> | T): Promise<T> {
    throw new Error('not written yet');
  }
  get(_bucket: string, _key: string): Promise<StoredValue | undefined> {
    throw new Error('not written yet');
  }
  scan(_bucket: string, _options: ScanOptions = {}): Promise<readonly StoredEntry[]> {
    throw new Error('not written yet');
  }
  watch(_listener: (changes: readonly StoreChange[]) => void): () => void {
    throw new Error('not written yet');
  }
  close(): Promise<void> {
    throw new Error('not written yet');
  }
}
