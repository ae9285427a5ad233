// SPDX-License-Identifier: Apache-2.0
import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * The folder outside the checkout where what is slow to make is kept between runs: binaries, base images, cluster
 * state. `KAAP_CACHE_DIR` names it outright; otherwise it is `kaap` in the user's cache folder.
 */
export function cacheFolder(...below: string[]): string {
  const own = process.env['KAAP_CACHE_DIR'];
  const root = own ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'kaap');
  return join(root, ...below);
}
