import { matchesSelector } from '../api/label-selector.ts';
import type { SecretBinding } from '../api/v1alpha1/secret-binding.ts';
import type { KubeObject, ResourceType } from '../kube/resource.ts';

/** The part of a Pod that controllers look at. */
export interface Pod extends KubeObject {
  spec: {
    serviceAccountName?: string;
    nodeName?: string;
    hostNetwork?: boolean;
    dnsPolicy?: string;
    initContainers?: { name: string }[];
    volumes?: { projected?: { sources?: { downwardAPI?: { items?: { fieldRef?: { fieldPath: string } }[] } }[] } }[];
  };
  status?: {
    phase?: string;
    conditions?: { type: string; status: string }[];
    initContainerStatuses?: ContainerStatus[];
    containerStatuses?: ContainerStatus[];
  };
}

export interface ContainerStatus {
  name: string;
  restartCount: number;
  state?: ContainerState;
  lastState?: ContainerState;
}

export interface ContainerState {
  running?: { startedAt?: string };
  waiting?: { reason?: string };
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

/** Annotation with which the webhook marks what it injected. */
export const injectedAnnotation = 'kaap.dev/injected';

/** Annotation with which a pod names its bindings, separated by commas. */
const bindingsAnnotation = 'kaap.dev/bindings';

/** Whether a pod has been through the webhook: its mark, and the agent itself. */
export function isInjected({ metadata, spec }: Pod): boolean {
  const hasAgent = spec.initContainers?.some(({ name }) => name === agentContainer) === true;
  return hasAgent && metadata.annotations?.[injectedAnnotation] !== undefined;
}

/** Whether every container of the pod is ready. */
export function isPodReady({ status }: Pod): boolean {
  return status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true;
}

/** Whether a container of the pod fails to start again and again. */
export function isFailing({ status }: Pod): boolean {
  const containers = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])];
  return containers.some(({ state }) => state?.waiting?.reason === 'CrashLoopBackOff');
}

/** Whether the pod has ended, or is about to. */
export function isOver({ metadata, status }: Pod): boolean {
  return metadata.deletionTimestamp !== undefined || status?.phase === 'Succeeded' || status?.phase === 'Failed';
}

/** Whether a pod takes a binding, by name where its annotation names some, else by the binding's selector. */
export function isBound(pod: Pod, binding: SecretBinding): boolean {
  if (pod.metadata.namespace !== binding.metadata.namespace) return false;
  const { podSelector, serviceAccounts } = binding.spec;
  const account = pod.spec.serviceAccountName ?? 'default';
  if (serviceAccounts !== undefined && !serviceAccounts.includes(account)) return false;
  const named = pod.metadata.annotations?.[bindingsAnnotation];
  if (named === undefined) return matchesSelector(podSelector, pod.metadata.labels ?? {});
  return named.split(',').some((name) => name.trim() === binding.metadata.name);
}
