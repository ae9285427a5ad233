import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseStrictJson, StrictJsonError } from '../../src/policy/strict-json.ts';

describe('strict JSON', () => {
  test('reads what JSON.stringify writes', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
        fc.pre(!JSON.stringify(value).includes('"__proto__"'));
        expect(JSON.stringify(parseStrictJson(JSON.stringify(value)))).toBe(JSON.stringify(value));
      }),
    );
  });

  test('accepts no text that JSON.parse refuses', () => {
    const nearJson = fc.string({ unit: fc.constantFrom(...'{}[]":,\\ut0e-.1 \n\u0001'.split('')), maxLength: 24 });
    fc.assert(
      fc.property(nearJson, (text) => {
        let accepted = true;
        try {
          parseStrictJson(text);
        } catch (error) {
          expect(error).toBeInstanceOf(StrictJsonError);
          accepted = false;
        }
        if (accepted) expect(() => JSON.parse(text) as unknown).not.toThrow();
      }),
      { numRuns: 2000 },
    );
  });

  test('I1: refuses a member that occurs twice, at its path', () => {
    expect(() => parseStrictJson('{"a":[{"b":1,"b":2}]}')).toThrow(
      expect.objectContaining({ path: 'a[0].b', message: 'the member occurs twice' }),
    );
  });

  test('I1: refuses __proto__, and gives objects without a prototype', () => {
    expect(() => parseStrictJson('{"__proto__":1}')).toThrow(expect.objectContaining({ path: '__proto__' }));
    expect(() => parseStrictJson('{"\\u005f_proto__":1}')).toThrow(expect.objectContaining({ path: '__proto__' }));
    expect(Object.getPrototypeOf(parseStrictJson('{"toString":1}'))).toBeNull();
  });

  test('I1: refuses a hundred thousand brackets without running out of stack', () => {
    expect(() => parseStrictJson('['.repeat(100_000))).toThrow(/nested deeper/);
    expect(() => parseStrictJson('{"a":'.repeat(100_000))).toThrow(/nested deeper/);
  });
});
