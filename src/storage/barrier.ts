import type { KeyObject } from 'node:crypto';
import type { Random } from '../crypto/aead.ts';
import type { Clock } from '../lib/clock.ts';
import type { Store } from '../ports/store.ts';
import type { Seal } from './seal/seal.ts';
import type { SealableStore } from './sealable-store.ts';

export interface BarrierOptions {
  clock?: Clock;
  random?: Random;
  /** Makes root key and keyring in a store that is empty. Off unless asked. */
  createIfMissing?: boolean;
  /** Values sealed with one data-encryption key before the next one is made; 2^31 unless given, at most 2^32. */
  rotateAfterUses?: number;
}

/** A store whose values are sealed on their way into another one. While sealed, everything throws StoreSealedError. */
export interface Barrier extends Store {
  readonly sealed: boolean;
  /** Forgets every key. Takes effect at once, also for transactions that are under way. */
  seal(): void;
  /** Asks the seal for the root key again. No effect when unsealed. */
  unseal(): Promise<void>;
  /** Makes a new data-encryption key for all later writes; values sealed before stay readable. Returns its number. */
  rotate(): Promise<number>;
  /** A 256-bit key for one purpose, derived from the root key: the same after a restart and after `rotate`. */
  deriveSecretKey(purpose: string): KeyObject;
  /** An Ed25519 private key for one purpose, derived likewise: for the audit log's checkpoints use `audit-checkpoint`. */
  deriveSigningKey(purpose: string): KeyObject;
}

/** Opens the barrier over `store`: unseals it, or with `createIfMissing` makes a new one in an empty store. */
export function openBarrier(_store: SealableStore, _seal: Seal, _options: BarrierOptions = {}): Promise<Barrier> {
  throw new Error('not written yet');
}
