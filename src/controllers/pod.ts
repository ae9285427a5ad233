import type { KubeObject, ResourceType } from '../kube/resource.ts';

/** The part of a Pod that controllers look at. */
export interface Pod extends KubeObject {
  spec: { serviceAccountName?: string; nodeName?: string };
  status?: { phase?: string; initContainerStatuses?: ContainerStatus[] };
}

export interface ContainerStatus {
  name: string;
  restartCount: number;
  state?: ContainerState;
  lastState?: ContainerState;
}

export interface ContainerState {
  terminated?: { exitCode: number; message?: string };
}

/** core/v1 Pod. */
export const podType: ResourceType<Pod> = {
  group: '',
  version: 'v1',
  plural: 'pods',
  kind: 'Pod',
  namespaced: true,
};

/** Selects the pods that asked for secrets. */
export const injectedPods = { labelSelector: 'kaap.dev/inject=true' };

/** Name of the container that fetches the secrets. */
export const agentContainer = 'kaap-agent';
