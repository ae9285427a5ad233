import { ensurePrograms } from '../../tools/cluster/debian.ts';

/** Installs PostgreSQL, SoftHSM2 and curl from Debian where they are missing. */
export function setup(): void {
  ensurePrograms(['postgres', 'softhsm2-util', 'curl']);
}
