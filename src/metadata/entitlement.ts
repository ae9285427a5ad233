import type { Caller } from './callers.ts';

/** A label by which a pod's author does without the node's role. It takes away and never gives. */
export const nodeRoleLabel = 'kaap.dev/node-role';

/** Which pods have the node's role. */
export interface NodeRoleRules {
  /** The only namespaces whose pods have it; all when empty. */
  readonly namespaces: readonly string[];
  /** Namespaces whose pods never have it. */
  readonly excludedNamespaces: readonly string[];
}

/** Whether a pod may have the node's role. */
export function mayHaveNodeRole({ namespace, labels }: Caller, rules: NodeRoleRules): boolean {
  if (rules.excludedNamespaces.includes(namespace) || labels[nodeRoleLabel] === 'none') return false;
  return rules.namespaces.length === 0 || rules.namespaces.includes(namespace);
}

/** A role that the pods of a service account have for themselves. */
export interface PodRole {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly roleName: string;
  /** Audience of the token that the role is assumed with. */
  readonly audience: string;
}

/** The role of the pod's own service account. */
export function podRoleOf(caller: Caller, podRoles: readonly PodRole[]): PodRole | undefined {
  return podRoles.find(
    ({ namespace, serviceAccount }) => namespace === caller.namespace && serviceAccount === caller.serviceAccount,
  );
}
