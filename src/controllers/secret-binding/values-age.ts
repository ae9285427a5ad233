import type { SecretBinding } from '../../api/v1alpha1/secret-binding.ts';
import { readsOf, type SecretReads } from '../secret-consumers.ts';
import type { KmsApi } from '../kms-api.ts';
import { isInjected, isOver, type Pod } from '../pod.ts';

/**
 * When KMS last gave the values on which the pods of a binding run: of the pod and the secret for which that is longest ago.
 * RFC 3339; undefined where no such pod is known to KMS by its name, as with client keys.
 */
export function valuesReadTime(reads: readonly SecretReads[], pods: readonly string[]): string | undefined {
  const times = reads.flatMap(({ Consumers }) =>
    pods.map((pod) => Consumers.Consumer.find(({ PodName }) => PodName === pod)?.LastUsedTime),
  );
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : known.reduce((a, b) => (Date.parse(a) < Date.parse(b) ? a : b));
}

/** Asks KMS for {@link valuesReadTime}, for bindings that let pods run on with old values. */
export async function askValuesReadTime(
  kms: KmsApi,
  { spec }: SecretBinding,
  bound: readonly Pod[],
  signal: AbortSignal,
): Promise<string | undefined> {
  const pods = bound.filter((pod) => !isOver(pod) && isInjected(pod)).map(({ metadata }) => metadata.name);
  if (spec.outage === undefined || pods.length === 0) return undefined;
  const secrets = new Set(spec.sources.flatMap(({ secret }) => secret?.name ?? []));
  const reads = await Promise.all([...secrets].map((secret) => readsOf(kms, secret, signal)));
  return valuesReadTime(
    reads.filter((answer) => answer !== undefined),
    pods,
  );
}
