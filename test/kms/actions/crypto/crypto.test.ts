import { createDecipheriv } from 'node:crypto';
import * as fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { parseCiphertextBlob } from '../../../../src/crypto/ciphertext-blob.ts';
import { encryptionContextAad } from '../../../../src/crypto/encryption-context.ts';
import { keyVersionTable } from '../../../../src/kms/records/key-version.ts';
import { arn, KmsScene } from '../../kms-scene.ts';

const day = 86_400_000;
const invalid =
  'InvalidCiphertext: The ciphertext cannot be decrypted. Pass the CiphertextBlob unchanged, with the encryption context it was made with.';
let kms: KmsScene;
let KeyId: string;
beforeEach(async () => {
  kms = new KmsScene();
  KeyId = await kms.newKey();
});

const text = async (parameters: Record<string, unknown>): Promise<string> =>
  (await kms.call('Encrypt', { KeyId, ...parameters }))['CiphertextBlob'] as string;

describe('Encrypt and Decrypt', () => {
  it('give back any plaintext under its context, given as a map or as JSON text', async () => {
    const contexts = fc.dictionary(fc.string(), fc.string(), { maxKeys: 4 });
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 300 }), contexts, async (bytes, EncryptionContext) => {
        const Plaintext = Buffer.from(bytes).toString('base64');
        const CiphertextBlob = await text({ Plaintext, EncryptionContext });
        const decrypted = await kms.call('Decrypt', {
          CiphertextBlob,
          EncryptionContext: JSON.stringify(EncryptionContext),
        });
        expect(decrypted).toMatchObject({ KeyId, Plaintext });
      }),
    );
  });

  it('answer with the id of the key and of its version', async () => {
    const answer = await kms.call('Encrypt', { KeyId, Plaintext: 'eA==' });
    const blob = parseCiphertextBlob(answer['CiphertextBlob'] as string);
    expect(answer).toEqual({ CiphertextBlob: answer['CiphertextBlob'], KeyId, KeyVersionId: blob.keyVersionId });
  });

  it('encrypt the base64 text under AES-256-GCM with the hashed context, as Alibaba Cloud does', async () => {
    const { keyVersionId, iv, ciphertext, tag } = parseCiphertextBlob(
      await text({ Plaintext: 'aGVsbG8=', EncryptionContext: { b: '2', a: '1' } }),
    );
    const version = await keyVersionTable.get(kms.store, keyVersionId);
    const decipher = createDecipheriv('aes-256-gcm', Buffer.from(version?.material ?? '', 'base64'), iv);
    decipher.setAAD(encryptionContextAad({ a: '1', b: '2' })).setAuthTag(tag);
    expect(Buffer.concat([decipher.update(ciphertext), decipher.final()]).toString()).toBe('aGVsbG8=');
  });

  it('a 32-byte data key makes a blob of 108 bytes', async () => {
    expect(Buffer.from(await text({ Plaintext: Buffer.alloc(32).toString('base64') }), 'base64')).toHaveLength(108);
  });

  it('E5: any flipped bit, another context, a truncated blob: one error', async () => {
    const blob = Buffer.from(await text({ Plaintext: 'c2VjcmV0', EncryptionContext: { a: '1' } }), 'base64');
    const failure = (bytes: Buffer, EncryptionContext: unknown): Promise<string> =>
      kms.failure('Decrypt', { CiphertextBlob: bytes.toString('base64'), EncryptionContext });
    for (let bit = 0; bit < blob.length * 8; bit += 1) {
      const changed = Buffer.from(blob);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(await failure(changed, { a: '1' }), `bit ${bit}`).toBe(invalid);
    }
    for (let length = 1; length < blob.length; length += 1) {
      expect(await failure(blob.subarray(0, length), { a: '1' }), `${length} bytes`).toBe(invalid);
    }
    for (const EncryptionContext of [{}, { a: '2' }, { A: '1' }, { a: '1', b: '' }, undefined]) {
      expect(await failure(blob, EncryptionContext)).toBe(invalid);
    }
    expect(
      await kms.call('Decrypt', { CiphertextBlob: blob.toString('base64'), EncryptionContext: { a: '1' } }),
    ).toMatchObject({ Plaintext: 'c2VjcmV0' });
  });

  it('E5: a blob does not decrypt under the version id of another key', async () => {
    const other = await kms.call('Encrypt', { KeyId: await kms.newKey(), Plaintext: 'eA==' });
    const mine = Buffer.from(await text({ Plaintext: 'eA==' }), 'base64');
    const spliced = Buffer.concat([Buffer.from(other['KeyVersionId'] as string), mine.subarray(36)]);
    expect(await kms.failure('Decrypt', { CiphertextBlob: spliced.toString('base64') })).toBe(invalid);
  });

  it('E4: an alias that moves meanwhile changes neither an encryption under way nor what it made', async () => {
    const other = await kms.newKey();
    await kms.call('CreateAlias', { AliasName: 'alias/a', KeyId });
    const plan = await kms.plan('Encrypt', { KeyId: 'alias/a', Plaintext: 'eA==' });
    await kms.call('UpdateAlias', { AliasName: 'alias/a', KeyId: other });
    const { CiphertextBlob, KeyId: used } = await plan.run();
    expect(used).toBe(KeyId);
    expect(plan.access[0]?.resource).toBe(arn(`key/${KeyId}`));
    expect(await kms.access('Decrypt', { CiphertextBlob })).toEqual([`kms:Decrypt on ${arn(`key/${KeyId}`)}`]);
    expect(await kms.call('Decrypt', { CiphertextBlob })).toMatchObject({ KeyId, Plaintext: 'eA==' });
  });

  it('name an unknown version, not a key, to the policies', async () => {
    const foreign = new KmsScene();
    const answer = await foreign.call('Encrypt', { KeyId: await foreign.newKey(), Plaintext: 'eA==' });
    const { CiphertextBlob, KeyVersionId } = answer as Record<string, string>;
    expect(await kms.access('Decrypt', { CiphertextBlob })).toEqual([`kms:Decrypt on ${arn(`key/${KeyVersionId}`)}`]);
    expect(await kms.failure('Decrypt', { CiphertextBlob })).toBe(invalid);
  });

  it('take 6144 bytes and no more, in canonical base64', async () => {
    const largest = Buffer.alloc(6144, 1).toString('base64');
    const CiphertextBlob = await text({ Plaintext: largest });
    expect(await kms.call('Decrypt', { CiphertextBlob })).toMatchObject({ Plaintext: largest });
    const message = 'InvalidParameter: The parameter Plaintext is not valid. It must be base64 of 1 to 6144 bytes.';
    for (const Plaintext of [Buffer.alloc(6145).toString('base64'), 'eA', 'eA==\n', 'not base64', 'eB==', '=', '']) {
      expect(await kms.failure('Encrypt', { KeyId, Plaintext })).toBe(message);
    }
    expect(await kms.failure('Encrypt', { KeyId })).toBe('MissingParameter: Encrypt needs the parameter Plaintext.');
  });

  it('refuse a context that is no map of texts, or too long', async () => {
    const parameters = { KeyId, Plaintext: 'eA==' };
    const shape =
      'InvalidParameter: The parameter EncryptionContext is not valid. It must be a JSON object whose values are strings, such as {"purpose":"backup"}.';
    expect(await kms.failure('Encrypt', { ...parameters, EncryptionContext: '{"a":1}' })).toBe(shape);
    expect(await kms.failure('Encrypt', { ...parameters, EncryptionContext: { a: 'x'.repeat(9000) } })).toBe(
      'InvalidParameter: The parameter EncryptionContext is not valid. It must not be longer than 8192 characters.',
    );
  });
});

