import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { blockContains, parseAddress, parseAddressBlock } from '../../src/policy/cidr.ts';

const contains = (block: string, text: string): boolean | undefined => {
  const address = parseAddress(text);
  return address === undefined ? undefined : blockContains(parseAddressBlock(block), address);
};

const dotted = (value: number): string => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');

describe('an address block', () => {
  test.each([
    ['10.0.0.0/8', '10.255.255.255', true],
    ['10.0.0.0/8', '11.0.0.0', false],
    ['10.1.2.3/8', '10.9.9.9', true],
    ['192.0.2.7', '192.0.2.7', true],
    ['192.0.2.7', '192.0.2.8', false],
    ['192.0.2.7/32', '::ffff:192.0.2.7', true],
    ['192.0.2.7/32', '::ffff:c000:207', true],
    ['::ffff:192.0.2.0/120', '192.0.2.9', true],
    ['::ffff:192.0.2.0/120', '192.0.3.9', false],
    ['0.0.0.0/0', '203.0.113.1', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['::/0', '2001:db8::1', true],
    ['::/0', '10.0.0.1', false],
    ['::/0', '::ffff:10.0.0.1', false],
    ['2001:db8::/32', '2001:0DB8:0:0::1', true],
    ['2001:db8::/32', '2001:db9::1', false],
  ])('D6: %s holds %s: %s', (block, address, expected) => {
    expect(contains(block, address)).toBe(expected);
  });

  test.each([
    '010.0.0.1',
    '10.0.0.01',
    '10.1',
    '167772161',
    '0x0a000001',
    '10.0.0.256',
    '10.0.0.1/33',
    '10.0.0.1/08',
    '10.0.0.1/+8',
    '10.0.0.1/',
    '10.0.0.1/255.0.0.0',
    '10.0.0.0/8/8',
    '::ffff:10.0.0.0/95',
    '2001:db8::/129',
    'fe80::1%eth0',
    '::ffff:010.0.0.1',
    '::ffff:10.1',
    '1::2::3',
    ' 10.0.0.1',
    '10.0.0.1 ',
    '10.0.0.1\n',
    '[::1]',
    'localhost',
    '',
    '*',
  ])('D6: %j is refused', (text) => {
    expect(() => parseAddressBlock(text)).toThrow(expect.objectContaining({ code: 'InvalidParameter' }));
  });

  test('D6: a long text is refused at once, and not repeated in the message', () => {
    expect(() => parseAddressBlock('1'.repeat(100_000))).toThrow(/^.{1,300}$/);
  });

  test('holds an IPv4 address exactly when the leading bits agree', () => {
    const bits = fc.nat({ max: 0xffff_ffff });
    fc.assert(
      fc.property(bits, bits, fc.integer({ min: 0, max: 32 }), fc.boolean(), (network, host, prefix, near) => {
        const address = near ? ((network & ~(2 ** (32 - prefix) - 1)) | (host & (2 ** (32 - prefix) - 1))) >>> 0 : host;
        const same = BigInt(network) >> BigInt(32 - prefix) === BigInt(address) >> BigInt(32 - prefix);
        expect(contains(`${dotted(network)}/${prefix}`, dotted(address))).toBe(same);
        expect(contains(`${dotted(network)}/${prefix}`, `::ffff:${dotted(address)}`)).toBe(same);
      }),
    );
  });
});
