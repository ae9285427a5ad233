import type { StateAccess } from '../cli/commands/seal.ts';
import { silentLogger } from '../lib/log.ts';
import { openFileSeal } from '../storage/seal/file-seal.ts';
import { readKmsConfig } from './kms-config.ts';
import { openStoredState } from './kms-state.ts';

/** Reaches the state of the `kms` whose environment variables these are. Makes no store where there is none. */
export function createStateAccess(environment: NodeJS.ProcessEnv): StateAccess {
  return {
    openStore: async () => (await openStoredState(readKmsConfig(environment), silentLogger)).store,
    openSeal: async () => openFileSeal(readKmsConfig(environment).sealFile),
  };
}
