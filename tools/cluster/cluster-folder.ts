// SPDX-License-Identifier: Apache-2.0
import { resolve } from 'node:path';
import { cacheFolder } from './cache-folder.ts';

/** What a state folder can hold: a whole cluster, or an API server alone. */
export type ClusterMode = 'cluster' | 'control-plane';

/** Where a cluster keeps its certificates, kubeconfig, logs and process ids. `KAAP_CLUSTER_DIR` overrides. */
export function clusterFolder(mode: ClusterMode): string {
  return resolve(process.env['KAAP_CLUSTER_DIR'] ?? cacheFolder(mode));
}
