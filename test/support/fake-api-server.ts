import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request as it arrived. */
export interface SeenRequest {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: IncomingMessage['headers'];
  body: string;
}

/** Answers one request. Holding on to the response and ending it later is fine. */
export type Handler = (request: SeenRequest, response: ServerResponse) => void | Promise<void>;

/** An API server that does what a test tells it to, over plain HTTP on loopback. */
export class FakeApiServer {
  readonly seen: SeenRequest[] = [];
  /** Connections opened so far. */
  connections = 0;
  readonly #server: Server;
  #handler: Handler;

  private constructor(handler: Handler) {
    this.#handler = handler;
    this.#server = createServer((request, response) => void this.#serve(request, response));
    this.#server.on('connection', () => (this.connections += 1));
  }

  static async start(handler: Handler): Promise<FakeApiServer> {
    const fake = new FakeApiServer(handler);
    await new Promise<void>((resolve) => fake.#server.listen(0, '127.0.0.1', resolve));
    return fake;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Replaces what answers. */
  answer(handler: Handler): void {
    this.#handler = handler;
  }

  /** Cuts every connection, as a restart does. */
  cutAll(): void {
    this.#server.closeAllConnections();
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://fake');
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const { method = '', headers } = request;
    const body = Buffer.concat(chunks).toString();
    const seen = { method, path: url.pathname, query: url.searchParams, headers, body };
    this.seen.push(seen);
    await this.#handler(seen, response);
  }
}

/** Answers JSON. */
export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

/** Answers a metav1.Status. */
export function sendStatus(
  response: ServerResponse,
  code: number,
  reason: string,
  message: string,
  headers: Record<string, string> = {},
): void {
  sendJson(response, code, { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message }, headers);
}

/** Answers a page of a list. */
export function sendList(
  response: ServerResponse,
  resourceVersion: string,
  items: unknown[],
  continueToken?: string,
): void {
  sendJson(response, 200, { kind: 'List', metadata: { resourceVersion, continue: continueToken ?? '' }, items });
}

/** Writes a line of a watch. */
export function sendLine(response: ServerResponse, type: string, object: unknown): void {
  if (!response.headersSent) response.writeHead(200, { 'content-type': 'application/json' });
  response.write(`${JSON.stringify({ type, object })}\n`);
}
