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
import { openSqliteStore } from '../storage/sqlite-store.ts';
import { databaseUrlOf, type KmsConfig } from './kms-config.ts';

/** What `kms` keeps between requests and shares with its replicas. */
export interface KmsState {
  barrier: Barrier;
  nonces: NonceStore;
  close(): Promise<void>;
}

export interface KmsStateOptions {
  config: Pick<KmsConfig, 'dataDir' | 'sealFile' | 'database'>;
  clock: Clock;
  log: Logger;
  /** Makes the seal key where there is none. */
  createIfMissing: boolean;
}

/** Opens the store that the configuration names, unsealed. */
export async function openKmsState(options: KmsStateOptions): Promise<KmsState> {
  const url = databaseUrlOf(options.config);
  return url === undefined ? openFileState(options) : openDatabaseState(options, url);
}

async function openFileState({ config, clock, createIfMissing }: KmsStateOptions): Promise<KmsState> {
  const path = join(config.dataDir, 'kaap.db');
  const isNew = !existsSync(path);
  const seal = await openFileSeal(config.sealFile, { createIfMissing });
  // A store that is new may always be initialised; one that has a keyring is only ever opened with the key it was sealed with.
  const barrier = await openBarrier(openSqliteStore(path), seal, { clock, createIfMissing: createIfMissing || isNew });
  const nonces = new MemoryNonceStore({ clock, salt: randomBytes(32) });
  return { barrier, nonces, close: () => barrier.close() };
}

async function openDatabaseState(options: KmsStateOptions, url: string): Promise<KmsState> {
  const { config, clock, log, createIfMissing } = options;
  const seal = await openFileSeal(config.sealFile, { createIfMissing });
  const store = await openPostgresStore({ url, log });
  try {
    // An empty database is initialised; one that has values without a root key is refused.
    const barrier = await openBarrier(store, seal, { clock, createIfMissing: true });
    const nonces = new PostgresNonces({ connection: { url }, salt: barrier.deriveSecretKey('nonces') });
    return {
      barrier,
      nonces,
      close: async () => {
        await nonces.close();
        await barrier.close();
      },
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}
