import type { IncomingMessage } from 'node:http';
import { blockContains, parseAddress, parseAddressBlock, type Address } from '../policy/cidr.ts';

/** Tells where a request came from. */
export type SourceAddress = (request: IncomingMessage) => string;

function canonical(text: string | undefined): Address | undefined {
  if (text === undefined) return undefined;
  // A link-local peer's address carries the zone id of our own interface, which says nothing about the peer.
  const zone = text.indexOf('%');
  return parseAddress(zone < 0 ? text : text.slice(0, zone));
}

/**
 * The caller's address: the socket's, unless the peer is a trusted proxy. Then `X-Forwarded-For` is read from right to
 * left, and the first hop that is not a trusted proxy is the caller: whatever stands left of it, the caller may have
 * written himself. A malformed hop ends the reading at the proxy that reported it (checklist D6).
 *
 * @throws ApiError `InvalidParameter` when a trusted proxy is not an address or CIDR block.
 */
export function createSourceAddress(trustedProxies: readonly string[]): SourceAddress {
  const blocks = trustedProxies.map((text) => parseAddressBlock(text));
  const trusted = (address: Address): boolean => blocks.some((block) => blockContains(block, address));
  return (request) => {
    const peer = canonical(request.socket.remoteAddress);
    if (peer === undefined) return '0.0.0.0';
    const forwarded = trusted(peer) ? request.headersDistinct['x-forwarded-for'] : undefined;
    if (forwarded === undefined) return peer.toString();
    let caller = peer;
    for (const hop of forwarded.join(',').split(',').toReversed()) {
      const address = parseAddress(hop.trim());
      if (address === undefined) break;
      caller = address;
      if (!trusted(address)) break;
    }
    return caller.toString();
  };
}
