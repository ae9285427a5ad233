import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keySpecs } from '../../../../src/crypto/key-specs.ts';
import { arn, KmsScene } from '../../kms-scene.ts';

const kms = new KmsScene();
const specs = Object.values(keySpecs).filter(({ form }) => form === 'mac');
const Message = Buffer.from('message').toString('base64');

describe.each(specs)('GenerateMac and VerifyMac with $name', ({ name, materialBytes }) => {
  it('agree on every message, and on no other', async () => {
    const named = { KeyId: await kms.newKey({ KeySpec: name }), Algorithm: name };
    const message = fc
      .uint8Array({ minLength: 1, maxLength: 300 })
      .map((bytes) => Buffer.from(bytes).toString('base64'));
    await fc.assert(
      fc.asyncProperty(message, message, async (first, second) => {
        const { Mac, ...names } = await kms.call('GenerateMac', { ...named, Message: first });
        expect(names).toEqual(named);
        expect(Buffer.from(Mac as string, 'base64')).toHaveLength(materialBytes ?? 0);
        const verified = await kms.call('VerifyMac', { ...named, Message: second, Mac });
        expect(verified).toEqual({ ...named, Value: first === second });
        expect(await kms.call('VerifyMac', { ...named, Message: first, Mac })).toEqual({ ...named, Value: true });
      }),
      { numRuns: 30 },
    );
  });
});

describe('GenerateMac and VerifyMac', () => {
  it('E5: take no MAC with a flipped bit, none that is cut off, and none of another key', async () => {
    const named = { KeyId: await kms.newKey({ KeySpec: 'HMAC_SHA_256' }), Algorithm: 'HMAC_SHA_256', Message };
    const { Mac } = await kms.call('GenerateMac', named);
    const bytes = Buffer.from(Mac as string, 'base64');
    const verify = async (mac: Buffer, KeyId = named.KeyId): Promise<unknown> =>
      (await kms.call('VerifyMac', { ...named, KeyId, Mac: mac.toString('base64') }))['Value'];
    expect(await verify(bytes)).toBe(true);
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(await verify(changed), `bit ${bit}`).toBe(false);
    }
    for (let length = 1; length < bytes.length; length += 1)
      expect(await verify(bytes.subarray(0, length))).toBe(false);
    expect(await verify(bytes, await kms.newKey({ KeySpec: 'HMAC_SHA_256' }))).toBe(false);
  });

  it('refuse keys of other specs and usages, and an algorithm that is not the key’s', async () => {
    const KeyId = await kms.newKey({ KeySpec: 'HMAC_SHA_256' });
    expect(await kms.failure('GenerateMac', { KeyId, Algorithm: 'HMAC_SHA_512', Message })).toBe(
      `InvalidParameter: The parameter Algorithm must be one of HMAC_SHA_256 for key ${KeyId}.`,
    );
    expect(await kms.failure('Encrypt', { KeyId, Plaintext: 'eA==' })).toMatch('UnsupportedOperation: ');
    expect(await kms.failure('CreateKeyVersion', { KeyId })).toMatch('UnsupportedOperation: ');
    const aes = await kms.newKey();
    expect(await kms.failure('GenerateMac', { KeyId: aes, Algorithm: 'HMAC_SHA_512', Message })).toBe(
      `UnsupportedOperation: Key ${aes} is Aliyun_AES_256 for ENCRYPT/DECRYPT. Use a key of an HMAC spec for GENERATE/VERIFY MAC.`,
    );
  });

  it.each(['GenerateMac', 'VerifyMac'])('E1: %s refuses a disabled key', async (name) => {
    const KeyId = await kms.newKey({ KeySpec: 'HMAC_SM3' });
    const parameters = { KeyId, Algorithm: 'HMAC_SM3', Message, Mac: 'eA==' };
    expect(await kms.access(name, parameters)).toEqual([`kms:${name} on ${arn(`key/${KeyId}`)}`]);
    await kms.call('DisableKey', { KeyId });
    expect(await kms.failure(name, parameters)).toMatch('Rejected.Disabled: ');
  });
});

describe('symmetric keys', () => {
  it.each(Object.values(keySpecs).filter(({ form }) => form === 'symmetric'))(
    '$name: the blob of Encrypt decrypts, and has one format',
    async ({ name }) => {
      const KeyId = await kms.newKey({ KeySpec: name });
      const Plaintext = Buffer.alloc(32, 1).toString('base64');
      const { CiphertextBlob } = await kms.call('Encrypt', { KeyId, Plaintext, EncryptionContext: { a: '1' } });
      expect(Buffer.from(CiphertextBlob as string, 'base64')).toHaveLength(108);
      const decrypt = (EncryptionContext: unknown): Promise<unknown> =>
        kms.call('Decrypt', { CiphertextBlob, EncryptionContext });
      expect(await decrypt({ a: '1' })).toMatchObject({ KeyId, Plaintext });
      await expect(decrypt({ a: '2' })).rejects.toMatchObject({ code: 'InvalidCiphertext' });
    },
  );
});
