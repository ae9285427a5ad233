import { applicationAccessPointType } from '../api/v1alpha1/application-access-point.ts';
import { secretBindingType } from '../api/v1alpha1/secret-binding.ts';
import { isBound, podType, type Pod } from '../controllers/pod.ts';
import type { ClusterApi } from '../kube/cluster-api.ts';

/** A pod as whom the KMS sees it. Throws where it is not one, and says what to ask about instead. */
export async function findPodPrincipal(
  cluster: ClusterApi,
  { namespace, name }: { namespace: string; name: string },
  signal: AbortSignal,
): Promise<string> {
  const pod = await cluster.get(podType, { namespace, name }, { signal });
  if (pod === undefined) throw new Error(`There is no pod ${namespace}/${name}. Check the name and the kubeconfig.`);
  const serviceAccount = pod.spec.serviceAccountName ?? 'default';
  const [accessPoint, another] = await accessPointsOf(cluster, pod, signal);
  if (accessPoint === undefined) return `serviceaccount/${namespace}/${serviceAccount}`;
  if (another !== undefined) {
    throw new Error(
      `The bindings of pod ${namespace}/${name} use ${accessPoint} and ${another}. Ask about applicationaccesspoint/<name>.`,
    );
  }
  await assertListed(cluster, accessPoint, { namespace, name: serviceAccount }, signal);
  return `applicationaccesspoint/${accessPoint}`;
}

/** Names of the access points of the bindings that the pod takes. */
async function accessPointsOf(cluster: ClusterApi, pod: Pod, signal: AbortSignal): Promise<string[]> {
  const { namespace = '' } = pod.metadata;
  const bindings = await cluster.list(secretBindingType, { namespace, signal });
  const taken = bindings.filter((binding) => isBound(pod, binding)).map(({ spec }) => spec.accessPoint);
  return [...new Set(taken)].toSorted();
}

/** An access point that admits pods by service account must list the pod's. */
async function assertListed(
  cluster: ClusterApi,
  accessPoint: string,
  { namespace, name }: { namespace: string; name: string },
  signal: AbortSignal,
): Promise<void> {
  const found = await cluster.get(applicationAccessPointType, { name: accessPoint }, { signal });
  if (found === undefined) {
    throw new Error(`The pod's binding names the access point ${accessPoint}, which does not exist.`);
  }
  const { ramRole, clientKey } = found.spec.authentication;
  const listed = ramRole?.serviceAccounts ?? clientKey?.serviceAccounts;
  if (listed === undefined || listed.some((each) => each.namespace === namespace && each.name === name)) return;
  throw new Error(
    `The access point ${accessPoint} does not list the service account ${namespace}/${name}. Add it there.`,
  );
}
