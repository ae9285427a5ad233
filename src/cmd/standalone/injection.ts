import { plan, type Installation } from '../../../webhook/plan.ts';
import type { AccessPointObject, BindingObject } from '../../../webhook/directory.ts';
import type { Pod } from '../../../webhook/pod.ts';
import { renderPod } from '../../../webhook/render-pod.ts';

/** The newest Kubernetes that this was tried on: what an injection without a cluster assumes. */
export const assumedServerVersion = { major: 1, minor: 36 } as const;

/** What the webhook would know of the cluster. */
export interface KnownObjects {
  bindings: readonly BindingObject[];
  accessPoints: readonly AccessPointObject[];
}

/** Thrown when the webhook would refuse the pod; the message is what its author would see. */
export class InjectionRefused extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'InjectionRefused';
  }
}

/** The pod as the webhook would make it. Throws {@link InjectionRefused}. */
export function inject(pod: Pod, known: KnownObjects, installation: Installation): Pod {
  const namespace = pod.metadata?.namespace ?? 'default';
  const result = plan(
    pod,
    {
      namespace,
      bindings: known.bindings.filter(({ metadata }) => metadata.namespace === namespace),
      accessPoints: new Map(known.accessPoints.map((point) => [point.metadata.name, point])),
    },
    installation,
  );
  if (!result.allowed) throw new InjectionRefused(result.message);
  return renderPod(pod, result.patch);
}
