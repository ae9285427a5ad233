import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { MemoryNonceStore, type NonceStore } from '../gateway/nonce-store.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import { openBarrier, type Barrier } from '../storage/barrier.ts';
import { PostgresNonces } from '../storage/postgres-nonces.ts';
import { openPostgresStore } from '../storage/postgres-store.ts';
import { openFileSeal } from '../storage/seal/file-seal.ts';
import type { SealableStore } from '../storage/sealable-store.ts';
import { openSqliteStore } from '../storage/sqlite-store.ts';
import { databaseUrlOf, type KmsConfig } from './kms-config.ts';

/** The store that the configuration names: what it holds is sealed. */
export interface StoredState {
  store: SealableStore;
  /** Whether there was nothing to open, so that it may be initialised. */
  isNew: boolean;
  /** URL of the database; undefined for a file. */
  url: string | undefined;
}

/** What works on it with its keys. */
export interface UnsealedState {
  barrier: Barrier;
  nonces: NonceStore;
  /** Lets go of every key; the store stays open. */
  close(): Promise<void>;
}

/** Where the state is, and the file of its seal. */
export type StateConfig = Pick<KmsConfig, 'dataDir' | 'sealFile' | 'database'>;

/** Opens the store. */
export async function openStoredState(config: StateConfig, log: Logger): Promise<StoredState> {
  const url = databaseUrlOf(config);
  if (url !== undefined) {
    // An empty database is initialised; one that has values and no root key is refused by the barrier.
    return { store: await openPostgresStore({ url, log }), isNew: true, url };
  }
  const path = join(config.dataDir, 'kaap.db');
  const isNew = !existsSync(path);
  return { store: openSqliteStore(path, { log }), isNew, url };
}

export interface UnsealOptions {
  config: StateConfig;
  clock: Clock;
  /** Makes the seal key where there is none. */
  createIfMissing: boolean;
}

/** Asks the seal for the root key. Throws SealError when it is not the one that sealed this store. */
export async function unsealState(state: StoredState, options: UnsealOptions): Promise<UnsealedState> {
  const { config, clock, createIfMissing } = options;
  const seal = await openFileSeal(config.sealFile, { createIfMissing });
  // A store that is new may always be initialised; one that has a keyring is only ever opened with the key it was sealed with.
  const barrier = await openBarrier(state.store, seal, { clock, createIfMissing: createIfMissing || state.isNew });
  if (state.url === undefined) {
    const nonces = new MemoryNonceStore({ clock, salt: randomBytes(32) });
    return { barrier, nonces, close: () => Promise.resolve(barrier.seal()) };
  }
  const nonces = new PostgresNonces({ connection: { url: state.url }, salt: barrier.deriveSecretKey('nonces') });
  return {
    barrier,
    nonces,
    close: async () => {
      await nonces.close();
      barrier.seal();
    },
  };
}
