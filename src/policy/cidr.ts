import ipaddr from 'ipaddr.js';
import { ApiError } from '../lib/errors.ts';

/** A parsed address. IPv4-mapped IPv6 (`::ffff:192.0.2.1`) has become the IPv4 address, so both spell one network. */
export type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** A block of addresses; a single address is a block of its full prefix length. */
export interface AddressBlock {
  readonly network: Address;
  /** 0 to 32 for IPv4, 0 to 128 for IPv6. */
  readonly prefixBits: number;
}

const MAPPED_PREFIX_BITS = 96;

/**
 * Parses a textual address. `undefined` for whatever has a second reading: zone ids, leading zeros (octal to some),
 * shortened or numeric IPv4 forms, surrounding blanks.
 */
export function parseAddress(text: string): Address | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text);
  if (!/^[0-9A-Fa-f:.]{2,45}$/.test(text) || !text.includes(':') || !hasPlainDottedTail(text)) return undefined;
  if (!ipaddr.IPv6.isValid(text)) return undefined;
  const address = ipaddr.IPv6.parse(text);
  return address.isIPv4MappedAddress() ? address.toIPv4Address() : address;
}

/** An embedded IPv4 part (`::ffff:192.0.2.1`) obeys the IPv4 rules too. */
function hasPlainDottedTail(text: string): boolean {
  if (!text.includes('.')) return true;
  return ipaddr.IPv4.isValidFourPartDecimal(text.slice(text.lastIndexOf(':') + 1));
}

/**
 * Parses an address or a CIDR block. A block with host bits set (`10.0.0.1/8`) means its network.
 *
 * @throws ApiError `InvalidParameter` for any other text.
 */
export function parseAddressBlock(text: string): AddressBlock {
  const slash = text.indexOf('/');
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (address === undefined) throw notABlock(text);
  const fullBits = address.kind() === 'ipv4' ? 32 : 128;
  if (slash < 0) return { network: address, prefixBits: fullBits };
  const digits = text.slice(slash + 1);
  if (!/^(?:0|[1-9][0-9]{0,2})$/.test(digits)) throw notABlock(text);
  const mapped = address.kind() === 'ipv4' && text.includes(':');
  const prefixBits = Number(digits) - (mapped ? MAPPED_PREFIX_BITS : 0);
  if (prefixBits < 0 || prefixBits > fullBits) throw notABlock(text);
  return { network: address, prefixBits };
}

function notABlock(text: string): ApiError {
  const shown = text.length > 64 ? `${text.slice(0, 64)}…` : text;
  return new ApiError(
    'InvalidParameter',
    `${JSON.stringify(shown)} is not an IP address or CIDR block. Write it like 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32, without leading zeros or zone id.`,
  );
}

/** Whether the block holds the address. Blocks of one family never hold addresses of the other. */
export function blockContains({ network, prefixBits }: AddressBlock, address: Address): boolean {
  return address.kind() === network.kind() && address.match(network, prefixBits);
}
