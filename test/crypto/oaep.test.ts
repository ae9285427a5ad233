import { constants, generateKeyPairSync, privateDecrypt, publicEncrypt } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeOaep, OaepError } from '../../src/crypto/oaep.ts';

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });

function encoded(plaintext: Uint8Array, oaepHash: 'sha1' | 'sha256'): Buffer {
  const ciphertext = publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash }, plaintext);
  return privateDecrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, ciphertext);
}

describe.each(['sha1', 'sha256'] as const)('OAEP with %s', (hash) => {
  it('decodes what OpenSSL encoded', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 62 }), (plaintext) => {
        expect(decodeOaep(encoded(plaintext, hash), hash)).toEqual(Buffer.from(plaintext));
      }),
      { numRuns: 30 },
    );
  });

  it('E5: refuses every change of a byte, and does not say which', () => {
    fc.assert(
      fc.property(fc.nat(127), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const bytes = encoded(Buffer.from('text'), hash);
        bytes[at] = (bytes[at] ?? 0) ^ change;
        expect(() => decodeOaep(bytes, hash)).toThrow(new OaepError());
      }),
      { numRuns: 60 },
    );
  });
});
