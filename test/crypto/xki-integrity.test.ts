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

/** The worked example of the specification (XKS proxy API 1.0.3, appendix on the computation of the value). */
const example = {
  aad: '70726f6a6563743d6e696c652c6465706172746d656e743d6d61726b6574696e67',
  metadata: '6b65795f76657273696f6e3d31',
  iv: '1ccae5470f39700254779031',
  ciphertext: '821c642b5b71783367deaf18',
  tag: 'bc1c4dda7707d6812447c5955e99b261',
  value: 'a8703f2260bd8791ec2d15ea0b23e65a0631eedcf2a13a65cc82db3f47cf5ec7',
  base64: 'qHA/ImC9h5HsLRXqCyPmWgYx7tzyoTplzILbP0fPXsc=',
};

describe('The example of the specification', () => {
  const hex = (text: string): Buffer => Buffer.from(text, 'hex');
  const { metadata, iv, ciphertext, tag } = example;
  const made = { iv: hex(iv), ciphertext: hex(ciphertext), tag: hex(tag), metadata: hex(metadata) };

  it('F5: has the value that the specification gives for it', () => {
    const value = ciphertextDataIntegrityValue(hex(example.aad), made);
    expect(value.toString('hex')).toBe(example.value);
    expect(value.toString('base64')).toBe(example.base64);
  });

  it('F5: has another value with any one bit of any field flipped', () => {
    const fields = { aad: hex(example.aad), ...made };
    for (const name of ['aad', 'iv', 'ciphertext', 'tag', 'metadata'] as const) {
      for (let bit = 0; bit < fields[name].length * 8; bit += 1) {
        const flipped = Buffer.from(fields[name]);
        flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
        const { aad, ...rest } = { ...fields, [name]: flipped };
        expect(ciphertextDataIntegrityValue(aad, rest).toString('hex')).not.toBe(example.value);
      }
    }
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
