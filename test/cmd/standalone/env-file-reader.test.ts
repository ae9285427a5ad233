import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readEnvFile } from '../../../src/cmd/standalone/env-file-reader.ts';
import { SecretBytes } from '../../../src/lib/secret-bytes.ts';
import { formatEnvFile } from '../../../webhook/agent/env-file.ts';

describe('The env file', () => {
  it('gives back what the agent wrote, whatever the values', () => {
    const value = fc
      .string({ unit: 'grapheme', minLength: 1 })
      .filter((text) => !text.includes("'") && !text.includes('\0') && !text.includes('\r\n'));
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[A-Z_][A-Z0-9_]{0,8}$/), value, { maxKeys: 5 }), (variables) => {
        const secrets = Object.entries(variables).map(([name, text]) => [name, SecretBytes.fromUtf8(text)] as const);
        const file = formatEnvFile(new Map(secrets)).toString('utf8');
        expect(Object.fromEntries(readEnvFile(file))).toEqual({ ...variables });
      }),
    );
  });

  it.each(['A=1\n', "A='1", "='x'\n", "A='1'\njunk\n"])('is refused when it is not of the agent’s form: %j', (text) => {
    expect(() => readEnvFile(text)).toThrow('no assignment at character');
  });
});
