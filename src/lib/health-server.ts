import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ListenAddress } from './config.ts';
import type { Metrics } from './metrics.ts';

export interface HealthServerOptions {
  address: ListenAddress;
  metrics: Metrics;
  /** Whether the process can do its job now. A sentence when it cannot, `undefined` when it can. */
  notReady: () => string | undefined;
  /** Brings gauges up to date before they are read. */
  beforeMetrics?: () => void;
}

/** A running health listener. */
export interface HealthServer {
  port: number;
  close(): Promise<void>;
}

/** Serves `/healthz`, `/readyz` and `/metrics` in plain HTTP, apart from the API. Nothing on it needs a secret. */
export async function startHealthServer(options: HealthServerOptions): Promise<HealthServer> {
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 5_000 }, (request, response) => {
    const answer = (status: number, text: string): void => {
      response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(text);
    };
    if (request.method !== 'GET') return answer(405, 'Only GET.\n');
    if (request.url === '/healthz') return answer(200, 'ok\n');
    if (request.url === '/readyz') {
      const reason = options.notReady();
      return reason === undefined ? answer(200, 'ok\n') : answer(503, `${reason}\n`);
    }
    if (request.url !== '/metrics') return answer(404, 'Not here. Try /healthz, /readyz or /metrics.\n');
    options.beforeMetrics?.();
    options.metrics.render().then(
      (text) => answer(200, text),
      () => answer(500, 'The metrics could not be rendered.\n'),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.address.port, options.address.host, resolve);
  });
  return { port: (server.address() as AddressInfo).port, close: () => closeServer(server) };
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
