import { join } from 'node:path';
import type { KubeClusterApi } from '../../src/kube/kube-cluster-api.ts';
import type { KubeObject, ResourceType } from '../../src/kube/resource.ts';
import { ensureBinaries } from '../../tools/cluster/binaries.ts';
import type { ControlPlane } from '../../tools/cluster/control-plane.ts';
import { flags } from '../../tools/cluster/components.ts';
import { ProcessGroup } from '../../tools/cluster/process-group.ts';

interface Node extends KubeObject {
  spec?: object;
  status?: { conditions?: { type: string; status: string }[] };
}

const nodeType: ResourceType<Node> = { group: '', version: 'v1', plural: 'nodes', kind: 'Node', namespaced: false };

/** What kwok does, and when. */
const stages = join(import.meta.dirname, 'simulated-nodes.yaml');

/** Name of one of the nodes. */
export function simulatedNode(at: number): string {
  return `simulated-${at}`;
}

/**
 * Nodes on which no container runs: kwok says that their pods run, and lets them go when they are deleted. It ends with the
 * control plane. Resolves when the nodes are Ready.
 */
export async function startSimulatedNodes(
  { kubeconfigPath, folder }: ControlPlane,
  api: KubeClusterApi,
  { count, signal }: { count: number; signal: AbortSignal },
): Promise<void> {
  const { kwok } = ensureBinaries(['kwok']);
  for (let at = 0; at < count; at += 1) {
    await api.create(nodeType, { metadata: { name: simulatedNode(at) } }, { signal });
  }
  // In the control plane's own record of processes, which ends them all.
  const processes = new ProcessGroup(folder, ['setpriv', '--pdeathsig', 'KILL']);
  const settings = { kubeconfig: kubeconfigPath, config: stages, 'manage-all-nodes': 'true', cidr: '10.0.0.0/16' };
  processes.start('kwok', [kwok, ...flags(settings)]);
  const areReady = async (): Promise<boolean> => {
    const nodes = await api.list(nodeType, { signal });
    return nodes.every(({ status }) =>
      status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True'),
    );
  };
  await processes.waitFor('kwok', areReady, 120_000);
}
