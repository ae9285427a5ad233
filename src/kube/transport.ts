import { Agent as HttpAgent, request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { messageOf } from '../lib/errors.ts';
import type { KubeConnection } from './kube-config.ts';
import { isKubeError, kubeErrorFrom } from './kube-error.ts';
import { linesOf, readBody } from './response-body.ts';
import { systemSleep, type Sleep } from './sleep.ts';

/** One call of the API server. */
export interface KubeRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Absolute path without query, each segment encoded. */
  path: string;
  query?: Readonly<Record<string, string | number | boolean | undefined>>;
  /** Sent as JSON. */
  body?: unknown;
  /** `application/json` unless given; patches say what they are. */
  contentType?: string;
  /** `application/json` unless given. */
  accept?: string;
  signal: AbortSignal;
  /** For the whole answer of `request`; for the silence between two lines of `stream`. 30 s unless given. */
  timeoutMs?: number;
}

/** The `/version` of an API server. */
export interface ServerVersion {
  major: number;
  minor: number;
  gitVersion: string;
}

/** Carries requests to an API server. Failures that the server answered are `KubeError`s. */
export interface KubeTransport {
  /** Sends a request and parses its JSON answer. */
  request<T>(request: KubeRequest): Promise<T>;
  /** Sends a request and yields the lines of its answer as they come. Throws when the answer is cut short. */
  stream(request: KubeRequest): AsyncIterable<string>;
  /** Asks for the server's version. */
  serverVersion(options: { signal: AbortSignal }): Promise<ServerVersion>;
  /** Closes idle connections. */
  close(): void;
}

export interface TransportOptions {
  /** Names the process to the API server's audit log. */
  userAgent?: string;
  /** Most bytes of one answer, and of one line of a stream. 64 MiB unless given. */
  maxBodyBytes?: number;
  sleep?: Sleep;
}

const defaultTimeoutMs = 30_000;
const defaultMaxBodyBytes = 64 * 1024 * 1024;
/** A server that asks for patience (429, 503 with Retry-After) gets this many more attempts. */
const maxRetries = 4;
/** A server that asks for more patience than this gets the error thrown to the caller, who has a backoff of his own. */
const maxRetryAfterSeconds = 15;

/** Makes a transport over kept-alive connections. Plain HTTP only where the server's URL says so. */
export function createTransport(connection: KubeConnection, options: TransportOptions = {}): KubeTransport {
  return new HttpTransport(connection, options);
}

class HttpTransport implements KubeTransport {
  readonly #connection: KubeConnection;
  readonly #agent: HttpAgent;
  readonly #send: typeof httpRequest;
  readonly #userAgent: string;
  readonly #maxBodyBytes: number;
  readonly #sleep: Sleep;

  constructor(connection: KubeConnection, options: TransportOptions) {
    const pool = { keepAlive: true, scheduling: 'lifo', maxFreeSockets: 16 } as const;
    const plain = connection.server.startsWith('http://');
    this.#connection = connection;
    this.#agent = plain ? new HttpAgent(pool) : new HttpsAgent({ ...pool, ...connection.tls });
    this.#send = plain ? httpRequest : httpsRequest;
    this.#userAgent = options.userAgent ?? 'kaap';
    this.#maxBodyBytes = options.maxBodyBytes ?? defaultMaxBodyBytes;
    this.#sleep = options.sleep ?? systemSleep;
  }