describe('GenerateDataKey', () => {
  it.each<[Record<string, string>, number]>([
    [{}, 32],
    [{ KeySpec: 'AES_256' }, 32],
    [{ KeySpec: 'AES_128' }, 16],
    [{ NumberOfBytes: '1' }, 1],
    [{ NumberOfBytes: '1024', KeySpec: 'AES_128' }, 1024],
  ])('%o gives a key of %i bytes, and a blob that decrypts to it', async (parameters, length) => {
    const EncryptionContext = { a: '1' };
    const { Plaintext, CiphertextBlob } = await kms.call('GenerateDataKey', {
      KeyId,
      EncryptionContext,
      ...parameters,
    });
    expect(Buffer.from(Plaintext as string, 'base64')).toHaveLength(length);
    expect(await kms.call('Decrypt', { CiphertextBlob, EncryptionContext })).toMatchObject({ Plaintext });
  });

  it('without plaintext answers with the blob alone, for who has the permission of that name', async () => {
    const answer = await kms.call('GenerateDataKeyWithoutPlaintext', { KeyId });
    expect(Object.keys(answer).toSorted()).toEqual(['CiphertextBlob', 'KeyId', 'KeyVersionId']);
    const { Plaintext } = await kms.call('Decrypt', { CiphertextBlob: answer['CiphertextBlob'] });
    expect(Buffer.from(Plaintext as string, 'base64')).toHaveLength(32);
    expect(await kms.access('GenerateDataKeyWithoutPlaintext', { KeyId })).toEqual([
      `kms:GenerateDataKeyWithoutPlaintext on ${arn(`key/${KeyId}`)}`,
    ]);
  });

  it('refuses a Recipient, rather than answer in the clear what was to be for an enclave alone', async () => {
    const message =
      /^InvalidParameter: The parameter Recipient is not valid. It must be left out: no enclave can be attested/;
    expect(await kms.failure('GenerateDataKey', { KeyId, Recipient: '{}' })).toMatch(message);
    expect(await kms.failure('Decrypt', { CiphertextBlob: 'x', Recipient: '{}' })).toMatch(message);
    expect(await kms.call('GenerateDataKey', { KeyId, Recipient: '' })).toMatchObject({ KeyId });
  });

  it('refuses other lengths and specs', async () => {
    const length =
      'InvalidParameter: The parameter NumberOfBytes is not valid. It must be a whole number from 1 to 1024.';
    for (const NumberOfBytes of ['0', '1025', '-1', 'many']) {
      expect(await kms.failure('GenerateDataKey', { KeyId, NumberOfBytes })).toBe(length);
    }
    expect(await kms.failure('GenerateDataKey', { KeyId, KeySpec: 'DES' })).toBe(
      'InvalidParameter: The parameter KeySpec is not valid. It must be one of AES_256, AES_128.',
    );
  });
});

