import type { SecretBinding } from '../../api/v1alpha1/secret-binding.ts';
import { turnAnnotation } from '../../api/version-mark.ts';
import { keyOf, type ObjectKey } from '../../kube/resource.ts';
import type { StoreReader } from '../../kube/store.ts';
import { agentContainer, isBound, isFailing, isOver, isPodReady, type ContainerStatus, type Pod } from '../pod.ts';
import type { TurnPod } from './plan.ts';

/** Pods that wait to be told, for this binding. */
export function turnPods(binding: SecretBinding, pods: StoreReader<Pod>): TurnPod[] {
  const { name, namespace = '' } = binding.metadata;
  const waiting = pods.byIndex('namespace', namespace).filter((pod) => waitsForTurn(pod, binding));
  return waiting.map((pod) => turnPod(pod, namespace, name));
}

/** The bindings by whose changes a pod is to start again, and of which nobody has told it what it has. */
export function bindingsToNote(pod: Pod, bindings: StoreReader<SecretBinding>): ObjectKey[] {
  const isToBeNoted = (binding: SecretBinding): boolean =>
    binding.spec.refresh?.onChange === 'RestartContainers' &&
    markIn(pod, binding.metadata.name) === undefined &&
    waitsForTurn(pod, binding);
  return bindings
    .byIndex('namespace', pod.metadata.namespace ?? '')
    .filter(isToBeNoted)
    .map(keyOf);
}

function waitsForTurn(pod: Pod, binding: SecretBinding): boolean {
  return isBound(pod, binding) && !isOver(pod) && hasTurnFile(pod, binding.metadata.name);
}

/** Whether the webhook has given the agent a file for this binding; those of an earlier version start again by themselves. */
function hasTurnFile({ spec }: Pod, binding: string): boolean {
  const fieldPath = `metadata.annotations['${turnAnnotation(binding)}']`;
  const sources = spec.volumes?.flatMap(({ projected }) => projected?.sources ?? []) ?? [];
  const items = sources.flatMap(({ downwardAPI }) => downwardAPI?.items ?? []);
  return items.some(({ fieldRef }) => fieldRef?.fieldPath === fieldPath);
}

function markIn({ metadata }: Pod, binding: string): string | undefined {
  return metadata.annotations?.[turnAnnotation(binding)];
}

function turnPod(pod: Pod, namespace: string, binding: string): TurnPod {
  const { name, uid = '' } = pod.metadata;
  const agent = pod.status?.initContainerStatuses?.find((status) => status.name === agentContainer);
  return {
    namespace,
    name,
    uid,
    mark: markIn(pod, binding),
    ready: isPodReady(pod),
    failing: isFailing(pod),
    restarts: agent?.restartCount ?? 0,
    whole: isWhole(pod, agent),
  };
}

/** The agent goes first at every start of the pod, so what has started before it belongs to the start before. */
function isWhole({ status }: Pod, agent: ContainerStatus | undefined): boolean {
  const started = startOf(agent);
  return (status?.containerStatuses ?? []).every((container) => startOf(container) >= started);
}

/** When a container that runs has started; never, for one that does not. */
function startOf(container: ContainerStatus | undefined): number {
  return Date.parse(container?.state?.running?.startedAt ?? '');
}
