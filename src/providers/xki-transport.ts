import { X509Certificate } from 'node:crypto';
import { Agent, request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { ForbiddenAddressError, guardedLookup, isAllowedAddress, type Resolve } from './xki-address-guard.ts';

export interface XkiTransportOptions {
  /** `https://host[:port]`. */
  endpoint: string;
  /** SHA-256 of the proxy's certificate in DER, hex: the certificate is taken by it alone. */
  certificateFingerprint?: string | undefined;
  /** Trust anchors in PEM. Without these and without a fingerprint, the public ones. */
  caPem?: string | undefined;
  /** Certificate and key in PEM that this service shows (mutual TLS). */
  clientCertificate?: { certPem: string; keyPem: string } | undefined;
  /** Networks of internal addresses where the proxy may be. */
  allowedNetworks?: readonly string[] | undefined;
  resolve?: Resolve | undefined;
}

export interface XkiAnswer {
  status: number;
  body: Buffer;
}

/** Posts to one proxy. Redirects are not followed. */
export interface XkiTransport {
  /** Host as it is signed: with the port unless it is 443. */
  readonly host: string;
  post(path: string, headers: Readonly<Record<string, string>>, body: string, signal: AbortSignal): Promise<XkiAnswer>;
  close(): void;
}

const maxAnswerBytes = 64 * 1024;
const maxSockets = 16;

/** Gives sockets to requests only after the certificate behind them was compared. */
class PinningAgent extends Agent {
  readonly #connection: ConnectionOptions;
  readonly #fingerprint: string | undefined;

  constructor(connection: ConnectionOptions, fingerprint: string | undefined) {
    super({ keepAlive: true, maxSockets, scheduling: 'lifo' });
    this.#connection = connection;
    this.#fingerprint = fingerprint?.replaceAll(':', '').toLowerCase();
  }

  override createConnection(_options: unknown, callback?: (error: Error | null, socket: TLSSocket) => void): undefined {
    const socket = connect(this.#connection);
    socket.setNoDelay(true);
    const fail = (error: Error): void => callback?.(error, socket);
    socket.once('error', fail);
    socket.once('secureConnect', () => {
      if (!this.#isPinned(socket.getPeerX509Certificate())) {
        socket.destroy(new Error('The certificate of the proxy does not have the configured fingerprint.'));
        return;
      }
      socket.off('error', fail);
      callback?.(null, socket);
    });
    return undefined;
  }

  #isPinned(certificate: X509Certificate | undefined): boolean {
    if (this.#fingerprint === undefined) return true;
    return certificate?.fingerprint256.replaceAll(':', '').toLowerCase() === this.#fingerprint;
  }
}

/** Makes the transport. Throws TypeError for an endpoint that is not https, and refuses internal addresses. */
export function createXkiTransport(options: XkiTransportOptions): XkiTransport {
  const url = endpointUrl(options.endpoint);
  const { allowedNetworks = [], certificateFingerprint, caPem, clientCertificate } = options;
  const hostname = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(hostname) !== 0 && !isAllowedAddress(hostname, allowedNetworks)) throw new ForbiddenAddressError(hostname);
  const agent = new PinningAgent(
    {
      host: hostname,
      port: url.port === '' ? 443 : Number(url.port),
      ...(isIP(hostname) === 0 && { servername: hostname }),
      lookup: guardedLookup(allowedNetworks, options.resolve),
      minVersion: 'TLSv1.2',
      ...(caPem !== undefined && { ca: caPem }),
      // A pinned certificate needs no authority: no other certificate passes.
      rejectUnauthorized: certificateFingerprint === undefined || caPem !== undefined,
      ...(clientCertificate !== undefined && { cert: clientCertificate.certPem, key: clientCertificate.keyPem }),
    },
    certificateFingerprint,
  );
  return {
    host: url.host,
    post: (path, headers, body, signal) =>
      new Promise((resolve, reject) => {
        const request = httpsRequest({ agent, hostname, method: 'POST', path, headers: { ...headers }, signal });
        request.on('error', reject);
        request.on('response', (response) => {
          const chunks: Buffer[] = [];
          let size = 0;
          response.on('data', (chunk: Buffer) => {
            size += chunk.length;
            if (size > maxAnswerBytes) response.destroy(new Error('The answer of the proxy is too long.'));
            else chunks.push(chunk);
          });
          response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) }));
          response.on('error', reject);
        });
        request.end(body);
      }),
    close: () => agent.destroy(),
  };
}

function endpointUrl(endpoint: string): URL {
  const url = URL.parse(endpoint);
  const bare = url?.pathname === '/' && url.search === '' && url.username === '' && url.password === '';
  if (url !== null && url.protocol === 'https:' && bare) return url;
  throw new TypeError('The endpoint of a proxy is https://host[:port], without a path.');
}
