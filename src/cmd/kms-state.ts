import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { MemoryNonceStore, type NonceStore } from '../gateway/nonce-store.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import { openBarrier, type Barrier } from '../storage/barrier.ts';
import { PostgresNonces, type PostgresNoncesOptions } from '../storage/postgres-nonces.ts';
import { postgresRows } from '../storage/postgres-rows.ts';
import { openPostgresStore } from '../storage/postgres-store.ts';
import type { RawRows } from '../storage/raw-rows.ts';
import type { SealableStore } from '../storage/sealable-store.ts';
import { sqliteRows } from '../storage/sqlite-rows.ts';
import { openSqliteStore } from '../storage/sqlite-store.ts';
import { databaseUrlOf, type KmsConfig } from './kms-config.ts';
import { openSeal } from './open-seal.ts';

/** The store that the configuration names: what it holds is sealed. */
export interface StoredState {
  store: SealableStore;
  /** The same store row by row, for backup and restore. */
  rows: RawRows;
  /** What nonces are kept with, but for their salt; undefined for a file. */
  database: Omit<PostgresNoncesOptions, 'salt'> | undefined;
}

/** What works on it with its keys. */
export interface UnsealedState {
  barrier: Barrier;
  nonces: NonceStore;
  /** Lets go of every key; the store stays open. */
  close(): Promise<void>;
}

/** Where the state is, and what its root key is wrapped with. */
export type StateConfig = Pick<KmsConfig, 'dataDir' | 'seal' | 'instances' | 'accountId' | 'database'>;

/** Opens the store, which may be an empty one. */
export async function openStoredState(config: StateConfig, log: Logger): Promise<StoredState> {
  const url = databaseUrlOf(config);
  if (url !== undefined) {
    const store = await openPostgresStore({ url, log });
    const database = { connection: { url }, saw: store.saw };
    return { store, rows: postgresRows({ url }), database };
  }
  await mkdir(config.dataDir, { recursive: true, mode: 0o700 });
  const path = join(config.dataDir, 'kaap.db');
  return { store: openSqliteStore(path, { log }), rows: sqliteRows(path), database: undefined };
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
  const seal = await openSeal(config, { createIfMissing });
  // An empty store is initialised. One that has values and no root key is refused, and one that has a root key is only
  // ever opened with the seal that wrapped it.
  const barrier = await openBarrier(state.store, seal, { clock, createIfMissing: true }).catch(
    async (error: unknown) => {
      await seal.close?.();
      throw error;
    },
  );
  const sealAgain = async (): Promise<void> => {
    barrier.seal();
    await seal.close?.();
  };
  if (state.database === undefined) {
    const nonces = new MemoryNonceStore({ clock, salt: randomBytes(32) });
    return { barrier, nonces, close: sealAgain };
  }
  const nonces = new PostgresNonces({ ...state.database, salt: barrier.deriveSecretKey('nonces') });
  return {
    barrier,
    nonces,
    close: async () => {
      await nonces.close();
      await sealAgain();
    },
  };
}
