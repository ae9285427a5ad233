import { asksNodeForNames } from '../../api/pod-dns.ts';
import type { Reconcile } from '../../kube/controller.ts';
import type { Clock } from '../../lib/clock.ts';
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

/** How long a pod may wait on its node before people are told what it waits for. */
const patienceMs = 30_000;

/** Milliseconds for which the pod's agent has had the time to deliver and has not; `undefined` where it is not waited for. */
export function waitingMs(pod: Pod, clock: Pick<Clock, 'now'>): number | undefined {
  const { nodeName } = pod.spec;
  const created = Date.parse(pod.metadata.creationTimestamp ?? '');
  if (pod.status?.phase !== 'Pending' || nodeName === undefined || Number.isNaN(created)) return undefined;
  return clock.now() - created;
}

const nodeNames =
  'The pod asks the DNS of its node, which may not know the Service of the KMS: set spec.dnsPolicy to ClusterFirst, or with hostNetwork to ClusterFirstWithHostNet.';

/** What to tell about a pod now: a failure in the agent's words, or that it waits. */
function reportOf(pod: Pod, clock: Pick<Clock, 'now'>): { reason: string; note: string } | undefined {
  const failure = agentFailure(pod);
  if (failure !== undefined) return { reason: 'SecretsNotDelivered', note: failure };
  if ((waitingMs(pod, clock) ?? 0) < patienceMs) return undefined;
  const names = asksNodeForNames(pod.spec) ? ` ${nodeNames}` : '';
  return {
    reason: 'WaitingForSecrets',
    note: `The agent of this pod has not delivered its secrets yet. If the KMS does not answer, the pod waits and starts by itself once it does; see that it is up. The log of the agent can be read once it has delivered or ended.${names}`,
  };
}

/**
 * Puts the reason why a pod has no secrets where people look first: in an event of the pod.
 *
 * The agent has no right in the cluster; it leaves its reason in its termination message, which holds no value. While its
 * hook waits, the kubelet shows neither state nor log of it, so a long wait is an event too.
 */
export function podReportReconciler(recordEvent: RecordEvent, clock: Pick<Clock, 'now'>): Reconcile<Pod> {
  const reported = new Map<string, string>();
  return (key, pod) => {
    const report = pod === undefined ? undefined : reportOf(pod, clock);
    if (pod === undefined || report === undefined) reported.delete(key);
    else if (reported.get(key) !== report.note) {
      reported.set(key, report.note);
      recordEvent(pod, 'Warning', report.reason, report.note);
    }
    const waits = pod !== undefined && report === undefined && waitingMs(pod, clock) !== undefined;
    return Promise.resolve(waits ? { requeueAfterMs: patienceMs } : undefined);
  };
}
