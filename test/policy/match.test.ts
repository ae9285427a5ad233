import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileAnyOf, compileWildcard } from '../../src/policy/match.ts';

/** The same pattern as a regular expression, which is what it means. */
function asRegExp(pattern: string): RegExp {
  const source = pattern
    .split('')
    .map((character) => ({ '*': '[^]*', '?': '[^]' })[character] ?? character.replace(/[\\^$.|+()[\]{}/-]/, '\\$&'))
    .join('');
  return new RegExp(`^${source}$`);
}

const letters = fc.string({ unit: fc.constantFrom('a', 'b', '/', '.'), maxLength: 12 });
const patterns = fc.string({ unit: fc.constantFrom('a', 'b', '/', '.', '*', '?'), maxLength: 8 });

const fill = (piece: string, filling: string): string => ({ '*': filling, '?': filling.at(0) ?? 'q' })[piece] ?? piece;

describe('a wildcard pattern', () => {
  test('matches what the regular expression matches', () => {
    fc.assert(
      fc.property(patterns, letters, (pattern, text) => {
        expect(compileWildcard(pattern)(text)).toBe(asRegExp(pattern).test(text));
      }),
      { numRuns: 5000 },
    );
  });

  test('matches a text that was made from it', () => {
    const parts = fc.array(fc.tuple(fc.constantFrom('*', '?', 'x', 'yz'), letters), { maxLength: 8 });
    fc.assert(
      fc.property(parts, (pieces) => {
        const pattern = pieces.map(([piece]) => piece).join('');
        expect(compileWildcard(pattern)(pieces.map(([piece, filling]) => fill(piece, filling)).join(''))).toBe(true);
      }),
    );
  });

  test.each([
    ['acs:kms:*:*:key*', 'acs:kms:local:1:key', true],
    ['acs:kms:*:*:key*', 'acs:kms:local:1:key/1', true],
    ['acs:kms:*:*:key/*', 'acs:kms:local:1:key', false],
    ['kms:ReEncrypt*', 'kms:ReEncryptFrom', true],
    ['kms:?ncrypt', 'kms:Encrypt', true],
    ['kms:?ncrypt', 'kms:ncrypt', false],
    ['a*a', 'a', false],
    ['a*a', 'aa', true],
    ['**', '', true],
    ['', '', true],
    ['', 'a', false],
    ['a.c', 'abc', false],
    ['Kms', 'kms', false],
    ['*geschäft-number-one/*', 'acs:geschäft-number-one/x', true],
    ['*geschäft-number-one/*', 'acs:geschaft-number-one/x', false],
    ['\ud83d\udd11 key of the house*', '\ud83d\udd11 key of the house 1', true],
    ['\ud83d lone*', '\ud83d lone', true],
    ['\ud83d lone*', '\ufffd lone', false],
    ['a *\ufffd*', 'a \ud83d', false],
  ])('%j matches %j: %j', (pattern, text, expected) => {
    expect(compileWildcard(pattern)(text)).toBe(expected);
  });

  test('D1: does not blow up on patterns that make backtracking matchers run for ever', () => {
    const text = `${'a'.repeat(20_000)}b`;
    const startedMs = performance.now();
    expect(compileWildcard(`${'a*'.repeat(200)}c`)(text)).toBe(false);
    expect(compileWildcard(`${'*a'.repeat(200)}*c*`)(text)).toBe(false);
    expect(compileWildcard(`${'?*'.repeat(200)}c`)(text)).toBe(false);
    expect(performance.now() - startedMs).toBeLessThan(1000);
  });

  test('in a list matches when any of the list does', () => {
    const list = fc.array(patterns, { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(list, letters, (several, text) => {
        expect(compileAnyOf(several)(text)).toBe(several.some((pattern) => asRegExp(pattern).test(text)));
      }),
    );
  });
});
