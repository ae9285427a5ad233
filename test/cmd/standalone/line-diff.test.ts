import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changedLines, diffLines } from '../../../src/cmd/standalone/line-diff.ts';

const line = fc.constantFrom('a', 'b', 'c', '');

describe('A difference of lines', () => {
  it('holds both texts, whatever they are', () => {
    fc.assert(
      fc.property(fc.array(line), fc.array(line), (before, after) => {
        const lines = diffLines(before, after);
        expect(lines.filter(({ sign }) => sign !== '+').map(({ text }) => text)).toEqual(before);
        expect(lines.filter(({ sign }) => sign !== '-').map(({ text }) => text)).toEqual(after);
      }),
    );
  });

  it('keeps all lines of equal texts', () => {
    fc.assert(
      fc.property(fc.array(line), (text) => {
        expect(diffLines(text, text).every(({ sign }) => sign === ' ')).toBe(true);
      }),
    );
  });

  it('is shown with its surroundings, and … for what is left out', () => {
    const before = ['1', '2', '3', '4', '5', '6'];
    const after = ['1', '2', '3', 'x', '4', '5', '6'];
    expect(changedLines(diffLines(before, after), 1)).toEqual(['  …', '  3', '+ x', '  4', '  …']);
  });
});
