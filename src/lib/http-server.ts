import { createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import type { ListenAddress } from './config.ts';

/** A server certificate with its chain, and its private key, both PEM. */
export interface ServingCertificate {
  certPem: string;
  keyPem: string;
}

export interface HttpServerOptions {
  address: ListenAddress;
  certificate: ServingCertificate;
  handler: (request: IncomingMessage, response: ServerResponse) => void;
  /** Trust anchors in PEM of client certificates. When given, a connection without a certificate of theirs is refused. */
  clientCaPem?: string;
  /** Request line and headers together, in bytes; 256 KiB unless given: SDKs put a secret's value into the URL. */
  maxHeaderBytes?: number;
  /** Milliseconds for the headers of a request; 10,000 unless given. */
  headersTimeoutMs?: number;
  /** Milliseconds for a whole request; 30,000 unless given. */
  requestTimeoutMs?: number;
  /** Milliseconds that an idle connection is kept; 65,000 unless given: longer than clients and balancers keep theirs. */
  keepAliveTimeoutMs?: number;
  /** Connections at one time; 10,000 unless given. More are closed at once. */
  maxConnections?: number;
}

/** A running HTTPS server. */
export interface HttpServer {
  readonly port: number;
  /** Serves new connections with another certificate; open ones stay. Throws when certificate and key do not fit. */
  reloadCertificate(certificate: ServingCertificate): void;
  /**
   * Serves on for `lingerMs` milliseconds, each answer being the last of its connection: clients whose connections stay open
   * lose no request to a close that crosses it, and whoever balances them has the time to send new ones elsewhere.
   */
  drain(lingerMs: number): Promise<void>;
  /**
   * Stops taking connections, closes idle ones, and lets requests under way finish for `graceMs` milliseconds (10,000
   * unless given); then cuts what is left.
   */
  close(graceMs?: number): Promise<void>;
}

const handshakeTimeoutMs = 10_000;
const maxHeaders = 100;

function tlsOptions(certificate: ServingCertificate): { cert: string; key: string; minVersion: 'TLSv1.2' } {
  return { cert: certificate.certPem, key: certificate.keyPem, minVersion: 'TLSv1.2' };
}

function createHttpsServer(options: HttpServerOptions): Server {
  const server = createServer({
    ...tlsOptions(options.certificate),
    ...(options.clientCaPem !== undefined && { ca: options.clientCaPem, requestCert: true, rejectUnauthorized: true }),
    handshakeTimeout: handshakeTimeoutMs,
    maxHeaderSize: options.maxHeaderBytes ?? 256 * 1024,
    headersTimeout: options.headersTimeoutMs ?? 10_000,
    requestTimeout: options.requestTimeoutMs ?? 30_000,
    keepAliveTimeout: options.keepAliveTimeoutMs ?? 65_000,
    // How often the two limits above are looked at: a slow sender is cut at most this much later.
    connectionsCheckingInterval: Math.min(5000, options.headersTimeoutMs ?? 5000),
    noDelay: true,
  });
  server.maxHeadersCount = maxHeaders;
  server.maxConnections = options.maxConnections ?? 10_000;
  return server;
}

/** Destroys connections that never got as far as a request; `closeIdleConnections` does not know them. */
function trackSockets(server: Server): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return sockets;
}

/**
 * Takes requests, and gives what begins the drain: from then on each answer ends its connection, also the one to a request
 * that came before, so that busy clients and long polls move on, too.
 */
function drainable(server: Server, handler: HttpServerOptions['handler']): () => void {
  const underWay = new Set<ServerResponse>();
  let draining = false;
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    if (draining) response.setHeader('connection', 'close');
    underWay.add(response);
    response.once('close', () => underWay.delete(response));
    handler(request, response);
  });
  return () => {
    draining = true;
    for (const response of underWay) if (!response.headersSent) response.setHeader('connection', 'close');
  };
}

function listen(server: Server, address: ListenAddress): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(address.port, address.host, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

/**
 * Starts an HTTPS server (TLS 1.2 or later, HTTP/1.1) with bounded headers, time-outs against slow senders, and a
 * graceful stop. Rejects when the address cannot be bound.
 */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const server = createHttpsServer(options);
  const sockets = trackSockets(server);
  const drain = drainable(server, options.handler);
  server.on('tlsClientError', (_error, socket: TLSSocket) => socket.destroy());
  const port = await listen(server, options.address);
  return {
    port,
    reloadCertificate: (certificate) =>
      server.setSecureContext({
        ...tlsOptions(certificate),
        ...(options.clientCaPem !== undefined && { ca: options.clientCaPem }),
      }),
    drain: async (lingerMs) => {
      drain();
      await sleep(lingerMs);
    },
    close: (graceMs = 10_000) =>
      new Promise((resolve) => {
        const cut = setTimeout(() => sockets.forEach((socket) => socket.destroy()), graceMs);
        server.close(() => {
          clearTimeout(cut);
          resolve();
        });
        drain();
        server.closeIdleConnections();
      }),
  };
}
