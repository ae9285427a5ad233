import { request as httpRequest, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
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

export interface HttpPolicyHookOptions {
  /** `http:` or `https:`. */
  readonly url: string;
  /** PEM of the authorities that may vouch for it; without them, the public ones. */
  readonly caPem?: string;
}

/** Leaves the caller some of its 250 ms. */
const timeoutMs = 100;
const maxAnswerBytes = 4096;

/**
 * Asks a policy engine of the owner's, as Open Policy Agent's data API is asked: POST `{"input": …}`, answer
 * `{"result": true}`. Another result denies. One that cannot be reached, does not answer within 100 ms, or answers something else
 * than a JSON object with status 200 is no decision: the call is refused with `DependencyTimeoutException`, which says which it was.
 */
export function httpPolicyHook({ url, caPem }: HttpPolicyHookOptions): PolicyHook {
  return async (question) => {
    const body = JSON.stringify({ input: question });
    const answer = await post(new URL(url), caPem, body).catch((error: unknown) => {
      throw undecided(`did not answer within ${timeoutMs} ms or cannot be reached`, error);
    });
    if (answer.status !== 200) throw undecided(`answered status ${answer.status}`);
    return resultOf(answer.text) === true;
  };
}

function resultOf(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw undecided('answered something else than JSON', error);
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return (value as { result?: unknown }).result;
  throw undecided('answered something else than an object with a result');
}

function undecided(what: string, cause?: unknown): ProxyError {
  const message = `The policy engine of the owner of the key ${what}.`;
  return new ProxyError('DependencyTimeoutException', message, cause === undefined ? undefined : { cause });
}

interface Answer {
  status: number;
  text: string;
}

/** Posts once; redirects are answers like any other. */
function post(url: URL, ca: string | undefined, body: string): Promise<Answer> {
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  const options: RequestOptions = { method: 'POST', headers, signal: AbortSignal.timeout(timeoutMs) };
  return new Promise((resolve, reject) => {
    const call =
      url.protocol === 'https:'
        ? httpsRequest(url, { ...options, minVersion: 'TLSv1.2', ...(ca !== undefined && { ca }) })
        : httpRequest(url, options);
    call.on('error', reject);
    call.on('response', (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > maxAnswerBytes) response.destroy(new Error('The answer is too long.'));
        else chunks.push(chunk);
      });
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
    });
    call.end(body);
  });
}
