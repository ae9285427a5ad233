import type { AccessPointObject, BindingObject } from './directory.ts';
import type { PatchOperation } from './json-patch.ts';
import type { Pod } from './pod.ts';
import { Refusal } from './refusal.ts';

/** What the cluster says about the pod's namespace. */
export interface PlanContext {
  namespace: string;
  /** SecretBindings of that namespace. */
  bindings: readonly BindingObject[];
  accessPoints: ReadonlyMap<string, AccessPointObject>;
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
  serverVersion: ServerVersion;
}

/** Version of the API server. */
export interface ServerVersion {
  major: number;
  minor: number;
}

/** What to answer to the API server. */
export type Plan =
  | { allowed: true; patch: readonly PatchOperation[]; warnings: readonly string[] }
  | { allowed: false; message: string };

/**
 * Decides what happens to a pod that is being created. Pure: the same pod and the same cluster give the same answer,
 * and a pod that has been through it gets an empty patch. Never throws for anything a pod's author can write.
 */
export function plan(pod: Pod, _context: PlanContext, _installation: Installation): Plan {
  try {
    if (pod.metadata === undefined) throw new Refusal('The pod has no metadata.');
    return { allowed: true, patch: [], warnings: [] };
  } catch (error) {
    if (error instanceof Refusal) return { allowed: false, message: error.message };
    throw error;
  }
}
