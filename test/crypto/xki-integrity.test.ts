import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bindMetadata, ciphertextDataIntegrityValue } from '../../src/crypto/xki-integrity.ts';

const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array));

describe('The data integrity value of an external ciphertext', () => {
  it('is SHA-256 over associated data, metadata, IV, ciphertext and tag, absent parts being empty', () => {
    const made = { iv: Buffer.alloc(12, 3), ciphertext: Buffer.from('ciphertext'), tag: Buffer.alloc(16, 5) };
    const metadata = Buffer.from('meta');
    const expected = (...parts: Buffer[]): Buffer => createHash('sha256').update(Buffer.concat(parts)).digest();
    expect(ciphertextDataIntegrityValue(Buffer.from('aad'), { ...made, metadata })).toEqual(
      expected(Buffer.from('aad'), metadata, made.iv, made.ciphertext, made.tag),
    );
    expect(ciphertextDataIntegrityValue(Buffer.alloc(0), made)).toEqual(expected(made.iv, made.ciphertext, made.tag));
  });
});

describe('Associated data with metadata bound to it', () => {
  it('has the lengths before both, so that no byte moves from one to the other', () => {
    expect(bindMetadata(Buffer.from('ab'), Buffer.from('c')).toString('hex')).toBe('000261620163');
    expect(bindMetadata(Buffer.alloc(0)).toString('hex')).toBe('000000');
  });

  it('differs for different pairs', () => {
    fc.assert(
      fc.property(bytes, bytes, bytes, bytes, (aad, metadata, otherAad, otherMetadata) => {
        const same = aad.equals(otherAad) && metadata.equals(otherMetadata);
        expect(bindMetadata(aad, metadata).equals(bindMetadata(otherAad, otherMetadata))).toBe(same);
      }),
    );
  });
});
