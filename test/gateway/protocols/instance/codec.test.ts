import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decodeMessage,
  encodeMessage,
  MessageError,
  type MessageFields,
} from '../../../../src/gateway/protocols/instance/codec.ts';

const fields: MessageFields = {
  1: ['Text', 'string'],
  2: ['Bytes', 'bytes'],
  3: ['Number', 'int32'],
  4: ['Flag', 'bool'],
  15: ['Texts', 'strings'],
};

const message = fc.record({
  Text: fc.string({ unit: 'grapheme' }),
  Bytes: fc.uint8Array(),
  Number: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  Flag: fc.boolean(),
  Texts: fc.array(fc.string({ minLength: 1 })),
});

describe('messages', () => {
  test('come back as they were', () => {
    fc.assert(
      fc.property(message, (value) => {
        expect({ ...decodeMessage(fields, encodeMessage(fields, value)) }).toEqual(value);
      }),
    );
  });

  test('that are empty have the zero of each type, and zeros are not written', () => {
    const zeros = { Text: '', Bytes: new Uint8Array(), Number: 0, Flag: false, Texts: [] };
    expect({ ...decodeMessage(fields, new Uint8Array()) }).toEqual(zeros);
    expect(encodeMessage(fields, zeros)).toHaveLength(0);
  });

  test('skip fields that are not known', () => {
    const writer = new BinaryWriter()
      .tag(99, WireType.LengthDelimited)
      .string('new')
      .tag(1, WireType.LengthDelimited)
      .string('a');
    expect(decodeMessage(fields, writer.finish())).toMatchObject({ Text: 'a' });
  });

  test('I1: any bytes are a message or a MessageError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          decodeMessage(fields, bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(MessageError);
        }
      }),
    );
  });

  test.each([
    ['a field of another wire type', [0x08, 0x01]],
    ['a length beyond the end', [0x0a, 0x7f, 0x41]],
    ['text that is not UTF-8', [0x0a, 0x01, 0xff]],
    ['an endless varint', Array.from({ length: 11 }, () => 0xff)],
    ['field number 0', [0x02, 0x00]],
    ['a group', [0x1b, 0x1c]],
    ['a million nested groups', Array.from({ length: 1_000_000 }, () => 0x1b)],
    ['a million fields', Array.from({ length: 2_000_000 }, (_value, at) => (at % 2 === 0 ? 0x30 : 0))],
  ])('I1: %s is refused', (_what, bytes) => {
    expect(() => decodeMessage(fields, Uint8Array.from(bytes))).toThrow(MessageError);
  });
});
