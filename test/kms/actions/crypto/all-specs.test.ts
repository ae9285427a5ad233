import { createHash, randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { asymmetricCiphers } from '../../../../src/crypto/asymmetric.ts';
import { keySpecs, type KeySpecRow, type KeyUsage } from '../../../../src/crypto/key-specs.ts';
import { KmsScene } from '../../kms-scene.ts';

const kms = new KmsScene();

type Row = readonly [spec: string, algorithm: string];

/** Every spec with every algorithm that it has for a usage. */
function rowsOf(usage: KeyUsage, form: KeySpecRow['form']): Row[] {
  const rows = Object.values(keySpecs).filter((row) => row.form === form);
  return rows.flatMap(({ name, algorithms }) => (algorithms[usage] ?? []).map((algorithm): Row => [name, algorithm]));
}

interface Key {
  KeyId: string;
  KeyVersionId: string;
}

async function newKey(KeySpec: string, KeyUsage: KeyUsage): Promise<Key> {
  const { KeyMetadata } = await kms.call('CreateKey', { KeySpec, KeyUsage });
  const { KeyId, PrimaryKeyVersion } = KeyMetadata as { KeyId: string; PrimaryKeyVersion: string };
  return { KeyId, KeyVersionId: PrimaryKeyVersion };
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
const context = fc.dictionary(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), {
  maxKeys: 3,
  noNullPrototype: true,
});

const numRuns = 20;
const symmetric = rowsOf('ENCRYPT/DECRYPT', 'symmetric').map(([spec]) => spec);

describe.each(symmetric)('Encrypt and Decrypt with %s', (spec) => {
  let key: Key;
  let other: Key;
  beforeAll(async () => {
    key = await newKey(spec, 'ENCRYPT/DECRYPT');
    other = await newKey('Aliyun_AES_256', 'ENCRYPT/DECRYPT');
  });

  it('give back any text under any context, whatever order it comes in, and under no other', async () => {
    const property = fc.asyncProperty(
      fc.uint8Array({ minLength: 1, maxLength: 6144 }),
      context,
      context,
      async (bytes, EncryptionContext, another) => {
        const Plaintext = base64(bytes);
        const sealed = await kms.call('Encrypt', { KeyId: key.KeyId, Plaintext, EncryptionContext });
        const { CiphertextBlob } = sealed;
        const reversed = Object.fromEntries(Object.entries(EncryptionContext).toReversed());
        expect(sealed).toMatchObject({ KeyId: key.KeyId, KeyVersionId: key.KeyVersionId });
        expect(await kms.call('Decrypt', { CiphertextBlob, EncryptionContext: reversed })).toMatchObject({ Plaintext });
        if (isSame(EncryptionContext, another)) return;
        const wrong = { CiphertextBlob, EncryptionContext: another };
        expect(await kms.failure('Decrypt', wrong)).toMatch(/^InvalidCiphertext: /);
      },
    );
    await fc.assert(property, { numRuns });
  });

  it('and data keys of any length, which go to another key and come back', async () => {
    const property = fc.asyncProperty(fc.integer({ min: 1, max: 1024 }), context, async (NumberOfBytes, from) => {
      const made = await kms.call('GenerateDataKey', {
        KeyId: key.KeyId,
        NumberOfBytes: String(NumberOfBytes),
        EncryptionContext: from,
      });
      expect(Buffer.from(String(made['Plaintext']), 'base64')).toHaveLength(NumberOfBytes);
      const moved = await kms.call('ReEncrypt', {
        CiphertextBlob: made['CiphertextBlob'],
        SourceEncryptionContext: from,
        DestinationKeyId: other.KeyId,
        DestinationEncryptionContext: { moved: 'yes' },
      });
      const opened = await kms.call('Decrypt', {
        CiphertextBlob: moved['CiphertextBlob'],
        EncryptionContext: { moved: 'yes' },
      });
      expect(opened).toMatchObject({ Plaintext: made['Plaintext'], KeyId: other.KeyId });
    });
    await fc.assert(property, { numRuns });
  });
});

/** Two maps are one context when their sorted `k=v` pairs, joined, are the same text: that is what is authenticated. */
function isSame(one: Record<string, string>, other: Record<string, string>): boolean {
  const text = (map: Record<string, string>): string =>
    Object.keys(map)
      .toSorted()
      .map((name) => `${name}=${map[name]}`)
      .join('&');
  return text(one) === text(other);
}

describe.each(rowsOf('ENCRYPT/DECRYPT', 'asymmetric'))('AsymmetricEncrypt with %s by %s', (spec, Algorithm) => {
  it('gives back any text that the key takes, and takes none that is longer', async () => {
    const key = await newKey(spec, 'ENCRYPT/DECRYPT');
    const bits = Number(/\d{4}/.exec(spec)?.[0] ?? 0);
    const longest = asymmetricCiphers.get(Algorithm)?.maxPlaintextBytes(bits) ?? 0;
    const call = { ...key, Algorithm };
    const property = fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: longest }), async (bytes) => {
      const Plaintext = base64(bytes);
      const { CiphertextBlob } = await kms.call('AsymmetricEncrypt', { ...call, Plaintext });
      expect(await kms.call('AsymmetricDecrypt', { ...call, CiphertextBlob })).toMatchObject({ Plaintext });
    });
    await fc.assert(property, { numRuns: 10, examples: [[new Uint8Array(longest)], [new Uint8Array(1)]] });
    const tooLong = { ...call, Plaintext: base64(new Uint8Array(longest + 1)) };
    expect(await kms.failure('AsymmetricEncrypt', tooLong)).toMatch(/^InvalidParameter: /);
  });
});

describe.each(rowsOf('SIGN/VERIFY', 'asymmetric'))('AsymmetricSign with %s by %s', (spec, Algorithm) => {
  it('is verified for any digest, for no other, and not with a bit flipped', async () => {
    const call = { ...(await newKey(spec, 'SIGN/VERIFY')), Algorithm };
    const property = fc.asyncProperty(fc.string(), fc.nat(), async (message, at) => {
      const Digest = createHash('sha256').update(message).digest('base64');
      const { Value } = await kms.call('AsymmetricSign', { ...call, Digest });
      const verified = (digest: string, value: unknown): Promise<unknown> =>
        kms.call('AsymmetricVerify', { ...call, Digest: digest, Value: value }).then((answer) => answer['Value']);
      expect(await verified(Digest, Value)).toBe(true);
      expect(await verified(base64(randomBytes(32)), Value)).toBe(false);
      const flipped = Buffer.from(String(Value), 'base64');
      const bit = at % (flipped.length * 8);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(await verified(Digest, base64(flipped))).toBe(false);
    });
    await fc.assert(property, { numRuns: 10 });
  });
});

describe.each(rowsOf('GENERATE/VERIFY MAC', 'mac'))('GenerateMac with %s', (spec, Algorithm) => {
  it('is verified for any message, and for no other', async () => {
    const { KeyId } = await newKey(spec, 'GENERATE/VERIFY MAC');
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 6144 });
    const property = fc.asyncProperty(bytes, bytes, async (one, other) => {
      const call = { KeyId, Algorithm, Message: base64(one) };
      const { Mac } = await kms.call('GenerateMac', call);
      expect(await kms.call('VerifyMac', { ...call, Mac })).toMatchObject({ Value: true });
      const isSameMessage = base64(one) === base64(other);
      const answer = await kms.call('VerifyMac', { ...call, Message: base64(other), Mac });
      expect(answer).toMatchObject({ Value: isSameMessage });
    });
    await fc.assert(property, { numRuns });
  });
});
