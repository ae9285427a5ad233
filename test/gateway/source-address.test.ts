import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { ApiError } from '../../src/lib/errors.ts';
import { createSourceAddress } from '../../src/gateway/source-address.ts';

function from(peer: string | undefined, ...forwarded: string[]): IncomingMessage {
  const headersDistinct = forwarded.length === 0 ? {} : { 'x-forwarded-for': forwarded };
  return { socket: { remoteAddress: peer }, headersDistinct } as unknown as IncomingMessage;
}

describe('D6: the source address', () => {
  const proxied = createSourceAddress(['10.0.0.0/8', '2001:db8::1']);

  test.each([
    ['is the peer without proxies', '192.0.2.9', [], '192.0.2.9'],
    ['is the peer whatever it claims, when it is no trusted proxy', '192.0.2.9', ['203.0.113.1'], '192.0.2.9'],
    ['is what a trusted proxy reports', '10.0.0.1', ['203.0.113.1'], '203.0.113.1'],
    ['is the rightmost untrusted hop', '10.0.0.1', ['198.51.100.7, 203.0.113.1, 10.0.0.2'], '203.0.113.1'],
    ['is read over two headers in their order', '10.0.0.1', ['198.51.100.7', '203.0.113.1, 10.0.0.2'], '203.0.113.1'],
    ['is the last good hop when one is malformed', '10.0.0.1', ['203.0.113.1, what, 10.0.0.2'], '10.0.0.2'],
    ['is never read from a hop with leading zeros', '10.0.0.1', ['010.0.0.9'], '10.0.0.1'],
    ['is never read from a hop with a zone id', '10.0.0.1', ['fe80::1%eth0'], '10.0.0.1'],
    ['is the leftmost hop when all are trusted', '10.0.0.1', ['10.0.0.3, 10.0.0.2'], '10.0.0.3'],
    ['of a mapped IPv6 peer is its IPv4 address', '::ffff:192.0.2.9', [], '192.0.2.9'],
    ['of a mapped IPv6 proxy is what it reports', '::ffff:10.0.0.1', ['203.0.113.1'], '203.0.113.1'],
    ['of a link-local peer has no zone id', 'fe80::1%eth0', [], 'fe80::1'],
    ['may be IPv6 behind an IPv6 proxy', '2001:db8::1', ['2001:db8::99'], '2001:db8::99'],
  ])('%s', (_what, peer, forwarded, expected) => {
    expect(proxied(from(peer, ...forwarded))).toBe(expected);
  });

  test('is an address that matches nothing when the socket is gone', () => {
    expect(proxied(from(undefined))).toBe('0.0.0.0');
  });

  test('a trusted proxy that is not an address is refused at the start', () => {
    expect(() => createSourceAddress(['proxy.example'])).toThrow(ApiError);
  });
});
