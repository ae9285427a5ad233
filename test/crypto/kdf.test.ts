import { createPublicKey, createSecretKey, sign, verify } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { deriveEd25519Key, deriveSecretKey, hkdfSha256 } from '../../src/crypto/kdf.ts';

const hex = (text: string): Buffer => Buffer.from(text, 'hex');
const sequence = (from: number, to: number): Buffer =>
  Buffer.from(Array.from({ length: to - from }, (_, i) => from + i));

/** RFC 5869, appendix A.1 to A.3. */
const vectors = [
  {
    name: 'A.1',
    ikm: hex('0b'.repeat(22)),
    salt: sequence(0x00, 0x0d),
    info: sequence(0xf0, 0xfa),
    okm: '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
  },
  {
    name: 'A.2',
    ikm: sequence(0x00, 0x50),
    salt: sequence(0x60, 0xb0),
    info: sequence(0xb0, 0x100),
    okm:
      'b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09' +
      'da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87',
  },
  {
    name: 'A.3',
    ikm: hex('0b'.repeat(22)),
    salt: Buffer.alloc(0),
    info: Buffer.alloc(0),
    okm: '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8',
  },
];

describe('key derivation', () => {
  it.each(vectors)('gives the output of RFC 5869 $name', ({ ikm, salt, info, okm }) => {
    expect(hkdfSha256(createSecretKey(ikm), salt, info, okm.length / 2).toString('hex')).toBe(okm);
  });

  it('refuses lengths that HKDF cannot give', () => {
    for (const length of [0, -1, 1.5, 8161]) {
      expect(() => hkdfSha256(Buffer.alloc(32), Buffer.alloc(0), '', length)).toThrow(RangeError);
    }
  });

  it('derives the same key for the same purpose and another one for another', () => {
    const root = createSecretKey(Buffer.alloc(32, 7));
    const key = deriveSecretKey(root, 'a');
    expect(key.symmetricKeySize).toBe(32);
    expect(key.equals(deriveSecretKey(root, 'a'))).toBe(true);
    expect(key.equals(deriveSecretKey(root, 'b'))).toBe(false);
  });

  it('derives a working Ed25519 key, stable for its purpose', () => {
    const root = createSecretKey(Buffer.alloc(32, 7));
    const key = deriveEd25519Key(root, 'a');
    expect(key.asymmetricKeyType).toBe('ed25519');
    expect(key.equals(deriveEd25519Key(root, 'a'))).toBe(true);
    expect(key.equals(deriveEd25519Key(root, 'b'))).toBe(false);
    const message = Buffer.from('message');
    expect(verify(null, message, createPublicKey(key), sign(null, message, key))).toBe(true);
  });
});
