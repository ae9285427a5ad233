import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { blockContains, parseAddress, parseAddressBlock, type Address } from '../policy/cidr.ts';

/** Tells where a request came from. */
export type SourceAddress = (request: IncomingMessage) => string;

function canonical(text: string | undefined): Address | undefined {
  if (text === undefined) return undefined;
  // A link-local peer's address carries the zone id of our own interface, which says nothing about the peer.
  const zone = text.indexOf('%');
  return parseAddress(zone < 0 ? text : text.slice(0, zone));
}

/** Whoever is at the other end of a connection. */
interface Peer {
  readonly address: Address | undefined;
  readonly text: string;
  readonly trusted: boolean;
}

function peerOf(socket: Socket, trusted: (address: Address) => boolean): Peer {
  const address = canonical(socket.remoteAddress);
  if (address === undefined) return { address, text: '0.0.0.0', trusted: false };
  return { address, text: address.toString(), trusted: trusted(address) };
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
  // A connection keeps its peer: read once for all its requests.
  const peers = new WeakMap<Socket, Peer>();
  return (request) => {
    const { socket } = request;
    let peer = peers.get(socket);
    if (peer === undefined) peers.set(socket, (peer = peerOf(socket, trusted)));
    const forwarded = peer.trusted ? request.headersDistinct['x-forwarded-for'] : undefined;
    if (forwarded === undefined || peer.address === undefined) return peer.text;
    let caller = peer.address;
    for (const hop of forwarded.join(',').split(',').toReversed()) {
      const address = parseAddress(hop.trim());
      if (address === undefined) break;
      caller = address;
      if (!trusted(address)) break;
    }
    return caller.toString();
  };
}