  request<T>(request: KubeRequest): Promise<T> {
    return this.#attempt(request, async (signal) => {
      const response = await this.#open(request, signal);
      const body = await readBody(response, this.#maxBodyBytes);
      return parseJson(body, request) as T;
    });
  }

  async *stream(request: KubeRequest): AsyncGenerator<string> {
    const response = await this.#attempt(request, (signal) => this.#open(request, signal));
    const onAbort = (): void => void response.destroy(request.signal.reason as Error);
    request.signal.addEventListener('abort', onAbort, { once: true });
    try {
      if (request.signal.aborted) throw request.signal.reason as Error;
      yield* linesOf(response, { idleMs: request.timeoutMs ?? defaultTimeoutMs, maxBytes: this.#maxBodyBytes });
    } finally {
      request.signal.removeEventListener('abort', onAbort);
      response.destroy();
    }
  }

  async serverVersion(options: { signal: AbortSignal }): Promise<ServerVersion> {
    const version = await this.request<Record<'major' | 'minor' | 'gitVersion', string>>({
      method: 'GET',
      path: '/version',
      signal: options.signal,
    });
    // Some vendors report a minor of "36+".
    const { major, minor, gitVersion } = version;
    return { major: Number.parseInt(major, 10), minor: Number.parseInt(minor, 10), gitVersion };
  }

  close(): void {
    this.#agent.destroy();
  }

  /** Runs `once` until it succeeds or fails for good; each time with a signal that fires on cancellation and timeout. */
  async #attempt<R>(request: KubeRequest, once: (signal: AbortSignal) => Promise<R>): Promise<R> {
    for (let failures = 0; ; failures += 1) {
      try {
        return await withTimeout(request, once);
      } catch (error) {
        if (request.signal.aborted) throw request.signal.reason;
        const waitMs = failures < maxRetries ? retryDelayMs(request, error, failures) : undefined;
        if (waitMs === undefined) throw describe(request, error);
        await this.#sleep(waitMs, request.signal);
      }
    }
  }

  /** Resolves with a response of status 2xx, its body unread. Asks again with a fresh token after a 401. */
  async #open(request: KubeRequest, signal: AbortSignal): Promise<IncomingMessage> {
    for (let refresh = false; ; refresh = true) {
      const token = await this.#connection.token?.token(refresh);
      const response = await this.#exchange(request, token, signal);
      const status = response.statusCode ?? 0;
      if (status >= 200 && status < 300) return response;
      const body = await readBody(response, 64 * 1024).catch(() => '');
      if (status === 401 && !refresh && token !== undefined) continue;
      throw kubeErrorFrom(status, body, response.headers['retry-after'], { quotesRequest: writesSecret(request) });
    }
  }

  #exchange(request: KubeRequest, token: string | undefined, signal: AbortSignal): Promise<IncomingMessage> {
    const body = request.body === undefined ? undefined : Buffer.from(JSON.stringify(request.body));
    return new Promise((resolve, reject) => {
      const outgoing: ClientRequest = this.#send(this.#connection.server + request.path + queryOf(request), {
        method: request.method,
        agent: this.#agent,
        signal,
        headers: {
          accept: request.accept ?? 'application/json',
          'user-agent': this.#userAgent,
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined
            ? {}
            : { 'content-type': request.contentType ?? 'application/json', 'content-length': body.length }),
        },
      });
      outgoing.once('response', (response) => {
        // Whoever reads the body gets the error too; without a listener it would end the process.
        response.on('error', () => undefined);
        resolve(response);
      });
      outgoing.on('error', (error) => reject(outgoing.reusedSocket ? new StaleConnectionError(error) : error));
      outgoing.end(body);
    });
  }
}

/** A kept-alive connection failed when it was used again: most likely the server had just closed it for being idle. */
class StaleConnectionError extends Error {
  constructor(cause: Error) {
    super(messageOf(cause), { cause });
    this.name = 'StaleConnectionError';
  }
}

/** Ends `run` by its signal when the request is cancelled or takes too long. The timeout ends with the promise. */
async function withTimeout<R>(request: KubeRequest, run: (signal: AbortSignal) => Promise<R>): Promise<R> {
  const controller = new AbortController();
  const timeoutMs = request.timeoutMs ?? defaultTimeoutMs;
  const onAbort = (): void => controller.abort(request.signal.reason);
  if (request.signal.aborted) throw request.signal.reason;
  request.signal.addEventListener('abort', onAbort, { once: true });
  const timer = setTimeout(() => controller.abort(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  try {
    return await run(controller.signal);
  } catch (error) {
    // node:http rejects with an AbortError of its own that does not say why.
    throw controller.signal.aborted ? controller.signal.reason : error;
  } finally {
    clearTimeout(timer);
    request.signal.removeEventListener('abort', onAbort);
  }
}

/** Milliseconds to wait before another attempt; undefined when another attempt is not for the transport to make. */
function retryDelayMs(request: KubeRequest, error: unknown, failures: number): number | undefined {
  if (error instanceof StaleConnectionError) return failures === 0 && request.method !== 'POST' ? 0 : undefined;
  if (!isKubeError(error) || (error.status !== 429 && error.status !== 503)) return undefined;
  const seconds = error.retryAfterSeconds;
  return seconds === undefined || seconds > maxRetryAfterSeconds ? undefined : seconds * 1000;
}

/** Adds method and path to failures of the connection. Neither holds anything secret; headers and bodies may. */
function describe(request: KubeRequest, error: unknown): Error {
  if (isKubeError(error)) return error;
  return new Error(`${request.method} ${request.path}: ${messageOf(error)}`, { cause: error });
}

function writesSecret(request: KubeRequest): boolean {
  return request.method !== 'GET' && /\/secrets(\/|$)/.test(request.path);
}

function queryOf(request: KubeRequest): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(request.query ?? {})) {
    if (value !== undefined) query.set(name, String(value));
  }
  return query.size === 0 ? '' : `?${query.toString()}`;
}

function parseJson(body: string, request: KubeRequest): unknown {
  try {
    return JSON.parse(body);
  } catch {
    // Without the parser's message: it quotes the body.
    throw new Error(`${request.path} answered something that is not JSON`);
  }
}
