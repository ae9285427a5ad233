import type { ClusterApi } from '../../kube/cluster-api.ts';
import type { KubeObject, OwnerReference, ResourceType } from '../../kube/resource.ts';
import { isFailing, isOver, isPodReady, type Pod } from '../pod.ts';
import type { OwnedPod, Owner } from './plan.ts';

/** A Deployment, StatefulSet or DaemonSet, as far as rollouts look at it. */
export interface Workload extends KubeObject {
  spec: { replicas?: number; template: { metadata?: { annotations?: Record<string, string> } } };
  status?: {
    observedGeneration?: number;
    replicas?: number;
    updatedReplicas?: number;
    readyReplicas?: number;
    currentRevision?: string;
    updateRevision?: string;
    desiredNumberScheduled?: number;
    updatedNumberScheduled?: number;
    numberReady?: number;
  };
}

interface WorkloadKind {
  type: ResourceType<Workload>;
  /** Whether every pod is of the present template and ready. */
  settled(status: NonNullable<Workload['status']>, replicas: number): boolean;
}

const apps = { group: 'apps', version: 'v1', namespaced: true } as const;

/** The kinds whose pods are rolled out. */
const workloadKinds: Readonly<Record<string, WorkloadKind>> = {
  Deployment: {
    type: { ...apps, plural: 'deployments', kind: 'Deployment' },
    settled: ({ replicas, updatedReplicas, readyReplicas }, wanted) =>
      updatedReplicas === wanted && replicas === wanted && readyReplicas === wanted,
  },
  StatefulSet: {
    type: { ...apps, plural: 'statefulsets', kind: 'StatefulSet' },
    settled: ({ currentRevision, updateRevision, readyReplicas }, wanted) =>
      currentRevision === updateRevision && readyReplicas === wanted,
  },
  DaemonSet: {
    type: { ...apps, plural: 'daemonsets', kind: 'DaemonSet' },
    settled: ({ desiredNumberScheduled, updatedNumberScheduled, numberReady }) =>
      updatedNumberScheduled === desiredNumberScheduled && numberReady === desiredNumberScheduled,
  },
};

const replicaSetType: ResourceType = { ...apps, plural: 'replicasets', kind: 'ReplicaSet' };

/** The annotation of a pod template that a binding's rollouts write. Not below kaap.dev/, where pods may say little. */
export function markAnnotation(binding: string): string {
  return `rollout.kaap.dev/${binding}`;
}

/** The workloads that own the pods, each with its pods. Pods of other owners, such as Jobs, are not rolled out. */
export async function ownersOf(
  api: Pick<ClusterApi, 'get'>,
  pods: readonly Pod[],
  binding: string,
  signal: AbortSignal,
): Promise<Owner[]> {
  const found = new Map<string, { workload: Workload; pods: OwnedPod[] }>();
  for (const pod of pods.filter((candidate) => !isOver(candidate))) {
    const workload = await workloadOf(api, pod, signal);
    const uid = workload?.metadata.uid;
    if (workload === undefined || uid === undefined) continue;
    const known = found.get(uid) ?? { workload, pods: [] };
    known.pods.push({ ...identity(pod), ready: isPodReady(pod), failing: isFailing(pod) });
    found.set(uid, known);
  }
  return [...found.values()].map((entry) => ownerFrom(entry, binding));
}

function identity({ metadata }: Pod): { name: string; uid: string } {
  return { name: metadata.name, uid: metadata.uid ?? '' };
}

function ownerFrom({ workload, pods }: { workload: Workload; pods: OwnedPod[] }, binding: string): Owner {
  const { name, uid = '', generation } = workload.metadata;
  const { spec, status = {} } = workload;
  const current = status.observedGeneration === generation;
  return {
    kind: workload.kind,
    name,
    uid,
    mark: spec.template.metadata?.annotations?.[markAnnotation(binding)],
    settled: current && workloadKinds[workload.kind]?.settled(status, spec.replicas ?? 1) === true,
    pods,
  };
}

/** Up the controlling owners, by uid, at most from a ReplicaSet to its Deployment. */
async function workloadOf(api: Pick<ClusterApi, 'get'>, pod: Pod, signal: AbortSignal): Promise<Workload | undefined> {
  const { namespace } = pod.metadata;
  const direct = controllerOf(pod);
  if (direct === undefined) return undefined;
  if (direct.kind !== 'ReplicaSet') return read(api, direct, namespace, signal);
  const replicaSet = await api.get(replicaSetType, { namespace, name: direct.name }, { signal });
  const above = replicaSet?.metadata.uid === direct.uid ? controllerOf(replicaSet) : undefined;
  return above === undefined ? undefined : read(api, above, namespace, signal);
}

async function read(
  api: Pick<ClusterApi, 'get'>,
  { kind, name, uid }: OwnerReference,
  namespace: string | undefined,
  signal: AbortSignal,
): Promise<Workload | undefined> {
  if (!Object.hasOwn(workloadKinds, kind)) return undefined;
  const type = workloadKinds[kind]?.type;
  if (type === undefined) return undefined;
  const workload = await api.get(type, { namespace, name }, { signal });
  return workload?.metadata.uid === uid ? { ...workload, kind } : undefined;
}

function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find(({ controller }) => controller === true);
}

/** Writes the mark into the pod template, which makes the workload replace its pods by its own strategy. */
export async function rollOwner(
  api: Pick<ClusterApi, 'apply'>,
  owner: Owner,
  target: { namespace: string; binding: string; mark: string },
  signal: AbortSignal,
): Promise<void> {
  const type = workloadKinds[owner.kind]?.type;
  if (type === undefined) throw new Error(`${owner.kind} is not rolled out`);
  const { namespace, binding, mark } = target;
  const template = { metadata: { annotations: { [markAnnotation(binding)]: mark } } };
  const metadata = { namespace, name: owner.name, uid: owner.uid };
  // A manager of its own for each binding: server-side apply takes away what the same manager leaves out.
  await api.apply(type, { metadata, spec: { template } }, { fieldManager: `kaap-rollout-${binding}`, signal });
}
