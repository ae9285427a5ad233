// SPDX-License-Identifier: Apache-2.0
import { clusterFolder } from './cluster-folder.ts';
import { containerEngine } from './container-engine.ts';
import { KindCluster } from './kind-cluster.ts';
import { ProcessCluster } from './process-cluster.ts';

/** A cluster to test on, however it is made. */
export interface Cluster {
  readonly folder: string;
  readonly kubeconfigPath: string;
  /** Starts what does not run yet and resolves once pods can run. */
  up(report: (line: string) => void): Promise<void>;
  /** Ends the cluster and removes all that it left. Does nothing when there is none. */
  down(): Promise<void>;
  /** Part → whether it runs. Empty when there is no cluster. */
  status(): Readonly<Record<string, boolean>>;
  /** A command line that runs `command` where the API server, Services and pods can be reached. */
  inNetwork(command: readonly string[]): string[];
  /** Makes a docker-archive's images known to every node. */
  loadImage(archive: string): Promise<void>;
  /** A command line that runs etcdctl on the cluster's etcd with `args`. */
  etcdctl(args: readonly string[]): string[];
}

/** kind where a container engine answers, plain processes elsewhere. */
export function currentCluster(): Cluster {
  const engine = containerEngine();
  const folder = clusterFolder('cluster');
  return engine ? new KindCluster(folder, engine) : new ProcessCluster(folder);
}
