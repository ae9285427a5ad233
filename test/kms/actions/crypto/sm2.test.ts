import { createPublicKey, randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { encryptSm2 } from '../../../../src/crypto/sm2-encryption.ts';
import { publicPoint, sm2MessageDigest } from '../../../../src/crypto/sm2.ts';
import { KmsScene } from '../../kms-scene.ts';

const kms = new KmsScene();
const newKey = async (KeyUsage: string): Promise<{ KeyId: string; KeyVersionId: string }> => {
  const { KeyMetadata } = await kms.call('CreateKey', { KeySpec: 'EC_SM2', KeyUsage });
  const { KeyId, PrimaryKeyVersion } = KeyMetadata as Record<string, string>;
  return { KeyId: KeyId ?? '', KeyVersionId: PrimaryKeyVersion ?? '' };
};
let signer: Awaited<ReturnType<typeof newKey>>;
let cipher: typeof signer;
beforeAll(async () => {
  signer = await newKey('SIGN/VERIFY');
  cipher = await newKey('ENCRYPT/DECRYPT');
});

describe('EC_SM2', () => {
  it('is for signatures unless told otherwise', async () => {
    expect(await kms.call('CreateKey', { KeySpec: 'EC_SM2' })).toMatchObject({
      KeyMetadata: { KeySpec: 'EC_SM2', KeyUsage: 'SIGN/VERIFY' },
    });
  });

  it('signs the digest of signer and message, which the public key lets everybody compute', async () => {
    const { PublicKey } = await kms.call('GetPublicKey', signer);
    expect(PublicKey).toMatch(/^-----BEGIN PUBLIC KEY-----/);
    const point = publicPoint(createPublicKey(PublicKey as string));
    const asked = {
      ...signer,
      Algorithm: 'SM2DSA',
      Digest: sm2MessageDigest(point, Buffer.from('m')).toString('base64'),
    };
    const { Value } = await kms.call('AsymmetricSign', asked);
    expect(await kms.call('AsymmetricVerify', { ...asked, Value })).toEqual({ ...signer, Value: true });
    const Digest = sm2MessageDigest(point, Buffer.from('m'), 'another signer').toString('base64');
    expect(await kms.call('AsymmetricVerify', { ...asked, Digest, Value })).toEqual({ ...signer, Value: false });
  });

  it('decrypts what it encrypted itself, and what somebody else did with the public key', async () => {
    const Plaintext = randomBytes(6047).toString('base64');
    const asked = { ...cipher, Algorithm: 'SM2PKE' };
    const { CiphertextBlob } = await kms.call('AsymmetricEncrypt', { ...asked, Plaintext });
    expect(await kms.call('AsymmetricDecrypt', { ...asked, CiphertextBlob })).toMatchObject({ Plaintext });
    const { PublicKey } = await kms.call('GetPublicKey', cipher);
    const theirs = encryptSm2(createPublicKey(PublicKey as string), Buffer.from('x'), randomBytes).toString('base64');
    expect(await kms.call('AsymmetricDecrypt', { ...asked, CiphertextBlob: theirs })).toMatchObject({
      Plaintext: 'eA==',
    });
  });

  it('E5: tells nothing of what is wrong with a ciphertext', async () => {
    const { CiphertextBlob } = await kms.call('AsymmetricEncrypt', {
      ...cipher,
      Algorithm: 'SM2PKE',
      Plaintext: 'eA==',
    });
    const bytes = Buffer.from(CiphertextBlob as string, 'base64');
    const errors = new Set<string>();
    for (const at of [0, 4, 40, 75, 90, bytes.length - 1]) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      errors.add(
        await kms.failure('AsymmetricDecrypt', {
          ...cipher,
          Algorithm: 'SM2PKE',
          CiphertextBlob: changed.toString('base64'),
        }),
      );
    }
    expect([...errors]).toEqual([expect.stringMatching(/^InvalidCiphertext: /)]);
  });

  it('takes the algorithms of its usage only', async () => {
    const Digest = Buffer.alloc(32, 1).toString('base64');
    expect(await kms.failure('AsymmetricSign', { ...signer, Algorithm: 'ECDSA_SHA_256', Digest })).toMatch(
      `InvalidParameter: The parameter Algorithm must be one of SM2DSA for key ${signer.KeyId}.`,
    );
    expect(await kms.failure('AsymmetricSign', { ...cipher, Algorithm: 'SM2DSA', Digest })).toMatch(
      /^UnsupportedOperation: /,
    );
  });
});
