import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DerError, readDer, readOid, readSequence, readSmallInteger, readTagged } from '../../src/crypto/der-reader.ts';
import { derInteger, derOctetString, derOid, derSequence, derTime } from '../../src/crypto/der.ts';

const bytes = fc.uint8Array({ maxLength: 700 }).map((array) => Buffer.from(array));
const hex = (value: Buffer): string => value.toString('hex');

describe('DER', () => {
  it('reads back what it wrote', () => {
    fc.assert(
      fc.property(fc.array(bytes, { maxLength: 4 }), (items) => {
        const written = derSequence(...items.map((item) => derOctetString(item)));
        expect(readSequence(written).map(({ content }) => content)).toEqual(items);
      }),
    );
  });

  it('writes numbers in their shortest form, never as negative (X.690 §8.3)', () => {
    expect(hex(derInteger(0))).toBe('020100');
    expect(hex(derInteger(127))).toBe('02017f');
    expect(hex(derInteger(128))).toBe('02020080');
    expect(hex(derInteger(Buffer.from('0000ff', 'hex')))).toBe('020200ff');
    fc.assert(
      fc.property(fc.nat(2 ** 31 - 1), (number) => {
        expect(readSmallInteger(readDer(derInteger(number)))).toBe(number);
      }),
    );
  });

  it('writes object identifiers that it reads back (X.690 §8.19)', () => {
    expect(hex(derOid('1.2.840.113549'))).toBe('06062a864886f70d');
    for (const oid of ['2.5.4.3', '1.2.840.10045.4.3.2', '1.2.840.113549.1.12.10.1.2', '2.16.840.1.101.3']) {
      expect(readOid(readDer(derOid(oid)))).toBe(oid);
    }
  });

  it('writes years from 2050 on in four digits (RFC 5280 §4.1.2.5)', () => {
    expect(
      derTime(Date.UTC(2049, 11, 31, 23, 59, 59, 999))
        .subarray(2)
        .toString(),
    ).toBe('491231235959Z');
    expect(
      derTime(Date.UTC(2050, 0, 1))
        .subarray(2)
        .toString(),
    ).toBe('20500101000000Z');
    expect([derTime(Date.UTC(2049, 0, 1))[0], derTime(Date.UTC(2050, 0, 1))[0]]).toEqual([0x17, 0x18]);
  });
});

describe('reading DER', () => {
  const refused: [string, string, string][] = [
    ['bytes after the end', '020100ff', 'there are bytes after the end of the value'],
    ['a length that is cut off', '0282', 'a value is cut off'],
    ['content that is cut off', '020300', 'a value is cut off'],
    ['an indefinite length', '308002010000', 'a length is indefinite or too large'],
    ['a length of four bytes', '0284ffffffff', 'a length is indefinite or too large'],
    ['a length in a longer form than needed', '02810100', 'a length is not written in its shortest form'],
    ['nothing', '', 'a value is cut off'],
  ];

  it.each(refused)('refuses %s', (_what, text, message) => {
    expect(() => readDer(Buffer.from(text, 'hex'))).toThrow(new DerError(message));
  });

  it('never fails with anything but DerError', () => {
    fc.assert(
      fc.property(bytes, (input) => {
        try {
          expect(readDer(input).bytes).toEqual(input);
        } catch (error) {
          expect(error).toBeInstanceOf(DerError);
        }
      }),
    );
  });

  it('refuses another type than expected, and numbers that are negative or large', () => {
    const wrongType = new DerError('a value is missing or has another type than the format says');
    expect(() => readTagged(derInteger(1), 0x04)).toThrow(wrongType);
    const tooLarge = new DerError('a number is too large or negative');
    expect(() => readSmallInteger(readDer(Buffer.from('0201ff', 'hex')))).toThrow(tooLarge);
    expect(() => readSmallInteger(readDer(derInteger(Buffer.alloc(5, 1))))).toThrow(tooLarge);
  });
});
