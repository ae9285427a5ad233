import type { ClusterApi } from '../kube/cluster-api.ts';
import { KubeError } from '../kube/kube-error.ts';
import { ownerReferenceTo, type KubeObject, type ResourceType } from '../kube/resource.ts';
import { ViolationError } from './check.ts';

/** A Secret as the operator writes it. It has no right to read, change or delete one. */
interface NewSecret extends KubeObject {
  type: string;
  immutable: boolean;
  data: Record<string, string>;
}

const secrets: ResourceType<NewSecret> = {
  group: '',
  version: 'v1',
  plural: 'secrets',
  kind: 'Secret',
  namespaced: true,
};

export interface SecretReference {
  namespace: string;
  name: string;
}

/** A credential on its way to whoever uses it. */
export interface Delivery {
  ref: SecretReference;
  /** `type` of the Secret. */
  type: string;
  /** Entry → text. */
  entries: Readonly<Record<string, string>>;
}

/**
 * Creates the Secret, which goes with its owner. `false` when there is one of that name: it is not looked at and not
 * overwritten, so that its existence is learnt from trying.
 */
export async function deliverSecret(
  cluster: ClusterApi,
  owner: KubeObject,
  { ref, type, entries }: Delivery,
  signal: AbortSignal,
): Promise<boolean> {
  const ownerReferences = [{ ...ownerReferenceTo(owner), blockOwnerDeletion: false }];
  const data = Object.fromEntries(
    Object.entries(entries).map(([entry, value]) => [entry, Buffer.from(value).toString('base64')]),
  );
  const metadata = { name: ref.name, namespace: ref.namespace, ownerReferences };
  return isCreated(cluster.create(secrets, { metadata, type, immutable: true, data }, { signal }));
}

/** Whether the name is free, so that no credential is made for nothing. It may be taken by the time of delivery. */
export function isDeliverable(
  cluster: ClusterApi,
  { name, namespace }: SecretReference,
  signal: AbortSignal,
): Promise<boolean> {
  const nothing = { metadata: { name, namespace }, type: 'Opaque', immutable: false, data: {} };
  return isCreated(cluster.create(secrets, nothing, { signal, dryRun: true }));
}

async function isCreated(creation: Promise<NewSecret>): Promise<boolean> {
  try {
    await creation;
    return true;
  } catch (error) {
    if (error instanceof KubeError && error.reason === 'AlreadyExists') return false;
    throw error;
  }
}

/** What to say about a Secret that is in the way. `field` names it in the object. */
export function secretExists({ namespace, name }: SecretReference, field: string): ViolationError {
  return new ViolationError({
    reason: 'SecretExists',
    message: `The Secret ${namespace}/${name} exists already and is not overwritten. Delete it, or name another in ${field}.`,
    requeueAfterMs: 30_000,
  });
}
