import { createDecipheriv, createHash, randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asymmetricCiphers } from '../../src/crypto/asymmetric.ts';
import { invalidCiphertext } from '../../src/crypto/ciphertext-blob.ts';
import { keySpecs, keySpecsOf, type KeySpecRow } from '../../src/crypto/key-specs.ts';
import { ApiError } from '../../src/lib/errors.ts';
import { SoftwareProvider } from '../../src/providers/software-provider.ts';
import hmacs from '../vectors/crypto/hmac.json' with { type: 'json' };
import sm4Gcm from '../vectors/crypto/sm4-gcm.json' with { type: 'json' };

const provider = new SoftwareProvider({ random: randomBytes });
const specsOf = (form: KeySpecRow['form']): string[] =>
  keySpecsOf('software').filter((name) => keySpecs[name]?.form === form);
const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array));

describe('SoftwareProvider', () => {
  it.each(specsOf('symmetric'))('%s: decrypts what it encrypted, under the same associated data', async (keySpec) => {
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

  it.each(specsOf('asymmetric'))(
    '%s: has a private key in PKCS #8 and works by each of its algorithms',
    async (name) => {
      const material = await provider.generate(name);
      const publicKey = await provider.publicKey(material);
      expect(publicKey.type).toBe('public');
      const { algorithms } = keySpecs[name] ?? {};
      const digest = createHash('sha256').update('message').digest();
      for (const algorithm of algorithms?.['SIGN/VERIFY'] ?? []) {
        const signature = await provider.signDigest(material, algorithm, digest);
        expect(await provider.verifyDigest(material, algorithm, digest, signature)).toBe(true);
        expect(await provider.verifyDigest(material, algorithm, randomBytes(32), signature)).toBe(false);
      }
      for (const algorithm of algorithms?.['ENCRYPT/DECRYPT'] ?? []) {
        const ciphertext =
          asymmetricCiphers.get(algorithm)?.encrypt(publicKey, Buffer.from('text'), randomBytes) ?? Buffer.alloc(0);
        expect((await provider.decryptAsymmetric(material, algorithm, ciphertext)).toString()).toBe('text');
        const changed = provider.decryptAsymmetric(material, algorithm, flip(ciphertext, 9));
        await expect(changed).rejects.toEqual(invalidCiphertext());
      }
    },
  );

  it.each(hmacs)('$source: $keySpec gives the known MAC of "$message"', async (vector) => {
    const material = { versionId: vector.mac, keySpec: vector.keySpec, bytes: Buffer.from(vector.key, 'hex') };
    expect((await provider.mac(material, Buffer.from(vector.message))).toString('hex')).toBe(vector.mac);
  });

  it.each(sm4Gcm)('$source: Aliyun_SM4 decrypts the known ciphertext', async (vector) => {
    const bytesOf = (name: 'key' | 'iv' | 'aad' | 'ciphertext' | 'tag'): Buffer => Buffer.from(vector[name], 'hex');
    const material = { versionId: 'sm4', keySpec: 'Aliyun_SM4', bytes: bytesOf('key') };
    const parts = { iv: bytesOf('iv'), ciphertext: bytesOf('ciphertext'), tag: bytesOf('tag') };
    expect((await provider.decrypt(material, parts, bytesOf('aad'))).toString('hex')).toBe(vector.plaintext);
  });

  it('makes an RSA key while other work goes on', async () => {
    let ticks = 0;
    const timer = setInterval(() => (ticks += 1), 1);
    await provider.generate('RSA_4096');
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(5);
  });

  it('refuses a spec that has no software keys, and says which have', async () => {
    const message = `KeySpec constructor has no software keys. Use one of ${Object.keys(keySpecs).join(', ')}.`;
    await expect(provider.generate('constructor')).rejects.toEqual(new ApiError('InvalidParameter', message));
  });
});

function flip(part: Buffer, bit: number): Buffer {
  const copy = Buffer.from(part);
  const at = Math.floor(bit / 8) % copy.length;
  copy[at] = (copy[at] ?? 0) ^ (1 << (bit % 8));
  return copy;
}
