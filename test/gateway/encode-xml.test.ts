import { createRequire } from 'node:module';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeXml } from '../../src/gateway/encode-xml.ts';

const load = createRequire(import.meta.url);
const teaXml = load('@alicloud/tea-xml') as {
  default: { parseXml(text: string, model: null): Record<string, unknown> };
};

describe('encodeXml', () => {
  test('lists become elements of one name, and nesting is kept', () => {
    expect(encodeXml('KMS', { Keys: { Key: [{ KeyId: 'a' }, { KeyId: 'b' }] }, Empty: '', Absent: undefined })).toBe(
      '<?xml version="1.0" encoding="UTF-8"?><KMS><Keys><Key><KeyId>a</KeyId></Key><Key><KeyId>b</KeyId></Key></Keys><Empty></Empty></KMS>',
    );
  });

  test('any text comes back from the SDK’s parser, so none of it is markup', () => {
    const printable = fc
      .string({ unit: 'grapheme', minLength: 1 })
      .filter((text) => text.trim() === text && !text.split('').some((unit) => unit < ' ' || unit > '\ufffd'));
    fc.assert(
      fc.property(printable, (text) => {
        expect(teaXml.default.parseXml(encodeXml('Error', { Message: text }), null)).toEqual({
          Error: { Message: text },
        });
      }),
    );
  });

  test('what XML cannot hold is replaced, in text and in names', () => {
    expect(encodeXml('E', { 'a b<': '\u0000\u001f\ud800' })).toContain('<a_b_>\ufffd\ufffd\ufffd</a_b_>');
    expect(encodeXml('E', { '1': 'x' })).toContain('<_1>x</_1>');
  });
});
