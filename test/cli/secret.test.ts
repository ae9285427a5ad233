import { describe, expect, it } from 'vitest';
import { parseParameters } from '../../src/cli/commands/call.ts';
import { encode } from '../../src/cli/commands/secret.ts';
import { readConnection } from '../../src/cli/connection.ts';

describe('A value on the command line', () => {
  it('is text as it is, line feeds included', () => {
    expect(encode(Buffer.from('geheim\n'), false)).toEqual({ SecretData: 'geheim\n', SecretDataType: 'text' });
  });

  it('is refused when it is not UTF-8 and not said to be binary', () => {
    expect(() => encode(Buffer.from([0xff, 0xfe]), false)).toThrow('Add --binary');
    expect(encode(Buffer.from([0xff, 0xfe]), true)).toEqual({ SecretData: '//4=', SecretDataType: 'binary' });
  });
});

describe('Parameters of a call', () => {
  it('are split at the first =, so that values may hold more of them', () => {
    expect(parseParameters(['KeyId=alias/a', 'Plaintext=aGk='])).toEqual({ KeyId: 'alias/a', Plaintext: 'aGk=' });
  });

  it.each([
    [['KeyId'], 'Write Name=Value'],
    [['=x'], 'Write Name=Value'],
    [['A=1', 'A=2'], 'given twice'],
  ])('%j are refused', (words, message) => {
    expect(() => parseParameters(words)).toThrow(message);
  });

  it('named __proto__ are plain parameters', () => {
    expect(Object.keys(parseParameters(['__proto__=x']))).toEqual(['__proto__']);
  });
});

describe('A connection', () => {
  it('says which variable is missing', () => {
    expect(() => readConnection({})).toThrow('KAAP_ENDPOINT');
    expect(() => readConnection({ KAAP_ENDPOINT: 'https://kms' })).toThrow('ALIBABA_CLOUD_ACCESS_KEY_ID');
  });

  it('inside the container of kms is found in the configuration of the process', () => {
    const environment = {
      KAAP_DATA_DIR: '/nowhere',
      KAAP_LISTEN: ':9443',
      ALIBABA_CLOUD_ACCESS_KEY_ID: 'id',
      ALIBABA_CLOUD_ACCESS_KEY_SECRET: 's',
    };
    expect(readConnection(environment).endpoint).toBe('https://127.0.0.1:9443');
  });
});
