import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import type { ReviewToken, TokenReviewStatus } from '../ports/token-review.ts';

export interface KubernetesTokenReviewOptions {
  /** Such as `https://kubernetes.default.svc`. */
  readonly server: string;
  /** File with the process's own service-account token; read at every call, since the kubelet rotates it. */
  readonly tokenFile: string;
  /** File with the CA that signed the API server's certificate; read at every call. No other CA is trusted. */
  readonly caFile: string;
  /** For a whole call; 5000 unless given. */
  readonly timeoutMs?: number;
  /** A text that was never asked with before; a UUID unless given. */
  readonly unique?: () => string;
}

/** A TokenReview adapter with its connections. */
export interface KubernetesTokenReview {
  readonly reviewToken: ReviewToken;
  close(): void;
}

const PATH = '/apis/authentication.k8s.io/v1/tokenreviews';
const DEFAULT_TIMEOUT_MS = 5000;
const MAX_ANSWER_BYTES = 256 * 1024;

/** Where a container finds its own credentials (Kubernetes: accessing the API from a pod). */
export const inClusterTokenReview: KubernetesTokenReviewOptions = {
  server: 'https://kubernetes.default.svc',
  tokenFile: '/var/run/secrets/kubernetes.io/serviceaccount/token',
  caFile: '/var/run/secrets/kubernetes.io/serviceaccount/ca.crt',
};

/**
 * Sends TokenReviews to an API server over kept-alive TLS connections. Rejects unless the server answered 201 with a status;
 * errors hold neither token.
 *
 * An API server remembers for ten seconds what it said of a token and a list of audiences (k8s.io/apiserver,
 * cached_token_authenticator.go), also when the pod of the token is deleted meanwhile. So each review asks for one more
 * audience, which no token has and nobody asked for before: what it answers is what is true now.
 */
export function createKubernetesTokenReview(options: KubernetesTokenReviewOptions): KubernetesTokenReview {
  const url = new URL(PATH, options.server);
  if (url.protocol !== 'https:') throw new Error(`The API server must be an https URL: ${options.server}`);
  const agents = new AgentPool();
  const unique = options.unique ?? randomUUID;
  return {
    reviewToken: async ({ token: reviewed, audiences }, signal) => {
      const spec = { token: reviewed, audiences: [...audiences, `kaap.dev/review/${unique()}`] };
      const [token, ca] = await Promise.all([readFile(options.tokenFile, 'utf8'), readFile(options.caFile, 'utf8')]);
      const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec };
      const body = Buffer.from(JSON.stringify(review));
      const timeout = AbortSignal.timeout(options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
      const call = { agent: agents.get(ca), token: token.trim(), body, signal: AbortSignal.any([signal, timeout]) };
      return statusOf(await post(url, call));
    },
    close: () => agents.close(),
  };
}

/** One agent for as long as the CA stays the same. */
class AgentPool {
  #ca = '';
  #agent: Agent | undefined;

  get(ca: string): Agent {
    if (this.#agent !== undefined && this.#ca === ca) return this.#agent;
    this.#agent?.destroy();
    this.#ca = ca;
    this.#agent = new Agent({ keepAlive: true, maxFreeSockets: 4, ca });
    return this.#agent;
  }

  close(): void {
    this.#agent?.destroy();
  }
}

interface Call {
  readonly agent: Agent;
  readonly token: string;
  readonly body: Buffer;
  readonly signal: AbortSignal;
}

function post(url: URL, { agent, token, body, signal }: Call): Promise<string> {
  const headers = {
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    accept: 'application/json',
    'content-length': body.length,
  };
  return new Promise((resolve, reject) => {
    const request = httpsRequest(url, { method: 'POST', agent, headers, signal }, (response) => {
      readAnswer(response).then(resolve, reject);
    });
    request.on('error', reject);
    request.end(body);
  });
}

async function readAnswer(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) throw new Error('The API server answered a TokenReview with too many bytes.');
    chunks.push(chunk);
  }
  // TokenReview is a create: 201, nothing else, and never a redirect.
  if (response.statusCode !== 201)
    throw new Error(`The API server answered a TokenReview with status ${response.statusCode}.`);
  return Buffer.concat(chunks).toString('utf8');
}

function statusOf(answer: string): TokenReviewStatus {
  const review = parseJson(answer) as { status?: unknown } | null;
  const status = review?.status;
  if (status === null || typeof status !== 'object')
    throw new Error('The API server answered a TokenReview without a status.');
  return status;
}

function parseJson(answer: string): unknown {
  try {
    return JSON.parse(answer);
  } catch {
    // Without the parser's message, which quotes the text.
    throw new Error('The API server answered a TokenReview with something else than JSON.');
  }
}
