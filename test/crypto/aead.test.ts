import { createSecretKey, randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AeadError, decryptAesGcm, encryptAesGcm, lengthPrefixed, openAead, sealAead } from '../../src/crypto/aead.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

/** Test cases 2, 4, 14, 16 of the GCM specification by McGrew and Viega, which NIST SP 800-38D refers to. */
const vectors = [
  {
    name: 'case 2 (AES-128, one zero block)',
    key: '00'.repeat(16),
    iv: '00'.repeat(12),
    aad: '',
    plaintext: '00'.repeat(16),
    ciphertext: '0388dace60b6a392f328c2b971b2fe78',
    tag: 'ab6e47d42cec13bdf53a67b21257bddf',
  },
  {
    name: 'case 4 (AES-128, associated data)',
    key: 'feffe9928665731c6d6a8f9467308308',
    iv: 'cafebabefacedbaddecaf888',
    aad: 'feedfacedeadbeeffeedfacedeadbeefabaddad2',
    plaintext:
      'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39',
    ciphertext:
      '42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091',
    tag: '5bc94fbc3221a5db94fae95ae7121a47',
  },
  {
    name: 'case 14 (AES-256, one zero block)',
    key: '00'.repeat(32),
    iv: '00'.repeat(12),
    aad: '',
    plaintext: '00'.repeat(16),
    ciphertext: 'cea7403d4d606b6e074ec5d3baf39d18',
    tag: 'd0d1c8a799996bf0265b98b5d48ab919',
  },
  {
    name: 'case 16 (AES-256, associated data)',
    key: 'feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308',
    iv: 'cafebabefacedbaddecaf888',
    aad: 'feedfacedeadbeeffeedfacedeadbeefabaddad2',
    plaintext:
      'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39',
    ciphertext:
      '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662',
    tag: '76fc6ece0f4e1768cddf8853bb2d551b',
  },
];

describe('AES-GCM', () => {
  it.each(vectors)('gives the published ciphertext and tag in $name, and opens them', (vector) => {
    const [key, iv, aad] = [hex(vector.key), hex(vector.iv), hex(vector.aad)];
    const { ciphertext, tag } = encryptAesGcm(createSecretKey(key), iv, hex(vector.plaintext), aad);
    expect(ciphertext.toString('hex')).toBe(vector.ciphertext);
    expect(tag.toString('hex')).toBe(vector.tag);
    expect(decryptAesGcm(key, iv, ciphertext, tag, aad).toString('hex')).toBe(vector.plaintext);
  });

  it('refuses a tag that was shortened, an IV of another length, and a key of another length', () => {
    const key = randomBytes(32);
    const { ciphertext, tag } = encryptAesGcm(key, Buffer.alloc(12), Buffer.from('x'), Buffer.alloc(0));
    expect(() => decryptAesGcm(key, Buffer.alloc(12), ciphertext, tag.subarray(0, 4), Buffer.alloc(0))).toThrow(
      RangeError,
    );
    expect(() => encryptAesGcm(key, Buffer.alloc(16), ciphertext, Buffer.alloc(0))).toThrow(RangeError);
    expect(() => encryptAesGcm(randomBytes(24), Buffer.alloc(12), ciphertext, Buffer.alloc(0))).toThrow(RangeError);
  });

  it('opens what it sealed, and nothing in which one bit differs', () => {
    const bytes = fc.uint8Array({ maxLength: 64 });
    fc.assert(
      fc.property(bytes, bytes, fc.nat(), fc.integer({ min: 0, max: 7 }), (plaintext, aad, position, bit) => {
        const key = createSecretKey(randomBytes(32));
        const sealed = sealAead(key, plaintext, aad);
        expect(openAead(key, sealed, aad)).toEqual(Buffer.from(plaintext));
        const index = position % sealed.length;
        sealed.writeUInt8(sealed.readUInt8(index) ^ (1 << bit), index);
        expect(() => openAead(key, sealed, aad)).toThrow(AeadError);
      }),
    );
  });

  it('refuses sealed bytes that are too short to be any', () => {
    expect(() => openAead(randomBytes(32), Buffer.alloc(27), Buffer.alloc(0))).toThrow(AeadError);
  });

  it('E6: takes a fresh 96-bit IV from the random source for each value', () => {
    const asked: number[] = [];
    const random = (bytes: number): Buffer => {
      asked.push(bytes);
      return Buffer.alloc(bytes, asked.length);
    };
    const key = randomBytes(32);
    const sealed = [1, 2].map(() => sealAead(key, Buffer.from('same'), Buffer.alloc(0), random));
    expect(asked).toEqual([12, 12]);
    expect(sealed.map((bytes) => bytes.subarray(0, 12))).toEqual([Buffer.alloc(12, 1), Buffer.alloc(12, 2)]);
  });
});

describe('length-prefixed associated data', () => {
  it('differ whenever the list of fields differs', () => {
    const fields = fc.array(fc.string(), { maxLength: 4 });
    fc.assert(
      fc.property(fields, fields, (left, right) => {
        const same = JSON.stringify(left) === JSON.stringify(right);
        expect(lengthPrefixed(...left).equals(lengthPrefixed(...right))).toBe(same);
      }),
    );
    expect(lengthPrefixed('ab', 'c').equals(lengthPrefixed('a', 'bc'))).toBe(false);
  });
});
