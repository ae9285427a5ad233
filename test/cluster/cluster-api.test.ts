import { describe } from 'vitest';
import { KubeClusterApi } from '../../src/kube/kube-cluster-api.ts';
import { kubeconfigConnection } from '../../src/kube/kube-config.ts';
import type { KubeObject, ResourceType } from '../../src/kube/resource.ts';
import { systemSleep } from '../../src/kube/sleep.ts';
import { createTransport } from '../../src/kube/transport.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { controlPlaneBinaries, startControlPlane } from '../../tools/cluster/control-plane.ts';
import { describeClusterApi, type ContractSubject } from '../support/cluster-api-contract.ts';
import { widgetDefinition, widgetResource } from '../support/widget.ts';

const definitionResource: ResourceType<KubeObject & { spec: object }> = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
};

async function start(): Promise<ContractSubject> {
  const controlPlane = await startControlPlane();
  const transport = createTransport(await kubeconfigConnection(controlPlane.kubeconfigPath));
  const api = new KubeClusterApi({ transport, log: silentLogger });
  const signal = AbortSignal.timeout(60_000);
  await api.create(definitionResource, widgetDefinition, { signal });
  await served(api, signal);
  const stop = async (): Promise<void> => {
    transport.close();
    await controlPlane.stop();
  };
  return { api, stop };
}

/** A new kind answers 404 until the API server has taken it in. */
async function served(api: KubeClusterApi, signal: AbortSignal): Promise<void> {
  for (;;) {
    try {
      await api.list(widgetResource, { signal });
      return;
    } catch {
      signal.throwIfAborted();
      await systemSleep(100, signal);
    }
  }
}

describe.skipIf(controlPlaneBinaries() === undefined)('the cluster API (needs the binaries of a control plane)', () =>
  describeClusterApi('a real API server', start),
);