describe('ReEncrypt', () => {
  it('needs ReEncryptFrom on the key of the blob and ReEncryptTo on the other', async () => {
    const other = await kms.newKey();
    const CiphertextBlob = await text({ Plaintext: 'eA==', EncryptionContext: { a: '1' } });
    const parameters = {
      CiphertextBlob,
      DestinationKeyId: other,
      SourceEncryptionContext: '{"a":"1"}',
      DestinationEncryptionContext: { b: '2' },
    };
    expect(await kms.access('ReEncrypt', parameters)).toEqual([
      `kms:ReEncryptFrom on ${arn(`key/${KeyId}`)}`,
      `kms:ReEncryptTo on ${arn(`key/${other}`)}`,
    ]);
    const moved = await kms.call('ReEncrypt', parameters);
    expect(moved).toMatchObject({ KeyId: other });
    expect(
      await kms.call('Decrypt', { CiphertextBlob: moved['CiphertextBlob'], EncryptionContext: { b: '2' } }),
    ).toMatchObject({ KeyId: other, Plaintext: 'eA==' });
    expect(await kms.failure('ReEncrypt', { ...parameters, SourceEncryptionContext: {} })).toBe(invalid);
  });

  it('brings a ciphertext to the newest version of its own key', async () => {
    const CiphertextBlob = await text({ Plaintext: 'eA==' });
    kms.clock.advance(7 * day);
    const { KeyVersion } = await kms.call('CreateKeyVersion', { KeyId });
    const { KeyVersionId } = KeyVersion as { KeyVersionId: string };
    expect(await kms.call('ReEncrypt', { CiphertextBlob, DestinationKeyId: KeyId })).toMatchObject({ KeyVersionId });
  });

  it('takes the answer of AsymmetricEncrypt, with the key that it does not name', async () => {
    const source = await kms.newKey({ KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT/DECRYPT' });
    const { KeyMetadata } = await kms.call('DescribeKey', { KeyId: source });
    const SourceKeyVersionId = (KeyMetadata as { PrimaryKeyVersion: string }).PrimaryKeyVersion;
    const Algorithm = 'RSAES_OAEP_SHA_256';
    const made = { KeyId: source, KeyVersionId: SourceKeyVersionId, Algorithm, Plaintext: 'eA==' };
    const { CiphertextBlob } = await kms.call('AsymmetricEncrypt', made);
    const parameters = {
      CiphertextBlob,
      DestinationKeyId: KeyId,
      SourceKeyId: source,
      SourceKeyVersionId,
      SourceEncryptionAlgorithm: Algorithm,
    };
    expect(await kms.access('ReEncrypt', parameters)).toEqual([
      `kms:ReEncryptFrom on ${arn(`key/${source}`)}`,
      `kms:ReEncryptTo on ${arn(`key/${KeyId}`)}`,
    ]);
    const moved = await kms.call('ReEncrypt', parameters);
    expect(await kms.call('Decrypt', { CiphertextBlob: moved['CiphertextBlob'] })).toMatchObject({ Plaintext: 'eA==' });
    for (const [change, message] of [
      [{ SourceKeyId: '' }, /^MissingParameter: The parameter SourceKeyId is required/],
      [{ SourceKeyVersionId: '' }, /^MissingParameter: The parameter SourceKeyVersionId is required/],
      [
        { SourceEncryptionContext: { a: '1' } },
        /^InvalidParameter: The parameter SourceEncryptionContext must be left out/,
      ],
      [{ SourceEncryptionAlgorithm: 'RSAES_OAEP_SHA_1' }, invalid],
      [{ SourceKeyId: KeyId }, /^UnsupportedOperation: /],
    ] as const) {
      expect(await kms.failure('ReEncrypt', { ...parameters, ...change })).toMatch(message);
    }
  });

  it('holds the caller to what is said of the source, beside the key that the blob names', async () => {
    const other = await kms.newKey();
    const { CiphertextBlob, KeyVersionId } = await kms.call('Encrypt', { KeyId, Plaintext: 'eA==' });
    const parameters = { CiphertextBlob, DestinationKeyId: other };
    const said = { SourceKeyId: KeyId, SourceKeyVersionId: KeyVersionId, SourceEncryptionAlgorithm: 'AES_GCM' };
    expect(await kms.call('ReEncrypt', { ...parameters, ...said })).toMatchObject({ KeyId: other });
    for (const wrong of [
      { SourceKeyId: other },
      { SourceKeyVersionId: 'x' },
      { SourceEncryptionAlgorithm: 'SM4_GCM' },
    ]) {
      expect(await kms.failure('ReEncrypt', { ...parameters, ...wrong })).toMatch(/^InvalidParameter: /);
    }
  });

  it('E1: refuses a disabled source and a disabled destination', async () => {
    const other = await kms.newKey();
    const CiphertextBlob = await text({ Plaintext: 'eA==' });
    await kms.call('DisableKey', { KeyId });
    expect(await kms.failure('ReEncrypt', { CiphertextBlob, DestinationKeyId: other })).toMatch(
      `Rejected.Disabled: Key ${KeyId}`,
    );
    await kms.call('EnableKey', { KeyId });
    await kms.call('DisableKey', { KeyId: other });
    expect(await kms.failure('ReEncrypt', { CiphertextBlob, DestinationKeyId: other })).toMatch(
      `Rejected.Disabled: Key ${other}`,
    );
  });
});
