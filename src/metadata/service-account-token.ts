import type { KubeTransport } from '../kube/transport.ts';
import type { Caller } from './callers.ts';

/** Shortest life of a token that the API server gives, in seconds (Kubernetes TokenRequest). */
const tokenSeconds = 600;

/**
 * A token of the pod's own service account, bound to the pod. Needs `create` on `serviceaccounts/token` of that service
 * account, which the installation gives for the listed ones only.
 */
export async function requestPodToken(
  transport: Pick<KubeTransport, 'request'>,
  { namespace, serviceAccount, name, uid }: Caller,
  audience: string,
  signal: AbortSignal,
): Promise<string> {
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/serviceaccounts/${encodeURIComponent(serviceAccount)}/token`;
  const boundObjectRef = { apiVersion: 'v1', kind: 'Pod', name, uid };
  const spec = { audiences: [audience], expirationSeconds: tokenSeconds, boundObjectRef };
  const answer = await transport.request<{ status?: { token?: string } }>({
    method: 'POST',
    path,
    body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec },
    signal,
  });
  const token = answer.status?.token;
  if (token === undefined) throw new Error('The API server answered a TokenRequest without a token.');
  return token;
}
