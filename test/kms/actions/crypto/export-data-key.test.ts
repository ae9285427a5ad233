import { constants, createPublicKey, privateDecrypt, type KeyObject } from 'node:crypto';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { generatePrivateKey } from '../../../../src/crypto/key-pair.ts';
import { decryptSm2 } from '../../../../src/crypto/sm2-encryption.ts';
import { arn, KmsScene } from '../../kms-scene.ts';

let rsa: KeyObject;
let sm2: KeyObject;
beforeAll(async () => {
  rsa = await generatePrivateKey({ modulusBits: 2048 });
  sm2 = await generatePrivateKey({ namedCurve: 'SM2' });
});
let kms: KmsScene;
let KeyId: string;
beforeEach(async () => {
  kms = new KmsScene();
  KeyId = await kms.newKey();
});

const blobOf = (key: KeyObject): string =>
  createPublicKey(key).export({ format: 'der', type: 'spki' }).toString('base64');
const oaep = (oaepHash: string) => (wrapped: Buffer) =>
  privateDecrypt({ key: rsa, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash }, wrapped);
/** As who receives the data key does, with OpenSSL. */
const wrappings: [string, string, (wrapped: Buffer) => Buffer][] = [
  ['RSA_2048', 'RSAES_OAEP_SHA_256', oaep('sha256')],
  ['RSA_2048', 'RSAES_OAEP_SHA_1', oaep('sha1')],
  [
    'RSA_2048',
    'RSAES_PKCS1_V1_5',
    (wrapped) => privateDecrypt({ key: rsa, padding: constants.RSA_PKCS1_PADDING }, wrapped),
  ],
  ['EC_SM2', 'SM2PKE', (wrapped) => decryptSm2(sm2, wrapped)],
];

describe('ExportDataKey and GenerateAndExportDataKey', () => {
  it.each(wrappings)(
    '%s, %s: the receiver has the data key that the blob decrypts to',
    async (spec, algorithm, unwrap) => {
      const recipient = {
        WrappingKeySpec: spec,
        WrappingAlgorithm: algorithm,
        PublicKeyBlob: blobOf(spec === 'EC_SM2' ? sm2 : rsa),
      };
      const EncryptionContext = { a: '1' };
      const made = await kms.call('GenerateAndExportDataKey', {
        KeyId,
        EncryptionContext,
        KeySpec: 'AES_128',
        ...recipient,
      });
      const { CiphertextBlob, ExportedDataKey } = made as Record<string, string>;
      const dataKey = unwrap(Buffer.from(ExportedDataKey ?? '', 'base64'));
      expect(dataKey).toHaveLength(16);
      expect(Object.keys(made).toSorted()).toEqual(['CiphertextBlob', 'ExportedDataKey', 'KeyId', 'KeyVersionId']);
      expect(await kms.call('Decrypt', { CiphertextBlob, EncryptionContext })).toMatchObject({
        Plaintext: dataKey.toString('base64'),
      });
      const exported = await kms.call('ExportDataKey', { CiphertextBlob, EncryptionContext, ...recipient });
      expect(exported).toMatchObject({ KeyId, KeyVersionId: made['KeyVersionId'] });
      expect(unwrap(Buffer.from(exported['ExportedDataKey'] as string, 'base64'))).toEqual(dataKey);
      expect(await kms.failure('ExportDataKey', { CiphertextBlob, ...recipient })).toMatch(/^InvalidCiphertext: /);
    },
  );

  it('need the permission of their own name on the key', async () => {
    const recipient = {
      WrappingKeySpec: 'RSA_2048',
      WrappingAlgorithm: 'RSAES_OAEP_SHA_1',
      PublicKeyBlob: blobOf(rsa),
    };
    const { CiphertextBlob } = await kms.call('GenerateDataKeyWithoutPlaintext', { KeyId });
    expect(await kms.access('GenerateAndExportDataKey', { KeyId, ...recipient })).toEqual([
      `kms:GenerateAndExportDataKey on ${arn(`key/${KeyId}`)}`,
    ]);
    expect(await kms.access('ExportDataKey', { CiphertextBlob, ...recipient })).toEqual([
      `kms:ExportDataKey on ${arn(`key/${KeyId}`)}`,
    ]);
    await kms.call('DisableKey', { KeyId });
    expect(await kms.failure('ExportDataKey', { CiphertextBlob, ...recipient })).toMatch(/^Rejected.Disabled: /);
  });

  it('take no other kind of public key than they are told, and no data key that does not fit', async () => {
    const small = await generatePrivateKey({ modulusBits: 1024 });
    const p256 = await generatePrivateKey({ namedCurve: 'prime256v1' });
    const told = { KeyId, WrappingKeySpec: 'RSA_2048', WrappingAlgorithm: 'RSAES_OAEP_SHA_256' };
    for (const PublicKeyBlob of [blobOf(small), blobOf(sm2), blobOf(p256), 'eA==']) {
      expect(await kms.failure('GenerateAndExportDataKey', { ...told, PublicKeyBlob })).toBe(
        'InvalidParameter: The parameter PublicKeyBlob must be base64 of a SubjectPublicKeyInfo (DER) of RSA_2048.',
      );
    }
    const asSm2 = { KeyId, WrappingKeySpec: 'EC_SM2', WrappingAlgorithm: 'SM2PKE' };
    for (const PublicKeyBlob of [blobOf(rsa), blobOf(p256)]) {
      expect(await kms.failure('GenerateAndExportDataKey', { ...asSm2, PublicKeyBlob })).toMatch(/^InvalidParameter: /);
    }
    const PublicKeyBlob = blobOf(rsa);
    expect(
      await kms.failure('GenerateAndExportDataKey', { ...told, PublicKeyBlob, WrappingAlgorithm: 'SM2PKE' }),
    ).toMatch(/^InvalidParameter: The parameter WrappingAlgorithm must be one of RSAES_OAEP_SHA_256, /);
    expect(await kms.failure('GenerateAndExportDataKey', { ...told, PublicKeyBlob, NumberOfBytes: '191' })).toBe(
      'InvalidParameter: The data key has more than the 190 bytes that RSAES_OAEP_SHA_256 takes.',
    );
  });
});
