import type { WireRequest } from '../../src/gateway/wire-request.ts';

/** A request as the gateway sees it; a test says only what it is about. */
export function wireRequest(parts: Partial<WireRequest> = {}): WireRequest {
  return {
    method: 'POST',
    path: '/',
    query: '',
    headers: {},
    body: Buffer.alloc(0),
    sourceIp: '192.0.2.1',
    secureTransport: true,
    ...parts,
  };
}

/** The query as Node's SDKs send it: they leave `! ' ( ) *` unescaped on the wire, and sign the escaped form. */
export function sdkQuery(parameters: Readonly<Record<string, string>>): string {
  return Object.entries(parameters)
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .join('&');
}
