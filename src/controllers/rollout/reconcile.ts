import type { SecretBinding } from '../../api/v1alpha1/secret-binding.ts';
import { markOf, type Versions } from '../../api/version-mark.ts';
import type { ClusterApi } from '../../kube/cluster-api.ts';
import type { ReconcileContext, ReconcileResult, Reconcile } from '../../kube/controller.ts';
import { keyOf, type ObjectKey } from '../../kube/resource.ts';
import type { StoreReader } from '../../kube/store.ts';
import type { Clock } from '../../lib/clock.ts';
import type { KmsApi } from '../kms-api.ts';
import { isBound, type Pod } from '../pod.ts';
import type { RecordEvent } from '../pod-report/reconcile.ts';
import type { ConditionReport } from '../lifecycle.ts';
import { ownersOf, rollOwner } from './owners.ts';
import { nextStep, type Canary, type Owner, type RolloutStep } from './plan.ts';
import { failureNote, giveBack, rolledOut, versionsOf } from './versions.ts';

export interface RolloutDependencies {
  cluster: Pick<ClusterApi, 'get' | 'apply' | 'evict'>;
  kms: KmsApi;
  /** By the index `namespace`. */
  pods: StoreReader<Pod>;
  recordEvent: RecordEvent;
  /** Whether the operator has been given the right to change workloads. */
  enabled: boolean;
  /** Takes the condition RolledOut of a binding to where its status is written. Must not throw. */
  report: (key: ObjectKey, condition: ConditionReport) => void;
  /** How long the pods may take to become ready, all together. */
  timeoutMs: number;
  /** Told how a rollout ended. Must not throw. */
  countRollout: (result: 'completed' | 'given-back') => void;
  /** When to look at a binding again at which nothing is to be done: after `pollMs`, or later where a new version is told. */
  nextLookMs: (key: ObjectKey, pollMs: number) => number;
  clock: Clock;
}

/** Between two looks at the versions in KMS, where it does not tell of new ones. */
const pollMs = 15_000;
/** Between two looks while pods become ready. */
const stepMs = 2_000;

/** A rollout under way. A new leader begins it again from what the workloads say. */
interface Progress {
  wanted: string;
  startedMs: number;
  canary: Canary | undefined;
}

/** What is remembered of a binding. */
interface Memory {
  uid: string | undefined;
  delivered: Versions;
  progress: Progress | undefined;
}

/**
 * Rolls out the workloads of bindings with `refresh.onChange: Rollout` when KMS has new versions of their secrets.
 *
 * The operator may not read values: it looks at the ids of versions. What is given back is the stage ACSCurrent, and only
 * of secrets below the binding's own namespace: a binding does not decide about secrets of others.
 */
export function rolloutReconciler(dependencies: RolloutDependencies): Reconcile<SecretBinding> {
  const memories = new Map<ObjectKey, Memory>();
  return async (key, binding, context) => {
    const isOn = binding?.spec.refresh?.onChange === 'Rollout' && binding.metadata.deletionTimestamp === undefined;
    if (binding === undefined || !isOn) {
      memories.delete(key);
      return undefined;
    }
    if (!dependencies.enabled) {
      dependencies.report(key, disabled);
      return undefined;
    }
    const wanted = await versionsOf(dependencies.kms, binding, context.signal);
    const memory = memories.get(key);
    if (memory === undefined || memory.uid !== binding.metadata.uid) {
      const delivered = (await isBehind(binding, wanted, dependencies, context.signal)) ? {} : wanted;
      memories.set(key, { uid: binding.metadata.uid, delivered, progress: undefined });
      return { requeueAfterMs: delivered === wanted ? dependencies.nextLookMs(key, pollMs) : 0 };
    }
    return advance(binding, wanted, memory, dependencies, context);
  };
}

const disabled: ConditionReport = {
  type: 'RolledOut',
  status: 'False',
  reason: 'RolloutDisabled',
  message:
    'spec.refresh.onChange is Rollout, and the operator may not change workloads. An administrator sets operator.rollout.enabled in the values of the chart, or onChange is set otherwise.',
};

/** Whether a workload was rolled out before, and with other versions: one arrived while no operator looked. */
async function isBehind(
  binding: SecretBinding,
  wanted: Versions,
  dependencies: RolloutDependencies,
  signal: AbortSignal,
): Promise<boolean> {
  const owners = await ownersOfBinding(binding, dependencies, signal);
  return owners.some(({ mark }) => mark !== undefined && mark !== markOf(wanted));
}

