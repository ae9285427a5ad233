import { customResourceTypes } from '../../api/registry.ts';
import { describeIssue, fieldPath } from '../../api/manifest-problem.ts';
import { podType } from '../../controllers/pod.ts';
import { ManifestClusterApi } from '../../kube/manifest-cluster-api.ts';
import type { ManifestProblem } from '../../kube/manifest-files.ts';
import type { KubeObject, ResourceType } from '../../kube/resource.ts';
import type { Clock } from '../../lib/clock.ts';

const coreTypes: readonly ResourceType[] = [
  podType,
  { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace', namespaced: false },
  { group: '', version: 'v1', plural: 'serviceaccounts', kind: 'ServiceAccount', namespaced: true },
  { group: '', version: 'v1', plural: 'secrets', kind: 'Secret', namespaced: true },
];

/** A folder of manifests as a cluster, and what is wrong with its files. */
export interface Manifests {
  cluster: ManifestClusterApi;
  problems: readonly ManifestProblem[];
}

/** Reads a folder of manifests. Without a folder, the cluster is empty. */
export async function openManifests(folder: string | undefined, clock: Clock): Promise<Manifests> {
  const cluster = new ManifestClusterApi({
    resources: [...Object.values(customResourceTypes), ...coreTypes],
    ...(folder === undefined ? {} : { folder }),
    admit,
    listKeys: { sources: 'name' },
    clock,
  });
  const { problems } = await cluster.reload();
  return { cluster, problems };
}

/** Defaults and checks of the custom resources' schemas, as the API server applies them. */
function admit(resource: ResourceType, object: KubeObject): KubeObject {
  const kind = Object.values(customResourceTypes).find((type) => type.kind === resource.kind);
  if (kind === undefined) return object;
  const { spec, ...rest } = object as KubeObject & { spec?: unknown };
  const result = kind.specSchema.safeParse(spec);
  if (result.success) return { ...rest, spec: result.data } as KubeObject;
  const problems = result.error.issues.flatMap((issue) => describeIssue(issue));
  const texts = problems.map((problem) => `${fieldPath(['spec', ...problem.path])}: ${problem.message}`);
  throw new Error(`${object.kind} ${object.metadata.name}: ${texts.join('; ')}`);
}
