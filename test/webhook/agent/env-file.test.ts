import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SecretBytes } from '../../../src/lib/secret-bytes.ts';
import { formatEnvFile, maxFileBytes, maxValueBytes } from '../../../webhook/agent/env-file.ts';
import { Refusal } from '../../../webhook/refusal.ts';
import { readEnvFile } from '../support/env-file-reader.ts';

const bytes = (value: string | Buffer): SecretBytes => new SecretBytes(Buffer.from(value as string));

function written(variables: Record<string, string | Buffer>): Buffer {
  return formatEnvFile(new Map(Object.entries(variables).map(([name, value]) => [name, bytes(value)])));
}

describe('A7: what the kubelet reads is exactly what was written, or nothing is written', () => {
  const piece = fc.oneof(
    { weight: 6, arbitrary: fc.string({ unit: 'binary' }) },
    fc.constantFrom(
      "'",
      '\n',
      '\r',
      '\r\n',
      '$(HOME)',
      '$$',
      '\\',
      '"',
      '#',
      '=',
      '\0',
      ' ',
      '\t',
      '\u2028',
      '\ufeff',
      '',
    ),
    fc.constantFrom(200, 16_384, 32_767, 32_768, 32_769, 33_792).map((length) => 'x'.repeat(length)),
  );
  const value = fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join(''));
  const name = fc.stringMatching(/^[A-Za-z_.-][A-Za-z0-9_.-]{0,20}$/);

  test('for any names and values', () => {
    fc.assert(
      fc.property(fc.dictionary(name, value, { maxKeys: 4 }), (variables) => {
        let file: Buffer;
        try {
          file = written(variables);
        } catch (error) {
          expect(error).toBeInstanceOf(Refusal);
          for (const text of Object.values(variables)) {
            if (text.length > 8) expect((error as Refusal).message).not.toContain(text);
          }
          return;
        }
        for (const [key, expected] of Object.entries(variables)) {
          expect(readEnvFile(file, key)).toEqual(Buffer.from(expected));
        }
      }),
      { numRuns: 300 },
    );
  });

  test('for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), (raw) => {
        try {
          expect(readEnvFile(written({ X: Buffer.from(raw) }), 'X')).toEqual(Buffer.from(raw));
        } catch (error) {
          expect(error).toBeInstanceOf(Refusal);
        }
      }),
    );
  });

  test.each([
    ['a line end', 'a\nb'],
    ['something like another variable', "a\nB=x\n#'".replace("'", '')],
    ['$(VAR)', '$(HOME) $$(HOME) ${HOME}'],
    ['quotes and backslashes', '"\\n\\'],
    ['spaces around', '  x\t'],
    ['a carriage return in the middle and at the end', 'a\rb\r'],
    ['32 KiB', 'x'.repeat(maxValueBytes)],
    ['umlauts', 'äöü€😀'],
  ])('a value with %s arrives as it is', (_, text) => {
    expect(readEnvFile(written({ A: 'first', X: text, Z: 'last' }), 'X')?.toString()).toBe(text);
    expect(readEnvFile(written({ A: 'first', X: text, Z: 'last' }), 'Z')?.toString()).toBe('last');
  });

  test.each([
    ['a single quote', "it's", 'single quote'],
    ['NUL', 'a\0b', 'NUL'],
    ['a line end of Windows', 'a\r\nb', 'CR LF'],
    ['nothing in it', '', 'is empty'],
    ['33 KiB', 'x'.repeat(33 * 1024), 'longer than 32768 bytes'],
    ['bytes that are not UTF-8', Buffer.from([0xc3, 0x28]), 'not UTF-8'],
  ])('a value with %s is refused, with the way out', (_, value_, reason) => {
    expect(() => written({ X: value_ })).toThrow(reason);
    expect(() => written({ X: value_ })).toThrow('The variable X has a value that');
    expect(() => written({ X: value_ })).toThrow('Deliver it as a file');
  });

  test('more than 64 KiB together are refused', () => {
    const half = 'x'.repeat(maxFileBytes / 2 - 6);
    expect(written({ A: half, B: half.slice(0, -3) }).length).toBeLessThanOrEqual(maxFileBytes);
    expect(() => written({ A: half, B: half, C: 'x' })).toThrow('are 65');
  });

  test.each(['', 'A B', 'A=B', '#A', '1A', "A'", 'A\nB', 'ä', 'x'.repeat(129)])('the name %j is refused', (name_) => {
    expect(() => written({ [name_]: 'x' })).toThrow(Refusal);
  });
});
