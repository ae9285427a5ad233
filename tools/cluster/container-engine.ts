// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';

/** A program that builds images and runs containers. */
export type ContainerEngine = 'docker' | 'podman';

/** The container engine that answers on this machine, if one does. `KAAP_CLUSTER=processes` says to use none. */
export function containerEngine(): ContainerEngine | undefined {
  if (process.env['KAAP_CLUSTER'] === 'processes') return undefined;
  return (['docker', 'podman'] as const).find((engine) => {
    // `ps` needs the daemon; `info` of some versions succeeds without it.
    return spawnSync(engine, ['ps', '--quiet'], { stdio: 'ignore', timeout: 10_000 }).status === 0;
  });
}
