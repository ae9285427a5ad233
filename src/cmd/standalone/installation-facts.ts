import type { Installation } from '../../../webhook/plan.ts';
import { assumedServerVersion } from './injection.ts';
import { standaloneProvider } from './standalone.ts';

/** What the webhook's configuration would say of a standalone installation. */
export function installationOf(facts: {
  endpoint: string;
  caPem: string;
  region: string;
  accountId: string;
}): Installation {
  return {
    ...facts,
    oidcProvider: standaloneProvider,
    agentImage: 'kaap/agent',
    agentImagePullPolicy: 'IfNotPresent',
    serverVersion: assumedServerVersion,
  };
}
