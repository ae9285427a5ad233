import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ApiError } from '../../src/lib/errors.ts';
import { parseParameters } from '../../src/gateway/parameters.ts';

describe('parseParameters', () => {
  test('whatever is percent-encoded comes back', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ minLength: 1, unit: 'binary-ascii' }), fc.string({ unit: 'grapheme' })),
        (pairs) => {
          const query = Object.entries(pairs)
            .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
            .join('&');
          expect(Object.fromEntries(parseParameters(query))).toEqual({ ...pairs });
        },
      ),
    );
  });

  test('a plus is a space, an absent value is empty, and empty parts are skipped', () => {
    expect([...parseParameters('a=b+c&&d', '&e=')]).toEqual([
      ['a', 'b c'],
      ['d', ''],
      ['e', ''],
    ]);
  });

  test.each([
    ['I1: a name given twice', 'a=1&a=2', ''],
    ['I1: a name given in query and body', 'a=1', 'a=1'],
    ['I1: a name given twice in different spellings', 'a=1&%61=2', ''],
    ['I1: too many parameters', Array.from({ length: 1001 }, (_value, at) => `p${at}=`).join('&'), ''],
    ['I1: an overlong name', `${'n'.repeat(513)}=1`, ''],
    ['an empty name', '=1', ''],
    ['a broken escape', 'a=%zz', ''],
    ['bytes that are not UTF-8', 'a=%ff', ''],
  ])('%s is refused', (_what, query, body) => {
    expect(() => parseParameters(query, body)).toThrow(ApiError);
  });
});
