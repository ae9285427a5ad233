import type { Reconcile } from '../../kube/controller.ts';
import type { KubeObject } from '../../kube/resource.ts';
import { agentContainer, type Pod } from '../pod.ts';

/** Records an event about an object. Must not throw. */
export type RecordEvent = (object: KubeObject, type: 'Normal' | 'Warning', reason: string, note: string) => void;

/** Why the pod's agent ended, in its own words; `undefined` while it has not failed. */
export function agentFailure(pod: Pod): string | undefined {
  const status = pod.status?.initContainerStatuses?.find(({ name }) => name === agentContainer);
  const ended = status?.state?.terminated ?? status?.lastState?.terminated;
  if (ended === undefined || ended.exitCode === 0) return undefined;
  return ended.message?.trim() || `The agent ended with code ${ended.exitCode} and left no message.`;
}

/**
 * Puts the reason why a pod has no secrets where people look first: in an event of the pod.
 *
 * The agent has no right in the cluster; it leaves its reason in its termination message, which holds no value.
 */
export function podReportReconciler(recordEvent: RecordEvent): Reconcile<Pod> {
  const reported = new Map<string, string>();
  return (key, pod) => {
    const failure = pod === undefined ? undefined : agentFailure(pod);
    if (pod === undefined || failure === undefined) reported.delete(key);
    else if (reported.get(key) !== failure) {
      reported.set(key, failure);
      recordEvent(pod, 'Warning', 'SecretsNotDelivered', failure);
    }
    return Promise.resolve();
  };
}
