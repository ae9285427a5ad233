import { createSecretKey, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { AeadError } from '../../src/crypto/aead.ts';
import { keyIdOf, openValue, sealValue } from '../../src/storage/barrier-value.ts';

const key = createSecretKey(randomBytes(32));
const place = { bucket: 'kms/keys', key: 'one', revision: 7 };
const sealed = sealValue({ id: 3, key }, place, Buffer.from('value'), randomBytes);

describe('a sealed value', () => {
  it('opens where it was sealed, and names its key', () => {
    expect(keyIdOf(sealed)).toBe(3);
    expect(openValue(key, place, sealed).toString()).toBe('value');
  });

  it.each([
    { bucket: 'kms/secrets' },
    { key: 'two' },
    { revision: 6 },
    { bucket: 'kms/keyso', key: 'ne' },
    { bucket: 'kms/key', key: 'sone' },
  ])('does not open elsewhere: %o', (elsewhere) => {
    expect(() => openValue(key, { ...place, ...elsewhere }, sealed)).toThrow(AeadError);
  });

  it('does not open when the number of its key or its format was changed', () => {
    for (const index of [0, 1, 2, 3, 4]) {
      const bad = Buffer.from(sealed);
      bad.writeUInt8(bad.readUInt8(index) ^ 1, index);
      expect(() => openValue(key, place, bad)).toThrow(AeadError);
    }
    expect(keyIdOf(Buffer.from([2, 0, 0, 0, 1]))).toBeUndefined();
    expect(keyIdOf(Buffer.from([1, 0]))).toBeUndefined();
  });
});
