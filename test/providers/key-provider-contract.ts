import { createHash, randomBytes, verify } from 'node:crypto';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { asymmetricCiphers } from '../../src/crypto/asymmetric.ts';
import { invalidCiphertext } from '../../src/crypto/ciphertext-blob.ts';
import { keySpecs, keySpecsOf, usagesIn, type KeySpecRow, type KeyUsage } from '../../src/crypto/key-specs.ts';
import type { KeyPlacement, KeyProvider } from '../../src/ports/key-provider.ts';

/** A provider under the contract. */
export interface ProviderUnderTest {
  readonly provider: KeyProvider;
  readonly placement: KeyPlacement;
  close(): Promise<void>;
}

const bytes = fc.uint8Array({ minLength: 1, maxLength: 300 }).map((array) => Buffer.from(array));

function flip(part: Buffer, bit: number): Buffer {
  const copy = Buffer.from(part);
  const at = Math.floor(bit / 8) % copy.length;
  copy[at] = (copy[at] ?? 0) ^ (1 << (bit % 8));
  return copy;
}

/** What every key provider keeps to, wherever its keys are. `runs` is how often a property is tried. */
export function describeKeyProvider(
  name: string,
  kind: KeyProvider['kind'],
  open: () => Promise<ProviderUnderTest>,
  runs = 20,
): void {
  const specs = (form: KeySpecRow['form']): string[] =>
    keySpecsOf(kind).filter((spec) => keySpecs[spec]?.form === form);

  describe(`${name} keeps the contract of key providers`, () => {
    let opened: ProviderUnderTest;
    beforeAll(async () => {
      opened = await open();
    });
    afterAll(() => opened.close());
    /** Algorithms of a spec for a usage that keys here may have. */
    const algorithmsOf = (spec: string, usage: KeyUsage): readonly string[] => {
      const row = keySpecs[spec];
      return row !== undefined && usagesIn(row, kind).includes(usage) ? (row.algorithms[usage] ?? []) : [];
    };
    const generate = (spec: string): ReturnType<KeyProvider['generate']> =>
      opened.provider.generate(spec, opened.placement);

    describe.each(specs('symmetric'))('with %s:', (spec) => {
      it('decrypts what it encrypted, under the same associated data', async () => {
        const material = await generate(spec);
        const property = fc.asyncProperty(bytes, bytes, async (plaintext, aad) => {
          const parts = await opened.provider.encrypt(material, plaintext, aad);
          expect(parts.iv).toHaveLength(12);
          expect(parts.tag).toHaveLength(16);
          expect(parts.ciphertext.length - plaintext.length).toBeLessThanOrEqual(64);
          expect(await opened.provider.decrypt(material, parts, aad)).toEqual(plaintext);
        });
        await fc.assert(property, { numRuns: runs });
      });

      it('E5: gives one error for a flipped bit, other associated data, and another key', async () => {
        const material = await generate(spec);
        const aad = Buffer.from('aad');
        const parts = await opened.provider.encrypt(material, Buffer.from('plaintext'), aad);
        const property = fc.asyncProperty(
          fc.constantFrom('iv', 'ciphertext', 'tag'),
          fc.nat(1000),
          async (part, bit) => {
            const changed = { ...parts, [part]: flip(parts[part as 'iv'], bit) };
            await expect(opened.provider.decrypt(material, changed, aad)).rejects.toEqual(invalidCiphertext());
          },
        );
        await fc.assert(property, { numRuns: runs });
        const other = await generate(spec);
        await expect(opened.provider.decrypt(material, parts, Buffer.from('x'))).rejects.toEqual(invalidCiphertext());
        await expect(opened.provider.decrypt(other, parts, aad)).rejects.toEqual(invalidCiphertext());
      });

      it('E6: draws a new IV for every encryption', async () => {
        const material = await generate(spec);
        const ivs = new Set<string>();
        for (let i = 0; i < 50; i += 1) {
          ivs.add((await opened.provider.encrypt(material, Buffer.from('x'), Buffer.alloc(0))).iv.toString('hex'));
        }
        expect(ivs.size).toBe(50);
      });

      it('encrypts the base64 text of 6144 bytes and refuses more', async () => {
        const material = await generate(spec);
        const longest = randomBytes(8192);
        const parts = await opened.provider.encrypt(material, longest, Buffer.alloc(32));
        expect(await opened.provider.decrypt(material, parts, Buffer.alloc(32))).toEqual(longest);
        await expect(opened.provider.encrypt(material, Buffer.alloc(8193), Buffer.alloc(0))).rejects.toThrow(
          RangeError,
        );
      });

      it('works on after its cache was told to forget', async () => {
        const material = await generate(spec);
        const parts = await opened.provider.encrypt(material, Buffer.from('x'), Buffer.alloc(0));
        opened.provider.forget(material.versionId);
        expect((await opened.provider.decrypt(material, parts, Buffer.alloc(0))).toString()).toBe('x');
      });
    });

    it.each(specs('asymmetric'))(
      '%s works by each of its algorithms, and its signatures verify elsewhere',
      async (spec) => {
        const material = await generate(spec);
        const publicKey = await opened.provider.publicKey(material);
        const message = Buffer.from('message');
        const digest = createHash('sha256').update(message).digest();
        for (const algorithm of algorithmsOf(spec, 'SIGN/VERIFY')) {
          if (algorithm.startsWith('SM2')) continue;
          const signature = await opened.provider.signDigest(material, algorithm, digest);
          expect(await opened.provider.verifyDigest(material, algorithm, digest, signature)).toBe(true);
          expect(await opened.provider.verifyDigest(material, algorithm, randomBytes(32), signature)).toBe(false);
          const options = algorithm === 'RSA_PSS_SHA_256' ? { key: publicKey, padding: 6, saltLength: 32 } : publicKey;
          expect(verify('sha256', message, options, signature), algorithm).toBe(true);
        }
        for (const algorithm of algorithmsOf(spec, 'ENCRYPT/DECRYPT')) {
          const cipher = asymmetricCiphers.get(algorithm);
          if (cipher === undefined) continue;
          const ciphertext = cipher.encrypt(publicKey, Buffer.from('text'), randomBytes);
          expect((await opened.provider.decryptAsymmetric(material, algorithm, ciphertext)).toString()).toBe('text');
          const changed = opened.provider.decryptAsymmetric(material, algorithm, flip(ciphertext, 9));
          await expect(changed).rejects.toEqual(invalidCiphertext());
        }
      },
    );

    it.each(specs('mac'))('%s gives the same MAC for the same message, and another for another', async (spec) => {
      const material = await generate(spec);
      const mac = await opened.provider.mac(material, Buffer.from('message'));
      expect(await opened.provider.mac(material, Buffer.from('message'))).toEqual(mac);
      expect(await opened.provider.mac(material, Buffer.from('massage'))).not.toEqual(mac);
      expect(await opened.provider.mac(await generate(spec), Buffer.from('message'))).not.toEqual(mac);
    });

    it('gives every version an id of 36 characters of its own', async () => {
      const [spec = ''] = specs('symmetric');
      const ids = [(await generate(spec)).versionId, (await generate(spec)).versionId];
      expect(new Set(ids).size).toBe(2);
      for (const id of ids) expect(id).toMatch(/^[0-9a-z-]{36}$/);
    });

    it('refuses specs that it has no keys of, and says which it has', async () => {
      const refused = opened.provider.generate('constructor', opened.placement);
      await expect(refused).rejects.toThrow(/KeySpec/);
    });
  });
}
