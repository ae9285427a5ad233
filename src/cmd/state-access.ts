import type { StateAccess } from '../cli/commands/seal.ts';
import { silentLogger } from '../lib/log.ts';
import { readKmsConfig } from './kms-config.ts';
import { openStoredState } from './kms-state.ts';
import { openSeal } from './open-seal.ts';
import { formatSeal, parseSeal } from './seal-config.ts';

/** Reaches the state of the `kms` whose environment variables these are. Makes no store where there is none. */
export function createStateAccess(environment: NodeJS.ProcessEnv): StateAccess {
  return {
    openStore: async () => (await openStoredState(readKmsConfig(environment), silentLogger)).store,
    openSeal: async () => openSeal(readKmsConfig(environment)),
    openOtherSeal: async (text, createIfMissing) => {
      const seal = parseSeal(text);
      return { name: formatSeal(seal), seal: await openSeal(readKmsConfig(environment), { seal, createIfMissing }) };
    },
  };
}
