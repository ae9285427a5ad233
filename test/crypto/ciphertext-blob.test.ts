import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatCiphertextBlob,
  invalidCiphertext,
  maxProviderBytes,
  maxSealedTextBytes,
  parseCiphertextBlob,
} from '../../src/crypto/ciphertext-blob.ts';

const versionId = fc.uuid();
const bytes = (length: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((array) => Buffer.from(array));
const blob = fc.record({
  keyVersionId: versionId,
  iv: bytes(12),
  ciphertext: fc.uint8Array({ minLength: 1, maxLength: 300 }).map((array) => Buffer.from(array)),
  tag: bytes(16),
});

interface Vector {
  keyVersionId: string;
  iv: string;
  ciphertext: string;
  tag: string;
  blob: string;
}

const vectors = JSON.parse(
  readFileSync(new URL('../vectors/crypto/ciphertext-blob.json', import.meta.url), 'utf8'),
) as Vector[];

describe('formatCiphertextBlob', () => {
  it.each(vectors)('lays the parts out as version id, IV, ciphertext, tag: $keyVersionId', (vector) => {
    const parts = {
      keyVersionId: vector.keyVersionId,
      iv: Buffer.from(vector.iv, 'hex'),
      ciphertext: Buffer.from(vector.ciphertext, 'hex'),
      tag: Buffer.from(vector.tag, 'hex'),
    };
    expect(formatCiphertextBlob(parts)).toBe(vector.blob);
    expect(parseCiphertextBlob(vector.blob)).toEqual(parts);
  });

  it('refuses a version id that has not 36 characters', () => {
    const parts = { keyVersionId: 'short', iv: Buffer.alloc(12), ciphertext: Buffer.alloc(1), tag: Buffer.alloc(16) };
    expect(() => formatCiphertextBlob(parts)).toThrow(new RangeError('a key version id has 36 ASCII characters'));
  });
});

describe('parseCiphertextBlob', () => {
  it('gives back what formatCiphertextBlob joined', () => {
    fc.assert(
      fc.property(blob, (parts) => {
        expect(parseCiphertextBlob(formatCiphertextBlob(parts))).toEqual(parts);
      }),
    );
  });

  it('E5: refuses every truncation with the one error of decryption', () => {
    fc.assert(
      fc.property(blob, fc.nat(), (parts, cut) => {
        const whole = Buffer.from(formatCiphertextBlob({ ...parts, ciphertext: Buffer.alloc(1) }), 'base64');
        const text = whole.subarray(0, cut % whole.length).toString('base64');
        expect(() => parseCiphertextBlob(text)).toThrow(invalidCiphertext());
      }),
    );
  });

  it('either refuses any text or gives parts that are written as that very text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.base64String({ minLength: 80 })), (text) => {
        try {
          expect(formatCiphertextBlob(parseCiphertextBlob(text))).toBe(text);
        } catch (error) {
          expect(error).toEqual(invalidCiphertext());
        }
      }),
    );
  });

  it('E5: refuses a second spelling of the same bytes', () => {
    const [vector] = vectors;
    expect(vector?.blob.endsWith('=')).toBe(true);
    expect(() => parseCiphertextBlob(`${vector?.blob.replaceAll('=', '')}`)).toThrow(invalidCiphertext());
    expect(() => parseCiphertextBlob(`${vector?.blob}\n`)).toThrow(invalidCiphertext());
  });

  it('refuses a blob that is longer than any provider makes', () => {
    const parts = { keyVersionId: '0'.repeat(36), iv: Buffer.alloc(12), tag: Buffer.alloc(16) };
    const most = maxSealedTextBytes + maxProviderBytes;
    const longest = formatCiphertextBlob({ ...parts, ciphertext: Buffer.alloc(most) });
    expect(parseCiphertextBlob(longest).ciphertext).toHaveLength(most);
    const longer = formatCiphertextBlob({ ...parts, ciphertext: Buffer.alloc(most + 3) });
    expect(() => parseCiphertextBlob(longer)).toThrow(invalidCiphertext());
  });
});
