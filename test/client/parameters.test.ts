import { createRequire } from 'node:module';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { flattenParameters, formBody } from '../../src/client/parameters.ts';
import { groupParameters } from '../../src/gateway/parameter-groups.ts';
import { parseParameters } from '../../src/gateway/parameters.ts';

const load = createRequire(import.meta.url);
const openApiUtil = load('@alicloud/openapi-util') as { default: { query(value: object): Record<string, string> } };

const name = fc.stringMatching(/^[A-Z][A-Za-z]{0,8}$/);
const item = fc.dictionary(name, fc.string(), { minKeys: 1, maxKeys: 3, noNullPrototype: true });

describe('flattenParameters', () => {
  test('flattens lists as the SDK does', () => {
    const lists = fc.dictionary(name, fc.oneof(fc.string(), fc.array(fc.string()), fc.array(item)), {
      noNullPrototype: true,
    });
    fc.assert(
      fc.property(lists, (value) => {
        expect(Object.fromEntries(flattenParameters(value))).toEqual(openApiUtil.default.query(value));
      }),
    );
  });

  test('a map is JSON text, numbers and booleans are their text, and what is undefined is left out', () => {
    expect(flattenParameters({ EncryptionContext: { a: 'b' }, Size: 3, Flag: true, None: undefined })).toEqual([
      ['EncryptionContext', '{"a":"b"}'],
      ['Size', '3'],
      ['Flag', 'true'],
    ]);
  });
});

describe('formBody', () => {
  test('is read back by the gateway as it was', () => {
    fc.assert(
      fc.property(
        fc.dictionary(name, fc.oneof(fc.string({ unit: 'grapheme' }), fc.array(item, { minLength: 1 })), {
          noNullPrototype: true,
        }),
        (value) => {
          const grouped: unknown = JSON.parse(JSON.stringify(groupParameters(parseParameters(formBody(value)))));
          expect(grouped).toEqual(value);
        },
      ),
    );
  });
});
