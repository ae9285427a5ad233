import { createRequire } from 'node:module';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ApiError } from '../../src/lib/errors.ts';
import { groupParameters } from '../../src/gateway/parameter-groups.ts';

const load = createRequire(import.meta.url);
const openApiUtil = load('@alicloud/openapi-util') as { default: { query(value: object): Record<string, string> } };

function group(parameters: Record<string, string>): Record<string, unknown> {
  return groupParameters(new Map(Object.entries(parameters)));
}

function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

const name = fc.stringMatching(/^[A-Z][A-Za-z]{0,8}$/);
const structure = fc.dictionary(
  name,
  fc.oneof(
    fc.string(),
    fc.array(fc.string(), { minLength: 1, maxLength: 4 }),
    fc.array(fc.dictionary(name, fc.string(), { minKeys: 1, maxKeys: 3, noNullPrototype: true }), {
      minLength: 1,
      maxLength: 12,
    }),
  ),
  { maxKeys: 6, noNullPrototype: true },
);

describe('groupParameters', () => {
  test('what an SDK flattens comes back as it was', () => {
    fc.assert(
      fc.property(structure, (value) => {
        expect(plain(group(openApiUtil.default.query(value)))).toEqual(value);
      }),
    );
  });

  test('elements of a list are ordered by number, and left-out numbers close up', () => {
    expect(group({ 'Tag.10': 'c', 'Tag.2': 'b', 'Tag.1': 'a' })).toEqual({ Tag: ['a', 'b', 'c'] });
  });

  test('everything after the first dot is a key of an encryption context', () => {
    expect(plain(group({ 'EncryptionContext.a.b': '1', 'EncryptionContext.1': '2' }))).toEqual({
      EncryptionContext: { 'a.b': '1', '1': '2' },
    });
  });

  test('JSON text stays text', () => {
    expect(group({ EncryptionContext: '{"a":"b"}' })).toEqual({ EncryptionContext: '{"a":"b"}' });
  });

  test('parameters of the protocol are left out', () => {
    expect(
      groupParameters(
        new Map([
          ['Action', 'x'],
          ['KeyId', 'k'],
        ]),
        new Set(['Action']),
      ),
    ).toEqual({ KeyId: 'k' });
  });

  test('I1: objects have no prototype', () => {
    const grouped = group({ 'A.B': '1' });
    expect(Object.getPrototypeOf(grouped)).toBeNull();
    expect(Object.getPrototypeOf(grouped['A'])).toBeNull();
  });

  test.each([
    '__proto__',
    '__proto__.polluted',
    'A.__proto__.polluted',
    'constructor.prototype.polluted',
    'A.1.prototype',
    'EncryptionContext.__proto__',
    'A.B.C.D.E.F.G',
    `A${'.1'.repeat(5000)}`,
    'A..B',
    '.A',
    'A.',
  ])('I1: the name %s is refused', (bad) => {
    expect(() => group({ [bad]: 'x' })).toThrow(ApiError);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  test('a name that is a value and a group is refused, in either order', () => {
    expect(() => group({ A: '1', 'A.B': '2' })).toThrow(ApiError);
    expect(() => group({ 'A.B': '2', A: '1' })).toThrow(ApiError);
  });
});
