import type { SecretBinding } from '../../api/v1alpha1/secret-binding.ts';
import { backoffMs, type BackoffOptions, type Random } from '../../kube/backoff.ts';
import type { ClusterApi } from '../../kube/cluster-api.ts';
import type { Reconcile } from '../../kube/controller.ts';
import type { ObjectKey } from '../../kube/resource.ts';
import type { StoreReader } from '../../kube/store.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Pod } from '../pod.ts';
import type { RecordEvent } from '../pod-report/reconcile.ts';
import { planRepair, type RepairPlan } from './plan.ts';

export interface InjectionRepairDependencies {
  cluster: Pick<ClusterApi, 'evict'>;
  /** By the index `namespace`. */
  bindings: StoreReader<SecretBinding>;
  exemptNamespaces: ReadonlySet<string>;
  /** Whether to evict; otherwise pods are reported only. */
  evicts: boolean;
  recordEvent: RecordEvent;
  /** Told how many bound pods run without their secrets now. Must not throw. */
  setUninjected: (pods: number) => void;
  /** Told of each eviction asked for: `evicted`, or `blocked` by a PodDisruptionBudget. Must not throw. */
  countRepair: (result: 'evicted' | 'blocked') => void;
  clock: Clock;
  random: Random;
}

/** Between evictions of pods of one owner: if the webhook goes on being passed by, evicting helps nobody. */
const evictionBackoff: BackoffOptions = { baseMs: 10_000, maxMs: 1_800_000, jitter: 0.2 };
/** An owner whose pods have been in order for so long starts anew. */
const forgetAfterMs = 3_600_000;
/** Until a PodDisruptionBudget is asked again. */
const blockedRetryMs = 15_000;

interface Attempts {
  count: number;
  nextAtMs: number;
}

/**
 * Reports every pod that is bound and was not injected, and evicts those that something makes again. It never deletes,
 * and does not touch a pod that belongs to nobody.
 */
export function injectionRepairer(dependencies: InjectionRepairDependencies): Reconcile<Pod> {
  const { bindings, exemptNamespaces, evicts, recordEvent, setUninjected } = dependencies;
  const reported = new Map<ObjectKey, string | undefined>();
  const attempts = new Map<string, Attempts>();
  return async (key, pod, { signal }) => {
    const inNamespace = pod === undefined ? [] : bindings.byIndex('namespace', pod.metadata.namespace ?? '');
    const plan: RepairPlan =
      pod === undefined ? { type: 'Nothing' } : planRepair(pod, inNamespace, { exemptNamespaces, evicts });
    if (pod === undefined || plan.type === 'Nothing') {
      if (reported.delete(key)) setUninjected(reported.size);
      return undefined;
    }
    if (reported.get(key) !== pod.metadata.uid) {
      reported.set(key, pod.metadata.uid);
      setUninjected(reported.size);
      recordEvent(pod, 'Warning', 'NotInjected', noteOf(plan));
    }
    return plan.type === 'Evict' ? evict(pod, plan, dependencies, attempts, signal) : undefined;
  };
}

async function evict(
  pod: Pod,
  { owner }: Extract<RepairPlan, { type: 'Evict' }>,
  { cluster, recordEvent, countRepair, clock, random }: InjectionRepairDependencies,
  attempts: Map<string, Attempts>,
  signal: AbortSignal,
): Promise<{ requeueAfterMs: number }> {
  const nowMs = clock.monotonic();
  for (const [uid, { nextAtMs }] of attempts) if (nowMs - nextAtMs > forgetAfterMs) attempts.delete(uid);
  const { count, nextAtMs } = attempts.get(owner.uid) ?? { count: 0, nextAtMs: nowMs };
  if (nextAtMs > nowMs) return { requeueAfterMs: nextAtMs - nowMs };
  const { namespace, name, uid } = pod.metadata;
  const evicted = await cluster.evict({ namespace, name, uid }, { signal });
  countRepair(evicted ? 'evicted' : 'blocked');
  if (!evicted) return { requeueAfterMs: blockedRetryMs };
  const pauseMs = backoffMs(evictionBackoff, count + 1, random);
  attempts.set(owner.uid, { count: count + 1, nextAtMs: nowMs + pauseMs });
  recordEvent(pod, 'Normal', 'Evicted', `Evicted, so that its ${owner.kind} makes one that is injected.`);
  return { requeueAfterMs: pauseMs };
}

function noteOf(plan: Exclude<RepairPlan, { type: 'Nothing' }>): string {
  const names = plan.bindings.join(', ');
  const what = `This pod runs without the secrets of the SecretBinding ${names}: it did not go through the webhook.`;
  if (plan.type === 'Evict') return `${what} It is evicted, so that its ${plan.owner.kind} makes it again.`;
  return `${what} Delete it, and create it anew where no workload does. The label kaap.dev/inject has to be there when a pod is created.`;
}
