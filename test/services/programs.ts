import { ensurePrograms } from '../../tools/cluster/debian.ts';

/** Installs PostgreSQL, SoftHSM2, curl and jq from Debian where they are missing. */
export function setup(): void {
  ensurePrograms(['postgres', 'softhsm2-util', 'curl', 'jq']);
}
