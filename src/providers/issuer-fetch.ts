import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';

export interface IssuerFetchOptions {
  /** The one certificate authority that is believed; those of the system when absent. */
  readonly caPem?: string | undefined;
  /** SHA-1 or SHA-256 in lower-case hex: one certificate of the chain must have one of them. Any when empty. */
  readonly fingerprints: readonly string[];
}

/** The part of `fetch` that discovery and key sets need. */
export type IssuerFetch = (
  url: string,
  options: { readonly headers: Headers; readonly signal: AbortSignal },
) => Promise<Response>;

const maxAnswerBytes = 256 * 1024;

/**
 * Asks an issuer over TLS: no redirects, no other CA than the given one, a pinned chain, and at most 256 KiB of answer.
 * Rejects when any of it does not hold.
 */
export function createIssuerFetch({ caPem, fingerprints }: IssuerFetchOptions): IssuerFetch {
  return (url, { headers, signal }) =>
    new Promise((resolve, reject) => {
      const request = httpsRequest(
        url,
        { headers: Object.fromEntries(headers), signal, agent: false, ...(caPem === undefined ? {} : { ca: caPem }) },
        (response) => {
          if (!isPinned(response.socket as TLSSocket, fingerprints)) {
            request.destroy(new Error('No certificate of the issuer has a registered fingerprint.'));
            return;
          }
          readAnswer(response).then(
            (body) => resolve(new Response(body, { status: response.statusCode ?? 502 })),
            reject,
          );
        },
      );
      request.on('error', reject);
      request.end();
    });
}

function isPinned(socket: TLSSocket, fingerprints: readonly string[]): boolean {
  if (fingerprints.length === 0) return true;
  const plain = (fingerprint: string): string => fingerprint.replaceAll(':', '').toLowerCase();
  let certificate: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  for (let depth = 0; certificate !== undefined && depth < 8; depth += 1) {
    const { fingerprint, fingerprint256, issuerCertificate } = certificate as Partial<DetailedPeerCertificate>;
    const own = [fingerprint, fingerprint256].filter((value) => value !== undefined).map(plain);
    if (own.some((value) => fingerprints.includes(value))) return true;
    certificate = issuerCertificate === certificate ? undefined : issuerCertificate;
  }
  return false;
}

async function readAnswer(response: IncomingMessage): Promise<Buffer<ArrayBuffer>> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxAnswerBytes) throw new Error('The issuer answered with too many bytes.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
