import type { ClusterApi } from './cluster-api.ts';
import type { ReconcileResult } from './controller.ts';
import { isNotFound } from './kube-error.ts';
import type { KubeObject, ResourceType } from './resource.ts';

export interface FinalizerOptions<T extends KubeObject> {
  api: Pick<ClusterApi, 'patchFinalizers'>;
  resource: ResourceType<T>;
  /** Qualified name, `kaap.dev/key`. */
  finalizer: string;
  /** Runs while the object lives. Gets it with the finalizer in place. */
  apply: (object: T) => Promise<ReconcileResult | undefined | void>;
  /** Runs once deletion was asked for, possibly many times. Throw to keep the object. */
  cleanup: (object: T) => Promise<void>;
  signal: AbortSignal;
}

/**
 * Runs `apply` or `cleanup` so that nothing outside the cluster is made without a finalizer that will clean it up.
 *
 * Flow: 1. the object has no finalizer of ours and is not being deleted: it is added, then `apply` runs; 2. it has:
 * `apply` runs; 3. it is being deleted and has: `cleanup` runs, then the finalizer is taken away and the object may go;
 * 4. it is being deleted and has not: nothing is left to do.
 *
 * Guarantees: `apply` never runs without the finalizer in the API server, nor after deletion was asked for. `cleanup` has
 * succeeded at least once before the object goes.
 * Assumes: `apply` and `cleanup` may be repeated at any point; nobody else removes the finalizer.
 * Caveat: an object whose finalizer somebody removed by hand is gone without a cleanup.
 * Errors: 409 Conflict when the object has changed since it was read. Let it through: the next run reads it again.
 */
export async function runWithFinalizer<T extends KubeObject>(
  object: T,
  options: FinalizerOptions<T>,
): Promise<ReconcileResult | undefined | void> {
  const { api, resource, finalizer, apply, cleanup, signal } = options;
  const finalizers = object.metadata.finalizers ?? [];
  const hasOurs = finalizers.includes(finalizer);
  if (object.metadata.deletionTimestamp === undefined) {
    if (hasOurs) return apply(object);
    return apply(await api.patchFinalizers(resource, object, [...finalizers, finalizer], { signal }));
  }
  if (!hasOurs) return undefined;
  await cleanup(object);
  const others = finalizers.filter((name) => name !== finalizer);
  try {
    await api.patchFinalizers(resource, object, others, { signal });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  return undefined;
}
