import { ensurePrograms } from '../../tools/cluster/debian.ts';

/** Installs PostgreSQL and SoftHSM2 from Debian where they are missing. */
export function setup(): void {
  ensurePrograms(['postgres', 'softhsm2-util']);
}
