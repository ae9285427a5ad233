import { isDeepStrictEqual } from 'node:util';
import type { ApplyOptions, ClusterApi } from './cluster-api.ts';
import { isConflict } from './kube-error.ts';
import { keyOf, refOf, type KubeObject, type ResourceType, type StatusOf } from './resource.ts';

/** An object whose status says which generation of the spec it is about. */
export interface ReportingObject extends KubeObject {
  status?: { observedGeneration?: number };
}

/**
 * Applies a status that was decided from `object`, and gives whether something was written.
 *
 * The write holds for the object as it was read: a controller whose store is behind, as that of a former leader, gets 409
 * Conflict rather than overwriting what a newer look has found. A change that has nothing to do with the decision (a
 * label, another manager's status) is looked past: the generation is the same, and the write is tried on the object as it
 * is now. What stands there already is not written again.
 *
 * Errors: 404 when the object is gone, 409 Conflict when the object is another one or its spec has changed since. Let
 * them through: the next run reads the object again.
 */
export async function applyDecidedStatus<T extends ReportingObject>(
  api: Pick<ClusterApi, 'applyStatus' | 'get'>,
  resource: ResourceType<T>,
  object: T,
  status: StatusOf<T>,
  options: ApplyOptions,
): Promise<boolean> {
  const { uid, resourceVersion, generation } = object.metadata;
  const ref = { ...refOf(keyOf(object)), uid };
  try {
    await api.applyStatus(resource, { ...ref, resourceVersion }, status, options);
    return true;
  } catch (error) {
    if (!isConflict(error)) throw error;
    const live = await api.get(resource, ref, options);
    const same = live?.metadata.uid === uid && live?.metadata.generation === generation;
    if (live === undefined || !same) throw error;
    if (isDeepStrictEqual(plain(live.status), plain(status))) return false;
    if (!isDeepStrictEqual(plain(live.status), plain(object.status))) throw error;
    await api.applyStatus(resource, { ...ref, resourceVersion: live.metadata.resourceVersion }, status, options);
    return true;
  }
}

/** As JSON has it, without fields that are undefined. */
function plain(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}
