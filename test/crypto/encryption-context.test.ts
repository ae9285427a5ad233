import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  encryptionContextAad,
  EncryptionContextError,
  parseEncryptionContext,
} from '../../src/crypto/encryption-context.ts';

interface Vector {
  context: Record<string, string>;
  aad: string;
}

const vectors = JSON.parse(
  readFileSync(new URL('../vectors/crypto/encryption-context.json', import.meta.url), 'utf8'),
) as Vector[];
const contexts = fc.dictionary(fc.string({ maxLength: 20 }), fc.string({ maxLength: 20 }), { maxKeys: 8 });
const shape = 'must be a JSON object whose values are strings, such as {"purpose":"backup"}';

describe('encryptionContextAad', () => {
  it.each(vectors)('is SHA-256 over the sorted pairs: $aad', ({ context, aad }) => {
    expect(encryptionContextAad(parseEncryptionContext(context)).toString('hex')).toBe(aad);
  });

  it('does not depend on the order of the pairs', () => {
    fc.assert(
      fc.property(contexts, (context) => {
        const reversed = Object.fromEntries(Object.entries(context).toReversed());
        expect(encryptionContextAad(reversed)).toEqual(encryptionContextAad(context));
      }),
    );
  });

  it('is nothing for no pairs', () => {
    expect(encryptionContextAad(parseEncryptionContext('{}'))).toHaveLength(0);
    expect(encryptionContextAad(parseEncryptionContext(''))).toHaveLength(0);
  });
});

describe('parseEncryptionContext', () => {
  it('reads JSON text and the object of flattened parameters alike', () => {
    fc.assert(
      fc.property(contexts, (context) => {
        expect(parseEncryptionContext(JSON.stringify(context))).toEqual(parseEncryptionContext(context));
      }),
    );
  });

  it('keeps a pair named __proto__ as a pair', () => {
    const context = parseEncryptionContext('{"__proto__":"x"}');
    expect(Object.keys(context)).toEqual(['__proto__']);
    expect(encryptionContextAad(context)).not.toEqual(encryptionContextAad({}));
  });

  it.each([['[]'], ['null'], ['1'], ['"text"'], ['{"a":1}'], ['{"a":{"b":"c"}}'], ['{"a":null}'], ['not json'], [7]])(
    'refuses %s',
    (value) => {
      expect(() => parseEncryptionContext(value)).toThrow(new EncryptionContextError(shape));
    },
  );

  it('refuses more than 8192 characters', () => {
    const tooLong = new EncryptionContextError('must not be longer than 8192 characters');
    expect(() => parseEncryptionContext({ a: 'x'.repeat(8192) })).toThrow(tooLong);
    expect(() => parseEncryptionContext(JSON.stringify({ a: 'x'.repeat(8192) }))).toThrow(tooLong);
    expect(Object.keys(parseEncryptionContext({ a: 'x'.repeat(8000) }))).toEqual(['a']);
  });
});
