import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { derivePkcs12, pkcs12Password } from '../../src/crypto/pkcs12-kdf.ts';

interface Vector {
  password: string;
  iterations: number;
  purpose: number;
  salt: string;
  output: string;
}

/** Known answers of RFC 7292 B.2 with SHA-1, as OpenSSL and Bouncy Castle test them. */
const vectors = JSON.parse(
  readFileSync(new URL('../vectors/crypto/pkcs12-kdf.json', import.meta.url), 'utf8'),
) as Vector[];

describe('derivePkcs12', () => {
  it.each(vectors)('$password, $iterations iterations, purpose $purpose, salt $salt', (vector) => {
    const derivation = {
      password: pkcs12Password(vector.password),
      salt: Buffer.from(vector.salt, 'hex'),
      iterations: vector.iterations,
    };
    const output = derivePkcs12(vector.purpose, derivation, vector.output.length / 2);
    expect(output.toString('hex').toUpperCase()).toBe(vector.output);
  });
});

describe('pkcs12Password', () => {
  it('is UTF-16, big-endian, with two zero bytes at the end', () => {
    expect(pkcs12Password('smeg').toString('hex')).toBe('0073006d006500670000');
  });
});
