import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DistinguishedName, NameAttribute } from '../../src/crypto/certificate.ts';
import { formatDistinguishedName, NameError, parseDistinguishedName } from '../../src/crypto/distinguished-name.ts';

describe('a distinguished name', () => {
  it('is read with the most general attribute first, as certificates hold it', () => {
    expect(parseDistinguishedName('CN=userName, ou=kms,O=aliyun,C=CN')).toEqual([
      ['C', 'CN'],
      ['O', 'aliyun'],
      ['OU', 'kms'],
      ['CN', 'userName'],
    ]);
  });

  it.each([
    [String.raw`O=Sue\, Grabbit and Runn`, 'Sue, Grabbit and Runn'],
    ['O="Sue, Grabbit and Runn"', 'Sue, Grabbit and Runn'],
    [String.raw`O=Lu\C4\8Di\C4\87`, 'Lučić'],
    [String.raw`O=\#1\+1 `, '#1+1'],
    ['O=a=b', 'a=b'],
  ])('takes the escapes of RFC 2253: %s', (text, value) => {
    expect(parseDistinguishedName(text)).toEqual([['O', value]]);
  });

  it.each([
    'shop',
    'CN=',
    'CN=a,,C=DE',
    'C=deu',
    'C=de',
    'CN=a+O=b',
    'O=#0401',
    'O="open',
    'UID=a',
    '__proto__=a',
    'CN=a\nC=DE',
    `CN=${'x'.repeat(65)}`,
    String.raw`O=\C4`,
    'E=nobody',
  ])('is refused: %j', (text) => {
    expect(() => parseDistinguishedName(text)).toThrow(NameError);
  });

  it('keeps white space that is no space: it is part of the value', () => {
    const name: DistinguishedName = [['O', '\u00a0']];
    expect(parseDistinguishedName(formatDistinguishedName(name))).toEqual(name);
  });

  it('comes back whatever its values hold', () => {
    const value = fc
      .string({ minLength: 1, maxLength: 30, unit: 'grapheme' })
      .filter((text) => !/\p{Cc}/u.test(text) && text.isWellFormed() && text.length <= 64);
    const part = fc.tuple(fc.constantFrom<NameAttribute>('O', 'OU', 'CN', 'ST'), value);
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 5 }), (name: DistinguishedName) => {
        expect(parseDistinguishedName(formatDistinguishedName(name))).toEqual(name);
      }),
    );
  });
});
