import type { SecretBinding } from '../../api/v1alpha1/secret-binding.ts';
import type { OwnerReference } from '../../kube/resource.ts';
import { isBound, isInjected, isOver, type Pod } from '../pod.ts';

/** Marks the pod that shows what a kubelet runs from a file: evicting it changes nothing. */
const mirrorAnnotation = 'kubernetes.io/config.mirror';

/** What is to be done about a pod. */
export type RepairPlan =
  | { type: 'Nothing' }
  /** Somebody has to act: nothing would make the pod again. */
  | { type: 'Report'; bindings: readonly string[] }
  /** Its owner makes a new one, which goes through the webhook. */
  | { type: 'Evict'; bindings: readonly string[]; owner: OwnerReference };

/**
 * Finds the pods that run without the secrets that a binding gives them: created while the webhook was passed by, or
 * given the label afterwards. Pods of exempt namespaces are never injected; a pod that has ended is past repair.
 */
export function planRepair(
  pod: Pod,
  bindings: readonly SecretBinding[],
  { exemptNamespaces, evicts }: { exemptNamespaces: ReadonlySet<string>; evicts: boolean },
): RepairPlan {
  const { namespace = '', annotations, ownerReferences } = pod.metadata;
  if (exemptNamespaces.has(namespace) || annotations?.[mirrorAnnotation] !== undefined) return { type: 'Nothing' };
  if (isOver(pod) || isInjected(pod)) return { type: 'Nothing' };
  const bound = bindings.filter((binding) => isBound(pod, binding)).map(({ metadata }) => metadata.name);
  if (bound.length === 0) return { type: 'Nothing' };
  const owner = ownerReferences?.find(({ controller }) => controller === true);
  return owner === undefined || !evicts
    ? { type: 'Report', bindings: bound }
    : { type: 'Evict', bindings: bound, owner };
}
