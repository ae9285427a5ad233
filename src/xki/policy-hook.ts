import { ProxyError } from './proxy-error.ts';
import type { RequestMetadata } from './requests.ts';

/** What the owner's policy is asked about. */
export interface PolicyQuestion extends RequestMetadata {
  readonly operation: string;
  readonly keyId: string;
  readonly prefix: string;
}

/** Decides; `false` denies. */
export type PolicyHook = (question: PolicyQuestion) => Promise<boolean>;

/** Leaves the caller some of its 250 ms. */
const timeoutMs = 100;

/**
 * Asks a policy engine of the owner's over HTTP, as Open Policy Agent's data API is asked: POST `{"input": …}`, answer
 * `{"result": true}`. Anything else denies, and so does an engine that does not answer within 100 ms.
 */
export function httpPolicyHook(url: string): PolicyHook {
  return async (question) => {
    let response: Response;
    try {
      response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ input: question }),
        redirect: 'error',
        signal: AbortSignal.timeout(timeoutMs),
      });
      return response.ok && ((await response.json()) as { result?: unknown }).result === true;
    } catch (error) {
      throw new ProxyError('DependencyTimeoutException', 'The policy engine did not answer.', { cause: error });
    }
  };
}
