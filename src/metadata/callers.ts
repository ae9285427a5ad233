import type { KubeObject, ResourceType } from '../kube/resource.ts';

/** The part of a Pod that says whose an address is. */
export interface NodePod extends KubeObject {
  spec: { serviceAccountName?: string; hostNetwork?: boolean };
  status?: { phase?: string; podIP?: string; podIPs?: { ip: string }[] };
}

/** core/v1 Pod. */
export const nodePodType: ResourceType<NodePod> = {
  group: '',
  version: 'v1',
  plural: 'pods',
  kind: 'Pod',
  namespaced: true,
};

/** Name of the index from an address to the pods that have it. */
export const byAddress = 'address';

/** The addresses that are a pod's alone: none for one on the node's network, and none for one that is over. */
export function addressesOf({ spec, status }: NodePod): string[] {
  if (spec.hostNetwork === true || status === undefined) return [];
  if (status.phase === 'Succeeded' || status.phase === 'Failed') return [];
  const all = [status.podIP, ...(status.podIPs ?? []).map(({ ip }) => ip)];
  return [...new Set(all.filter((ip) => ip !== undefined && ip !== ''))] as string[];
}

/** A pod of this node that asks. */
export interface Caller {
  namespace: string;
  name: string;
  uid: string;
  serviceAccount: string;
  labels: Readonly<Record<string, string>>;
}

/** The one pod among those of the address; `undefined` when it is not certain which pod asks. */
export function callerAmong(pods: readonly NodePod[]): Caller | undefined {
  const [pod] = pods;
  const { namespace, name, uid, labels = {} } = pod?.metadata ?? {};
  if (pod === undefined || pods.length > 1) return undefined;
  if (namespace === undefined || name === undefined || uid === undefined) return undefined;
  return { namespace, name, uid, serviceAccount: pod.spec.serviceAccountName ?? 'default', labels };
}
