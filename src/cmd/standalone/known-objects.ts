import { applicationAccessPointType } from '../../api/v1alpha1/application-access-point.ts';
import { secretBindingType } from '../../api/v1alpha1/secret-binding.ts';
import type { ObjectSource } from '../../kube/cluster-api.ts';
import type { KnownObjects } from './injection.ts';

/** The bindings and access points of a source, as the webhook's own store would have them. */
export async function knownObjects(source: ObjectSource, signal: AbortSignal): Promise<KnownObjects> {
  const [bindings, accessPoints] = await Promise.all([
    source.list(secretBindingType, { signal }),
    source.list(applicationAccessPointType, { signal }),
  ]);
  return { bindings, accessPoints };
}
