import { describe, expect, it } from 'vitest';
import { randomIndex } from '../../src/crypto/random-index.ts';

describe('randomIndex', () => {
  it('gives each index equally often over all bytes, and draws the uneven rest again', () => {
    for (const count of [1, 2, 3, 10, 26, 36, 100, 255, 256]) {
      const seen = new Map<number, number>();
      for (let byte = 0; byte < 256; byte += 1) {
        const draws = [byte, 0];
        const random = (): Buffer => Buffer.from([draws.shift() ?? 0]);
        const index = randomIndex(random, count);
        if (draws.length === 1) seen.set(index, (seen.get(index) ?? 0) + 1);
      }
      expect([...seen.keys()].toSorted((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, index) => index));
      expect(new Set(seen.values())).toEqual(new Set([Math.floor(256 / count)]));
    }
  });

  it('refuses a count that a byte does not reach', () => {
    expect(() => randomIndex(() => Buffer.alloc(1), 257)).toThrow(new RangeError('count must be 1 to 256'));
    expect(() => randomIndex(() => Buffer.alloc(1), 0)).toThrow(new RangeError('count must be 1 to 256'));
  });
});
