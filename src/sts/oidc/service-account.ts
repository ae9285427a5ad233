import { z } from 'zod';
import type { ServiceAccountIdentity } from '../../policy/principal.ts';

const SUBJECT =
  /^system:serviceaccount:([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?):([a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)$/;

/** Namespace and name in a subject such as `system:serviceaccount:shop:web`; `undefined` for any other text. */
export function parseServiceAccountSubject(subject: string): { namespace: string; name: string } | undefined {
  const match = SUBJECT.exec(subject);
  if (match === null) return undefined;
  const [, namespace = '', name = ''] = match;
  return { namespace, name };
}

interface KubernetesClaims {
  namespace: string;
  serviceaccount: { name: string; uid: string };
  pod?: { name: string; uid: string };
}

/** The claim `kubernetes.io` of projected tokens (Kubernetes: bound service account tokens). */
const kubernetesClaims: z.ZodType<KubernetesClaims> = z.object({
  namespace: z.string(),
  serviceaccount: z.object({ name: z.string(), uid: z.string() }),
  pod: z.object({ name: z.string(), uid: z.string() }).exactOptional(),
});

/**
 * The service account of a verified token, from its claim `kubernetes.io`. `undefined` when there is no such claim, or when it
 * tells another story than the subject.
 */
export function serviceAccountOf(
  provider: string,
  subject: string,
  claims: Readonly<Record<string, unknown>>,
): ServiceAccountIdentity | undefined {
  const parsed = kubernetesClaims.safeParse(claims['kubernetes.io']);
  const named = parseServiceAccountSubject(subject);
  if (!parsed.success || named === undefined) return undefined;
  const { namespace, serviceaccount, pod } = parsed.data;
  if (namespace !== named.namespace || serviceaccount.name !== named.name) return undefined;
  return {
    provider,
    ...named,
    uid: serviceaccount.uid,
    ...(pod === undefined ? {} : { podName: pod.name, podUid: pod.uid }),
  };
}
