import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { checkServerIdentity, type DetailedPeerCertificate, type PeerCertificate } from 'node:tls';

export interface PinnedFetchOptions {
  /** The one certificate authority that is believed; those of the system when absent. */
  readonly caPem?: string | undefined;
  /** SHA-1 or SHA-256 in lower-case hex: one certificate of the chain must have one of them. Any when empty. */
  readonly fingerprints: readonly string[];
  /** Longest answer in bytes; 256 KiB unless given. */
  readonly maxAnswerBytes?: number;
}

/** The part of `fetch` that discovery, key sets and forwarded requests need. */
export type PinnedFetch = (
  url: string,
  options: { readonly method?: string | undefined; readonly headers: Headers; readonly signal: AbortSignal },
) => Promise<Response>;

const defaultAnswerBytes = 256 * 1024;

/**
 * Asks a server over TLS: no redirects, no other CA than the given one, a pinned chain, and an answer of bounded length.
 * Sends nothing before the certificate is found right. Rejects when any of it does not hold.
 */
export function createPinnedFetch(options: PinnedFetchOptions): PinnedFetch {
  const { caPem, fingerprints, maxAnswerBytes = defaultAnswerBytes } = options;
  const checkIdentity = (host: string, certificate: PeerCertificate): Error | undefined =>
    checkServerIdentity(host, certificate) ??
    (isPinned(certificate as DetailedPeerCertificate, fingerprints)
      ? undefined
      : new Error('No certificate of the server has a registered fingerprint.'));
  return (url, { method = 'GET', headers, signal }) =>
    new Promise((resolve, reject) => {
      const request = httpsRequest(
        url,
        {
          method,
          headers: Object.fromEntries(headers),
          signal,
          // No connection is used twice, so that each is checked.
          agent: false,
          minVersion: 'TLSv1.2',
          checkServerIdentity: checkIdentity,
          ...(caPem === undefined ? {} : { ca: caPem }),
        },
        (response) => {
          readAnswer(response, maxAnswerBytes).then(
            (body) => resolve(new Response(body, { status: response.statusCode ?? 502 })),
            reject,
          );
        },
      );
      request.on('error', reject);
      request.end();
    });
}

function isPinned(leaf: DetailedPeerCertificate, fingerprints: readonly string[]): boolean {
  if (fingerprints.length === 0) return true;
  const plain = (fingerprint: string): string => fingerprint.replaceAll(':', '').toLowerCase();
  let certificate: DetailedPeerCertificate | undefined = leaf;
  for (let depth = 0; certificate !== undefined && depth < 8; depth += 1) {
    const { fingerprint, fingerprint256, issuerCertificate } = certificate as Partial<DetailedPeerCertificate>;
    const own = [fingerprint, fingerprint256].filter((value) => value !== undefined).map(plain);
    if (own.some((value) => fingerprints.includes(value))) return true;
    certificate = issuerCertificate === certificate ? undefined : issuerCertificate;
  }
  return false;
}

async function readAnswer(response: IncomingMessage, maxAnswerBytes: number): Promise<Buffer<ArrayBuffer>> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxAnswerBytes) throw new Error('The server answered with too many bytes.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
