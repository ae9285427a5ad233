import { injected } from './annotations.ts';
import { refuseReserved } from './conflicts.ts';
import type { AccessPoints, BindingObject } from './directory.ts';
import { injectionFor, wishesOf, type Injection } from './injection.ts';
import { appendAll, insertAll, pointer, type PatchOperation } from './json-patch.ts';
import { containerPatch } from './mutate/container.ts';
import type { AgentResources } from './mutate/sidecar.ts';
import type { Pod } from './pod.ts';
import { Refusal } from './refusal.ts';
import { repairPatch, withoutInjection } from './reinvocation.ts';
import type { ServerVersion } from './server-version.ts';

/** What the cluster says about the pod's namespace. */
export interface PlanContext {
  namespace: string;
  /** SecretBindings of that namespace. */
  bindings: readonly BindingObject[];
  accessPoints: AccessPoints;
}

/** What the installation gives to every pod. Comes from the webhook's own configuration, never from a pod. */
export interface Installation {
  /** Base URL of the KMS. */
  endpoint: string;
  /** Certificates to trust for it, PEM. */
  caPem: string;
  region: string;
  accountId: string;
  /** Name of the OIDC provider that stands for this cluster. */
  oidcProvider: string;
  agentImage: string;
  agentImagePullPolicy: 'Always' | 'IfNotPresent' | 'Never';
  agentResources?: Partial<AgentResources>;
  serverVersion: ServerVersion;
}

/** What to answer to the API server. */
export type Plan =
  | { allowed: true; patch: readonly PatchOperation[]; warnings: readonly string[] }
  | { allowed: false; message: string };

/**
 * Decides what happens to a pod that is being created. Pure: the same pod and the same cluster give the same answer,
 * and a pod that has been through it gets an empty patch. Never throws for anything a pod's author can write.
 */
export function plan(pod: Pod, context: PlanContext, installation: Installation): Plan {
  try {
    return decide(pod, context, installation);
  } catch (error) {
    if (error instanceof Refusal) return { allowed: false, message: error.message };
    throw error;
  }
}

function decide(pod: Pod, context: PlanContext, installation: Installation): Plan {
  const wishes = wishesOf(pod);
  if (!wishes.inject) return unasked(wishes.bindings !== undefined || wishes.injected !== undefined);
  if (wishes.injected === undefined) {
    refuseReserved(pod);
    const injection = injectionFor(pod, wishes, context, installation);
    return { allowed: true, patch: freshPatch(pod, injection), warnings: injection.warnings };
  }
  const bare = withoutInjection(pod);
  refuseReserved(bare);
  const injection = injectionFor(bare, wishes, context, installation);
  return { allowed: true, patch: repairPatch(pod, wishes.injected, injection), warnings: injection.warnings };
}

function unasked(saysMore: boolean): Plan {
  if (!saysMore) return { allowed: true, patch: [], warnings: [] };
  throw new Refusal(
    'The pod has annotations of Kaap but not the label kaap.dev/inject: "true". Set it, or remove them.',
  );
}

/** The agent's own list comes last, so that the positions of the other init containers are those of the pod as it came. */
function freshPatch(pod: Pod, injection: Injection): PatchOperation[] {
  const { consumers, volumes, agent, mark } = injection;
  return [
    ...markPatch(pod, mark),
    ...groupPatch(pod, injection.supplementalGroup),
    ...appendAll('/spec/volumes', pod.spec.volumes, volumes),
    ...consumers.flatMap((consumer) => containerPatch(pointer('spec', consumer.list, consumer.index), consumer)),
    ...insertAll('/spec/initContainers', pod.spec.initContainers, [agent]),
  ];
}

function markPatch(pod: Pod, mark: string): PatchOperation[] {
  const path = pointer('metadata', 'annotations');
  if (pod.metadata?.annotations === undefined) return [{ op: 'add', path, value: { [injected.name]: mark } }];
  return [{ op: 'add', path: pointer('metadata', 'annotations', injected.name), value: mark }];
}

function groupPatch(pod: Pod, group: number | undefined): PatchOperation[] {
  if (group === undefined) return [];
  const security = pod.spec.securityContext;
  if (security === undefined)
    return [{ op: 'add', path: '/spec/securityContext', value: { supplementalGroups: [group] } }];
  return appendAll('/spec/securityContext/supplementalGroups', security.supplementalGroups, [group]);
}
