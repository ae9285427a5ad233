import { turnAnnotation } from '../../src/api/version-mark.ts';
import type { Access } from '../access.ts';
import { audienceOf, clientKeyFileName, turnFolder, volumeNames } from '../layout.ts';
import type { ProjectedSource, Volume } from '../pod.ts';

/** Life of a projected token, in seconds. The kubelet renews it at four fifths. */
const tokenSeconds = 3600;

/** Mode of projected files, 0644: the API server's default, spelled out so that a second look finds what was put in. */
const projectedMode = 0o644;

/** What a volume of memory may hold: env files are at most 64 KiB, and a second one while the first is replaced. */
const envSizeLimit = '1Mi';
const filesSizeLimit = '16Mi';

/** The volumes of a pod that uses these access points; `restarting` are the bindings whose restarts the operator allows. */
export function injectedVolumes(
  accesses: readonly Access[],
  { hasFiles, hasWrapper, hasEndpoint }: { hasFiles: boolean; hasWrapper: boolean; hasEndpoint: boolean },
  restarting: readonly string[],
): Volume[] {
  const byName = new Map(accesses.map((access) => [access.accessPoint, access]));
  const unique = [...byName.values()];
  const clientKeys = unique.flatMap(clientKeySource);
  return [
    {
      name: volumeNames.token,
      projected: { defaultMode: projectedMode, sources: [...unique.map(tokenSource), ...turnSource(restarting)] },
    },
    { name: volumeNames.env, emptyDir: { medium: 'Memory', sizeLimit: envSizeLimit } },
    ...(hasFiles ? [{ name: volumeNames.files, emptyDir: { medium: 'Memory', sizeLimit: filesSizeLimit } }] : []),
    ...(hasWrapper ? [{ name: volumeNames.exec, emptyDir: { medium: 'Memory', sizeLimit: filesSizeLimit } }] : []),
    ...(hasEndpoint ? [{ name: volumeNames.endpoint, emptyDir: { medium: 'Memory', sizeLimit: envSizeLimit } }] : []),
    ...(clientKeys.length > 0
      ? [{ name: volumeNames.clientKey, projected: { defaultMode: projectedMode, sources: clientKeys } }]
      : []),
  ];
}

/** A token for each access point, whose audience fits no other: what one endpoint sees opens nothing elsewhere. */
function tokenSource({ accessPoint }: Access): ProjectedSource {
  return {
    serviceAccountToken: { audience: audienceOf(accessPoint), expirationSeconds: tokenSeconds, path: accessPoint },
  };
}

/** The annotations of the pod by which the operator tells the agent: the kubelet writes them as soon as they change. */
function turnSource(restarting: readonly string[]): ProjectedSource[] {
  if (restarting.length === 0) return [];
  const items = restarting.map((binding) => ({
    path: `${turnFolder}/${binding}`,
    fieldRef: { apiVersion: 'v1' as const, fieldPath: `metadata.annotations['${turnAnnotation(binding)}']` },
  }));
  return [{ downwardAPI: { items } }];
}

function clientKeySource({ accessPoint, clientKeySecret }: Access): ProjectedSource[] {
  if (clientKeySecret === undefined) return [];
  const items = [{ key: clientKeyFileName, path: `${accessPoint}/${clientKeyFileName}` }];
  return [{ secret: { name: clientKeySecret, items } }];
}