function ownersOfBinding(
  binding: SecretBinding,
  { cluster, pods }: RolloutDependencies,
  signal: AbortSignal,
): Promise<Owner[]> {
  const { name, namespace = '' } = binding.metadata;
  const bound = pods.byIndex('namespace', namespace).filter((pod) => isBound(pod, binding));
  return ownersOf(cluster, bound, name, signal);
}

async function advance(
  binding: SecretBinding,
  wanted: Versions,
  memory: Memory,
  dependencies: RolloutDependencies,
  context: ReconcileContext,
): Promise<ReconcileResult> {
  const { clock, timeoutMs } = dependencies;
  if (markOf(memory.delivered) === markOf(wanted)) {
    memory.progress = undefined;
    return { requeueAfterMs: dependencies.nextLookMs(keyOf(binding), pollMs) };
  }
  const nowMs = clock.monotonic();
  if (memory.progress?.wanted !== markOf(wanted)) {
    memory.progress = { wanted: markOf(wanted), startedMs: nowMs, canary: undefined };
  }
  const { canary, startedMs } = memory.progress;
  const owners = await ownersOfBinding(binding, dependencies, context.signal);
  const late = nowMs - startedMs > timeoutMs;
  const step = nextStep({ wanted, delivered: memory.delivered, owners, canary, late });
  return act(step, { binding, wanted, memory, progress: memory.progress }, dependencies, context);
}

interface Rollout {
  binding: SecretBinding;
  wanted: Versions;
  memory: Memory;
  progress: Progress;
}

async function act(
  step: RolloutStep,
  { binding, wanted, memory, progress }: Rollout,
  dependencies: RolloutDependencies,
  { signal, log }: ReconcileContext,
): Promise<ReconcileResult> {
  const { cluster, recordEvent, countRollout } = dependencies;
  const tell = (report: ConditionReport): void => {
    dependencies.report(keyOf(binding), report);
    recordEvent(binding, report.status === 'False' ? 'Warning' : 'Normal', report.reason, report.message);
  };
  const { name, namespace = '' } = binding.metadata;
  log.debug({ step: step.type }, 'rollout');
  switch (step.type) {
    case 'EvictFirst': {
      const { owner, pod } = step;
      if (!(await cluster.evict({ namespace, ...pod }, { signal }))) return { requeueAfterMs: pollMs };
      progress.canary = { ownerUid: owner.uid, before: owner.pods.map(({ uid }) => uid) };
      const note = `A secret has a new version. The pod ${pod.name} of ${owner.kind} ${owner.name} goes first.`;
      tell(rolledOut('Unknown', 'RolloutStarted', note));
      return { requeueAfterMs: stepMs };
    }
    case 'Roll':
      await rollOwner(cluster, step.owner, { namespace, binding: name, mark: markOf(wanted) }, signal);
      tell(rolledOut('Unknown', 'RollingOut', `${step.owner.kind} ${step.owner.name} is rolled out.`));
      return { requeueAfterMs: stepMs };
    case 'Await':
      return { requeueAfterMs: stepMs };
    case 'GiveBack': {
      const given = await giveBack(dependencies.kms, binding, memory.delivered, wanted, signal);
      countRollout('given-back');
      tell(rolledOut('False', 'RolloutFailed', failureNote('rollout', step.why, given)));
      // Whatever was not given back counts as delivered: to begin again with the same version helps nobody.
      memory.delivered = { ...wanted, ...given };
      memory.progress = undefined;
      await rollMarkedBack(binding, progress, dependencies, memory.delivered, signal);
      return { requeueAfterMs: pollMs };
    }
    default:
      memory.delivered = wanted;
      memory.progress = undefined;
      countRollout('completed');
      tell(rolledOut('True', 'RolloutCompleted', 'All pods run with the present versions.'));
      return { requeueAfterMs: pollMs };
  }
}

/** Pods that have the version which was given back get the former one: by another rollout, or as what replaces them. */
async function rollMarkedBack(
  binding: SecretBinding,
  { wanted, canary }: Progress,
  dependencies: RolloutDependencies,
  delivered: Versions,
  signal: AbortSignal,
): Promise<void> {
  const { cluster } = dependencies;
  const { name, namespace = '' } = binding.metadata;
  for (const owner of await ownersOfBinding(binding, dependencies, signal)) {
    if (owner.mark === wanted) {
      await rollOwner(cluster, owner, { namespace, binding: name, mark: markOf(delivered) }, signal);
    } else if (owner.uid === canary?.ownerUid) {
      const made = owner.pods.filter(({ uid }) => !canary.before.includes(uid));
      for (const pod of made) await cluster.evict({ namespace, ...pod }, { signal });
    }
  }
}
