import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { appendAll, insertAll, pointer, type PatchOperation } from '../../webhook/json-patch.ts';
import { PatchError, renderPod } from '../../webhook/render-pod.ts';
import type { Pod } from '../../webhook/pod.ts';

function rendered(document: object, ...patch: PatchOperation[]): unknown {
  return renderPod(document as Pod, patch);
}

describe('a patch is applied as RFC 6902 says', () => {
  const cases: [string, object, PatchOperation, unknown][] = [
    ['add a member', { a: 1 }, { op: 'add', path: '/b', value: 2 }, { a: 1, b: 2 }],
    ['add replaces a member', { a: 1 }, { op: 'add', path: '/a', value: 2 }, { a: 2 }],
    ['add inserts into an array', { a: [1, 3] }, { op: 'add', path: '/a/1', value: 2 }, { a: [1, 2, 3] }],
    ['add appends', { a: [1] }, { op: 'add', path: '/a/-', value: 2 }, { a: [1, 2] }],
    ['replace in an array', { a: [1, 2] }, { op: 'replace', path: '/a/1', value: 9 }, { a: [1, 9] }],
    ['~1 is a slash and ~0 a tilde', { 'a/~1': 1 }, { op: 'replace', path: '/a~1~01', value: 2 }, { 'a/~1': 2 }],
    ['an empty name is a name', { a: {} }, { op: 'add', path: '/a/', value: 1 }, { a: { '': 1 } }],
  ];
  test.each(cases)('%s', (_, document, operation, expected) => {
    expect(rendered(document, operation)).toEqual(expected);
  });

  test.each(['/x/y', '/a/3', '/a/01', '/a/-1', '', '/a/-/x', '/__proto__/x'])('%j does not fit', (path) => {
    expect(() => rendered({ a: [1, 2] }, { op: 'add', path, value: 1 })).toThrow(PatchError);
  });

  test('replace needs what it replaces', () => {
    expect(() => rendered({}, { op: 'replace', path: '/a', value: 1 })).toThrow('does not exist');
  });
});

test('any key can be set and the document given stays as it was', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.integer()), fc.string(), fc.integer(), (document, key, value) => {
      const before = structuredClone(document);
      const after = rendered(document, { op: 'add', path: pointer(key), value }) as Record<string, unknown>;
      expect(Object.getOwnPropertyDescriptor(after, key)?.value).toBe(value);
      expect(document).toEqual(before);
    }),
  );
});

test('inserted items come first and appended ones last, in their order, also where there was no array', () => {
  const array = fc.option(fc.array(fc.integer()), { nil: undefined });
  fc.assert(
    fc.property(array, fc.array(fc.integer()), (existing, items) => {
      const document = existing === undefined ? {} : { list: existing };
      const expected = (list: number[]): object => (existing === undefined && items.length === 0 ? {} : { list });
      expect(rendered(document, ...insertAll('/list', existing, items))).toEqual(
        expected([...items, ...(existing ?? [])]),
      );
      expect(rendered(document, ...appendAll('/list', existing, items))).toEqual(
        expected([...(existing ?? []), ...items]),
      );
    }),
  );
});
