import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';

/** The address of a proxy is one that this service does not call. The message says which setting would let it. */
export class ForbiddenAddressError extends Error {
  constructor(host: string) {
    super(`${host} leads to an internal address. If the proxy is there, add its network to allowedNetworks.`);
    this.name = 'ForbiddenAddressError';
  }
}

/** Resolves a name to all its addresses, as `dns.lookup` does. */
export type Resolve = (
  host: string,
  done: (error: NodeJS.ErrnoException | null, addresses: readonly LookupAddress[]) => void,
) => void;

const resolveBySystem: Resolve = (host, done) => systemLookup(host, { all: true }, done);

/**
 * Whether a proxy may be at this address: a public unicast address, or one in a network that the configuration allows.
 * Loopback, private, link-local (metadata services), carrier, multicast and reserved ranges are internal.
 */
export function isAllowedAddress(address: string, allowedNetworks: readonly string[]): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  const allowed = allowedNetworks.some((network) => {
    const [base, bits] = ipaddr.parseCIDR(network.includes('/') ? network : `${network}/${fullBits(network)}`);
    return base.kind() === parsed.kind() && parsed.match(base, bits);
  });
  return allowed || parsed.range() === 'unicast';
}

/**
 * A lookup for sockets that gives only allowed addresses. The socket connects to what was checked here, so a name that
 * resolves differently a moment later (DNS rebinding) changes nothing. One forbidden address among several refuses all.
 */
export function guardedLookup(allowedNetworks: readonly string[], resolve: Resolve = resolveBySystem): LookupFunction {
  return (host, options, callback) => {
    resolve(host, (error, addresses) => {
      if (error !== null) return callback(error, []);
      const [first] = addresses;
      const refused = addresses.some(({ address }) => !isAllowedAddress(address, allowedNetworks));
      if (first === undefined || refused) return callback(new ForbiddenAddressError(host), []);
      if (options.all === true) return callback(null, [...addresses]);
      return callback(null, first.address, first.family);
    });
  };
}

function fullBits(address: string): number {
  return address.includes(':') ? 128 : 32;
}
