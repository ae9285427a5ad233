import { Agent, request as httpsRequest, type RequestOptions } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { KmsClientError } from './kms-client-error.ts';

export interface TransportOptions {
  /** `https://host[:port]` or `host[:port]`. */
  endpoint: string;
  /** Trust anchors in PEM; the system's unless given. */
  caPem?: string | undefined;
  /** Connections kept open at most; 16 unless given. */
  maxSockets?: number | undefined;
}

export interface OutgoingRequest {
  headers: Readonly<Record<string, string>>;
  body: string;
  signal: AbortSignal;
}

export interface TransportAnswer {
  status: number;
  body: Buffer;
}

/** Sends POST requests to one endpoint over kept-alive TLS connections. */
export interface Transport {
  /** Host as it is signed: with the port unless it is 443. */
  readonly host: string;
  send(request: OutgoingRequest): Promise<TransportAnswer>;
  close(): void;
}

/** Largest answer taken, in bytes. No answer of KMS comes near it. */
const maxAnswerBytes = 8 * 1024 * 1024;

/** Failures before the first byte of the request left: the server has not seen the call. */
const unsentCodes: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);

function parseEndpoint(endpoint: string): URL {
  const url = URL.parse(endpoint.includes('://') ? endpoint : `https://${endpoint}`);
  if (url === null || url.protocol !== 'https:' || url.pathname !== '/' || url.username !== '') {
    throw new TypeError('The endpoint must be https://host[:port], without a path.');
  }
  return url;
}

function readAnswer(response: IncomingMessage): Promise<TransportAnswer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    response.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxAnswerBytes) response.destroy(new Error('The answer is too long.'));
      else chunks.push(chunk);
    });
    response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) }));
    response.on('error', reject);
  });
}

/** Codes of OpenSSL and node:tls for a certificate that does not prove the server's name. Trying again changes nothing. */
const certificateCode = /^(?:CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|ERR_TLS_CERT)/;

function certificateError(error: Error, code: string, host: string): KmsClientError {
  return new KmsClientError({
    code: 'CertificateRefused',
    message: `The certificate of ${host} is not trusted (${code}). Give the authority that issued it.`,
    httpStatus: 0,
    retryable: false,
    cause: error,
  });
}

/**
 * Names a failure to connect, or a lost answer. A connection that was kept alive and is reset may have been closed before
 * the call arrived, or after it was done: nobody here can tell.
 */
function connectionError(error: NodeJS.ErrnoException, host: string): KmsClientError {
  const code = error.code ?? error.name;
  if (certificateCode.test(code)) return certificateError(error, code, host);
  const mayHaveActed = !unsentCodes.has(code);
  return new KmsClientError({
    code: 'ConnectionFailed',
    message: mayHaveActed
      ? `The answer from ${host} was lost (${code}). What was asked may have been done: look before you repeat a change.`
      : `No answer from ${host} (${code}). Check the endpoint and the network.`,
    httpStatus: 0,
    retryable: true,
    mayHaveActed,
    cause: error,
  });
}

/** Makes the transport of one endpoint. Throws TypeError when the endpoint is malformed or not https. */
export function createTransport(options: TransportOptions): Transport {
  const url = parseEndpoint(options.endpoint);
  const agent = new Agent({ keepAlive: true, maxSockets: options.maxSockets ?? 16, scheduling: 'lifo' });
  const base: RequestOptions = {
    agent,
    hostname: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? 443 : Number(url.port),
    method: 'POST',
    path: '/',
    ...(options.caPem === undefined ? {} : { ca: options.caPem }),
  };
  const send = ({ headers, body, signal }: OutgoingRequest): Promise<TransportAnswer> =>
    new Promise((resolve, reject) => {
      const request = httpsRequest({ ...base, headers: { ...headers, host: url.host }, signal });
      const fail = (error: unknown): void =>
        reject(signal.aborted ? error : connectionError(error as NodeJS.ErrnoException, url.host));
      request.on('error', fail);
      request.on('response', (response) => void readAnswer(response).then(resolve, fail));
      request.end(body);
    });
  return { host: url.host, send, close: () => agent.destroy() };
}
