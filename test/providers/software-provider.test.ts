import { createDecipheriv, randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { invalidCiphertext } from '../../src/crypto/ciphertext-blob.ts';
import { keySpecsOf } from '../../src/crypto/key-specs.ts';
import { ApiError } from '../../src/lib/errors.ts';
import { SoftwareProvider } from '../../src/providers/software-provider.ts';

const provider = new SoftwareProvider({ random: randomBytes });
const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array));

describe('SoftwareProvider', () => {
  it.each(keySpecsOf('software'))('%s: decrypts what it encrypted, under the same associated data', async (keySpec) => {
    const material = await provider.generate(keySpec);
    await fc.assert(
      fc.asyncProperty(bytes, bytes, async (plaintext, aad) => {
        const parts = await provider.encrypt(material, plaintext, aad);
        expect(parts.ciphertext).toHaveLength(plaintext.length);
        expect(await provider.decrypt(material, parts, aad)).toEqual(plaintext);
      }),
    );
  });

  it('is plain AES-GCM: node:crypto decrypts it with the raw material', async () => {
    const material = await provider.generate('Aliyun_AES_256');
    const aad = Buffer.from('aad');
    const { iv, ciphertext, tag } = await provider.encrypt(material, Buffer.from('text'), aad);
    const decipher = createDecipheriv('aes-256-gcm', material.bytes, iv).setAAD(aad).setAuthTag(tag);
    expect(Buffer.concat([decipher.update(ciphertext), decipher.final()]).toString()).toBe('text');
  });

  it('E5: a flipped bit, other associated data and another key all fail with the same error', async () => {
    const material = await provider.generate('Aliyun_AES_256');
    const other = await provider.generate('Aliyun_AES_256');
    const aad = Buffer.from('aad');
    const parts = await provider.encrypt(material, Buffer.from('plaintext'), aad);
    const field = fc.constantFrom('iv', 'ciphertext', 'tag');
    await fc.assert(
      fc.asyncProperty(field, fc.nat(1000), async (name, bit) => {
        const changed = { ...parts, [name]: flip(parts[name as 'iv'], bit) };
        await expect(provider.decrypt(material, changed, aad)).rejects.toEqual(invalidCiphertext());
      }),
    );
    await expect(provider.decrypt(material, parts, Buffer.from('AAD'))).rejects.toEqual(invalidCiphertext());
    await expect(provider.decrypt(other, parts, aad)).rejects.toEqual(invalidCiphertext());
    const shortTag = { ...parts, tag: parts.tag.subarray(0, 12) };
    await expect(provider.decrypt(material, shortTag, aad)).rejects.toEqual(invalidCiphertext());
  });

  it('E6: draws a new 96-bit IV for every encryption', async () => {
    const material = await provider.generate('Aliyun_AES_256');
    const plaintext = Buffer.from('x');
    const ivs = new Set<string>();
    for (let i = 0; i < 1000; i += 1) {
      const { iv } = await provider.encrypt(material, plaintext, Buffer.alloc(0));
      expect(iv).toHaveLength(12);
      ivs.add(iv.toString('hex'));
    }
    expect(ivs.size).toBe(1000);
  });

  it('encrypts the base64 text of 6144 bytes and nothing longer', async () => {
    const material = await provider.generate('Aliyun_AES_256');
    const longest = await provider.encrypt(material, Buffer.alloc(8192), Buffer.alloc(0));
    expect(longest.ciphertext).toHaveLength(8192);
    const longer = provider.encrypt(material, Buffer.alloc(8193), Buffer.alloc(0));
    await expect(longer).rejects.toEqual(new RangeError('a key provider encrypts at most 8192 bytes'));
  });

  it('keeps a bounded number of keys ready and works on when they have gone', async () => {
    const small = new SoftwareProvider({ random: randomBytes, cachedKeys: 2 });
    const materials = await Promise.all(Array.from({ length: 5 }, () => small.generate('Aliyun_AES_256')));
    for (const material of [...materials, ...materials]) {
      const parts = await small.encrypt(material, Buffer.from('x'), Buffer.alloc(0));
      small.forget(material.versionId);
      expect((await small.decrypt(material, parts, Buffer.alloc(0))).toString()).toBe('x');
    }
  });

  it('E1: uses the material it is given once the cached one is forgotten', async () => {
    const material = await provider.generate('Aliyun_AES_256');
    const parts = await provider.encrypt(material, Buffer.from('x'), Buffer.alloc(0));
    const destroyed = { ...material, bytes: randomBytes(32) };
    expect((await provider.decrypt(destroyed, parts, Buffer.alloc(0))).toString()).toBe('x');
    provider.forget(material.versionId);
    await expect(provider.decrypt(destroyed, parts, Buffer.alloc(0))).rejects.toEqual(invalidCiphertext());
  });

  it('refuses a spec that has no software keys, and says which have', () => {
    const message =
      'KeySpec constructor has no software keys. Use one of Aliyun_AES_256, Aliyun_AES_192, Aliyun_AES_128.';
    expect(() => provider.generate('constructor')).toThrow(new ApiError('InvalidParameter', message));
  });
});

function flip(part: Buffer, bit: number): Buffer {
  const copy = Buffer.from(part);
  const at = Math.floor(bit / 8) % copy.length;
  copy[at] = (copy[at] ?? 0) ^ (1 << (bit % 8));
  return copy;
}
