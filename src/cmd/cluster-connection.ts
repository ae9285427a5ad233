import { KubeClusterApi } from '../kube/kube-cluster-api.ts';
import { loadKubeConnection } from '../kube/kube-config.ts';
import { createTransport, type KubeTransport } from '../kube/transport.ts';
import type { Logger } from '../lib/log.ts';

export interface ClusterConnectionOptions {
  log: Logger;
  /** File to read instead of the usual places. */
  kubeconfig?: string;
}

/** A connection to the cluster: the pod's own inside one, else by kubeconfig. */
export interface ClusterConnection {
  transport: KubeTransport;
  api: KubeClusterApi;
}

/** Connects as kubectl would, or as the pod's service account inside a cluster. */
export async function connectToCluster({ log, kubeconfig }: ClusterConnectionOptions): Promise<ClusterConnection> {
  const transport = createTransport(await loadKubeConnection({ kubeconfig, env: process.env }), { userAgent: 'kaap' });
  return { transport, api: new KubeClusterApi({ transport, log }) };
}
