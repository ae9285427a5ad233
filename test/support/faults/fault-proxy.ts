import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { sendStatus } from '../fake-api-server.ts';
import { lineFaults, requestFaults, type Exchange, type LineFault, type RequestFault } from './fault-table.ts';

/** The API server behind the proxy, and the administrator's certificate to reach it with. PEM texts. */
export interface Upstream {
  server: string;
  ca: string;
  cert: string;
  key: string;
}

export interface FaultProxyOptions {
  upstream: Upstream;
  /** A number in [0, 1); decides which faults happen. */
  random: () => number;
}

/**
 * Stands between a client and a real API server and spoils requests, answers and watches by the fault tables. Asks for a
 * bearer token of its own, which can be rotated.
 */
export class FaultProxy {
  /** How often each fault happened. */
  readonly injected: Map<string, number> = new Map<string, number>();
  /** Share of the probabilities in the tables that is in force; 0 lets everything through. */
  intensity = 1;
  /** While true, nobody gets through: connections break at once. */
  partitioned = false;
  token = 'token-1';
  readonly #options: FaultProxyOptions;
  readonly #agent: Agent;
  readonly #server: Server;

  private constructor(options: FaultProxyOptions) {
    const { ca, cert, key } = options.upstream;
    this.#options = options;
    this.#agent = new Agent({ keepAlive: true, ca, cert, key });
    this.#server = createServer((request, response) => {
      void this.#serve(request, response).catch(() => response.destroy());
    });
  }

  static async start(options: FaultProxyOptions): Promise<FaultProxy> {
    const proxy = new FaultProxy(options);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Breaks every connection, as a restart does. */
  cutAll(): void {
    this.#count('every connection cut');
    this.#server.closeAllConnections();
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#agent.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #count(fault: string): void {
    this.injected.set(fault, (this.injected.get(fault) ?? 0) + 1);
  }

  #pick<F extends RequestFault | LineFault>(table: readonly F[], applies: (fault: F) => boolean): F | undefined {
    let left = this.#options.random();
    for (const fault of table) {
      if (!applies(fault)) continue;
      left -= fault.probability * this.intensity;
      if (left >= 0) continue;
      this.#count(fault.name);
      return fault;
    }
    return undefined;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.partitioned) return void response.destroy();
    if (request.headers.authorization !== `Bearer ${this.token}`) {
      this.#count('a token of yesterday refused');
      return sendStatus(response, 401, 'Unauthorized', 'Unauthorized');
    }
    const url = new URL(request.url ?? '/', 'http://proxy');
    const exchange: Exchange = {
      request,
      response,
      body: await text(request),
      isWatch: url.searchParams.get('watch') === 'true',
      isContinued: url.searchParams.has('continue'),
      forward: () => this.#open(exchange),
    };
    const fault = this.#pick(requestFaults, (candidate) => candidate.applies(exchange));
    if (fault !== undefined && (await fault.spoil(exchange)) === 'answered') return;
    await this.#pass(exchange);
  }

  /** Sends the request on and gives the real answer, its body unread. */
  #open({ request, response, body }: Exchange): Promise<IncomingMessage> {
    const { authorization: _authorization, host: _host, connection: _connection, ...headers } = request.headers;
    const url = this.#options.upstream.server + (request.url ?? '/');
    return new Promise((resolve, reject) => {
      const outgoing = httpsRequest(url, { method: request.method ?? 'GET', agent: this.#agent, headers });
      response.once('close', () => outgoing.destroy());
      outgoing.once('response', resolve);
      outgoing.once('error', reject);
      outgoing.end(body);
    });
  }

  async #pass(exchange: Exchange): Promise<void> {
    const answer = await exchange.forward();
    const { response } = exchange;
    if (exchange.isWatch && answer.statusCode === 200) return this.#passLines(answer, response);
    const body = await text(answer);
    response.writeHead(answer.statusCode ?? 502, { 'content-type': 'application/json' });
    response.end(body);
  }

  async #passLines(answer: IncomingMessage, response: ServerResponse): Promise<void> {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    let rest = '';
    for await (const chunk of answer.setEncoding('utf8') as AsyncIterable<string>) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const fault = this.#pick(lineFaults, () => true);
        if (fault === undefined) response.write(`${line}\n`);
        else if ((await fault.spoil(line, response)) === 'over') return void answer.destroy();
      }
    }
    response.end();
  }
}
