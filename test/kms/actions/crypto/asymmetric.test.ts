import { constants, createHash, createPublicKey, publicEncrypt, verify } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { keySpecs } from '../../../../src/crypto/key-specs.ts';
import { arn, KmsScene } from '../../kms-scene.ts';

const day = 86_400_000;
const Digest = createHash('sha256').update('message').digest('base64');
const kms = new KmsScene();

interface TestKey {
  KeyId: string;
  KeyVersionId: string;
}

async function newKey(KeySpec: string, KeyUsage?: string): Promise<TestKey> {
  const { KeyMetadata } = await kms.call('CreateKey', { KeySpec, KeyUsage });
  const { KeyId, PrimaryKeyVersion } = KeyMetadata as { KeyId: string; PrimaryKeyVersion: string };
  return { KeyId, KeyVersionId: PrimaryKeyVersion };
}

let rsaSigner: TestKey;
let rsaCipher: TestKey;
let ec: TestKey;
beforeAll(async () => {
  rsaSigner = await newKey('RSA_2048');
  rsaCipher = await newKey('RSA_2048', 'ENCRYPT/DECRYPT');
  ec = await newKey('EC_P256');
});

/** SM2, which neither signs SHA-256 nor has a modulus, is in sm2.test.ts. */
const specs = Object.values(keySpecs).filter(({ name }) => name !== 'EC_SM2');
const signers = specs.flatMap(({ name, algorithms }) =>
  (algorithms['SIGN/VERIFY'] ?? []).map((Algorithm): [string, string] => [name, Algorithm]),
);
const ciphers = specs
  .filter(({ name }) => name.startsWith('RSA_'))
  .flatMap(({ name, algorithms }) =>
    (algorithms['ENCRYPT/DECRYPT'] ?? []).map((Algorithm): [string, string] => [name, Algorithm]),
  );

describe('AsymmetricSign and AsymmetricVerify', () => {
  it.each(signers)('%s, %s: anybody verifies the message with the public key', async (spec, Algorithm) => {
    const key = await newKey(spec);
    const { Value, ...names } = await kms.call('AsymmetricSign', { ...key, Algorithm, Digest });
    expect(names).toEqual(key);
    const { PublicKey } = await kms.call('GetPublicKey', { ...key });
    const padding = Algorithm.includes('PSS') && { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
    const signature = Buffer.from(Value as string, 'base64');
    const publicKey = { key: PublicKey as string, ...padding };
    expect(verify('sha256', Buffer.from('message'), publicKey, signature)).toBe(true);
    const asked = { ...key, Algorithm, Digest, Value };
    expect(await kms.call('AsymmetricVerify', asked)).toEqual({ ...key, Value: true });
    const other = createHash('sha256').update('other').digest('base64');
    expect(await kms.call('AsymmetricVerify', { ...asked, Digest: other })).toEqual({ ...key, Value: false });
  });

  it('sign with the version that is named, though it is not the newest', async () => {
    const key = await newKey('EC_P256K');
    const parameters = { ...key, Algorithm: 'ECDSA_SHA_256', Digest };
    const { Value } = await kms.call('AsymmetricSign', parameters);
    kms.clock.advance(7 * day);
    const { KeyVersion } = await kms.call('CreateKeyVersion', key as unknown as Record<string, unknown>);
    const { KeyVersionId } = KeyVersion as { KeyVersionId: string };
    expect(await kms.call('AsymmetricVerify', { ...parameters, Value })).toMatchObject({ Value: true });
    const newer = { ...parameters, KeyVersionId };
    expect(await kms.call('AsymmetricVerify', { ...newer, Value })).toEqual({ ...key, KeyVersionId, Value: false });
    expect(await kms.call('AsymmetricSign', newer)).toMatchObject({ KeyVersionId });
  });

  it('answer false, not an error, to a malformed signature', async () => {
    const parameters = { ...ec, Algorithm: 'ECDSA_SHA_256', Digest };
    for (const Value of ['eA==', 'MAA=', Buffer.alloc(512, 1).toString('base64')]) {
      expect(await kms.call('AsymmetricVerify', { ...parameters, Value })).toMatchObject({ Value: false });
    }
  });

  it.each<[Record<string, unknown>, string]>([
    [{ Digest: 'eA==' }, 'InvalidParameter: The parameter Digest must be base64 of 32 bytes.'],
    [
      { Digest: Buffer.alloc(32).toString('base64') },
      'InvalidParameter: The parameter Digest must be the digest of a message.',
    ],
    [
      { Algorithm: 'SHA' },
      'InvalidParameter: The parameter Algorithm is not valid. It must be one of RSA_PSS_SHA_256, RSA_PKCS1_SHA_256, ECDSA_SHA_256, SM2DSA.',
    ],
  ])('refuse %o', async (parameters, message) => {
    expect(await kms.failure('AsymmetricSign', { ...ec, Algorithm: 'ECDSA_SHA_256', Digest, ...parameters })).toBe(
      message,
    );
  });

  it('refuse an algorithm of another spec, a version of another key, and a key for another usage', async () => {
    const sign = (parameters: Record<string, unknown>): Promise<string> =>
      kms.failure('AsymmetricSign', { Algorithm: 'ECDSA_SHA_256', Digest, ...parameters });
    expect(await sign({ ...rsaSigner })).toBe(
      `InvalidParameter: The parameter Algorithm must be one of RSA_PSS_SHA_256, RSA_PKCS1_SHA_256 for key ${rsaSigner.KeyId}.`,
    );
    expect(await sign({ ...ec, KeyVersionId: rsaSigner.KeyVersionId })).toMatch('Forbidden.KeyVersionNotFound: ');
    expect(await sign({ ...rsaCipher })).toBe(
      `UnsupportedOperation: Key ${rsaCipher.KeyId} is RSA_2048 for ENCRYPT/DECRYPT. Use a key for SIGN/VERIFY.`,
    );
    expect(await sign({ KeyId: await kms.newKey(), KeyVersionId: 'x' })).toMatch(
      'Aliyun_AES_256 for ENCRYPT/DECRYPT. Use a key of an RSA or EC spec for SIGN/VERIFY.',
    );
  });
});

describe('AsymmetricEncrypt and AsymmetricDecrypt', () => {
  it.each(ciphers)('%s, %s: give back the longest plaintext, and take one byte less', async (spec, Algorithm) => {
    const key = { ...(await newKey(spec, 'ENCRYPT/DECRYPT')), Algorithm };
    const modulusBytes = Number(spec.slice('RSA_'.length)) / 8;
    const longest = modulusBytes - (Algorithm.endsWith('_1') ? 42 : 66);
    const Plaintext = Buffer.alloc(longest, 7).toString('base64');
    const { CiphertextBlob, ...names } = await kms.call('AsymmetricEncrypt', { ...key, Plaintext });
    expect(names).toEqual({ KeyId: key.KeyId, KeyVersionId: key.KeyVersionId });
    expect(Buffer.from(CiphertextBlob as string, 'base64')).toHaveLength(modulusBytes);
    expect(await kms.call('AsymmetricDecrypt', { ...key, CiphertextBlob })).toEqual({ ...names, Plaintext });
    const longer = Buffer.alloc(longest + 1).toString('base64');
    expect(await kms.failure('AsymmetricEncrypt', { ...key, Plaintext: longer })).toBe(
      `InvalidParameter: The parameter Plaintext must be base64 of 1 to ${longest} bytes for this key and algorithm.`,
    );
  });

  it.each(['EC_P256', 'EC_P256K'])('%s: encrypt by ECIES, with a key for encryption only', async (spec) => {
    const key = { ...(await newKey(spec, 'ENCRYPT/DECRYPT')), Algorithm: 'ECIES_DH_SHA_1_XOR_HMAC' };
    const Plaintext = Buffer.alloc(6047, 7).toString('base64');
    const { CiphertextBlob, ...names } = await kms.call('AsymmetricEncrypt', { ...key, Plaintext });
    expect(await kms.call('AsymmetricDecrypt', { ...key, CiphertextBlob })).toEqual({ ...names, Plaintext });
    const changed = Buffer.from(CiphertextBlob as string, 'base64');
    changed[100] = (changed[100] ?? 0) ^ 1;
    const forged = { ...key, CiphertextBlob: changed.toString('base64') };
    expect(await kms.failure('AsymmetricDecrypt', forged)).toMatch('InvalidCiphertext: ');
    const signer = await newKey(spec, 'SIGN/VERIFY');
    expect(await kms.failure('AsymmetricEncrypt', { ...key, ...signer, Plaintext: 'eA==' })).toMatch(
      `Key ${signer.KeyId} is ${spec} for SIGN/VERIFY. Use a key for ENCRYPT/DECRYPT.`,
    );
  });

  it('decrypt what somebody else encrypted with the public key', async () => {
    const { PublicKey } = await kms.call('GetPublicKey', { ...rsaCipher });
    const key = { key: createPublicKey(PublicKey as string), oaepHash: 'sha256' };
    const CiphertextBlob = publicEncrypt(key, Buffer.from('hello')).toString('base64');
    const answer = await kms.call('AsymmetricDecrypt', {
      ...rsaCipher,
      Algorithm: 'RSAES_OAEP_SHA_256',
      CiphertextBlob,
    });
    expect(answer).toMatchObject({ Plaintext: Buffer.from('hello').toString('base64') });
  });

  it('E5: a changed ciphertext, another algorithm and another length: one error', async () => {
    const parameters = { ...rsaCipher, Algorithm: 'RSAES_OAEP_SHA_256' };
    const { CiphertextBlob } = await kms.call('AsymmetricEncrypt', { ...parameters, Plaintext: 'c2VjcmV0' });
    const bytes = Buffer.from(CiphertextBlob as string, 'base64');
    const changed = Buffer.from(bytes);
    changed[200] = (changed[200] ?? 0) ^ 1;
    const failures = await Promise.all([
      kms.failure('AsymmetricDecrypt', { ...parameters, CiphertextBlob: changed.toString('base64') }),
      kms.failure('AsymmetricDecrypt', { ...parameters, CiphertextBlob: bytes.subarray(1).toString('base64') }),
      kms.failure('AsymmetricDecrypt', { ...parameters, CiphertextBlob: Buffer.alloc(256, 255).toString('base64') }),
      kms.failure('AsymmetricDecrypt', { ...parameters, CiphertextBlob, Algorithm: 'RSAES_OAEP_SHA_1' }),
    ]);
    expect(new Set(failures).size).toBe(1);
    expect(failures[0]).toMatch('InvalidCiphertext: ');
  });

  it('refuse keys for signatures, and Encrypt refuses asymmetric keys', async () => {
    const encrypt = { Algorithm: 'RSAES_OAEP_SHA_256', Plaintext: 'eA==' };
    expect(await kms.failure('AsymmetricEncrypt', { ...rsaSigner, ...encrypt })).toMatch('UnsupportedOperation: ');
    expect(await kms.failure('Encrypt', { KeyId: rsaCipher.KeyId, Plaintext: 'eA==' })).toBe(
      `UnsupportedOperation: Key ${rsaCipher.KeyId} is RSA_2048 for ENCRYPT/DECRYPT. Use a key of a symmetric spec for ENCRYPT/DECRYPT.`,
    );
    expect(await kms.failure('GenerateDataKey', { KeyId: rsaCipher.KeyId })).toMatch('UnsupportedOperation: ');
  });
});

describe('GetPublicKey', () => {
  it('gives PEM, and nothing for a symmetric key', async () => {
    const { PublicKey, ...names } = await kms.call('GetPublicKey', { ...ec });
    expect(names).toEqual(ec);
    expect(PublicKey).toMatch(/^-----BEGIN PUBLIC KEY-----\n/);
    const KeyId = await kms.newKey();
    expect(await kms.failure('GetPublicKey', { KeyId, KeyVersionId: 'x' })).toMatch('UnsupportedOperation: ');
  });
});

describe('asymmetric actions', () => {
  const everything = { Digest, Value: 'eA==', Plaintext: 'eA==', CiphertextBlob: 'eA==' };
  const actions: [string, Record<string, unknown>][] = [
    ['AsymmetricSign', { Algorithm: 'RSA_PSS_SHA_256' }],
    ['AsymmetricVerify', { Algorithm: 'RSA_PSS_SHA_256' }],
    ['AsymmetricEncrypt', { Algorithm: 'RSAES_OAEP_SHA_256' }],
    ['AsymmetricDecrypt', { Algorithm: 'RSAES_OAEP_SHA_256' }],
    ['GetPublicKey', {}],
  ];

  it.each(actions)('E1: %s refuses a disabled key and one about to be deleted', async (name, parameters) => {
    const key = await newKey('RSA_2048', name.endsWith('crypt') ? 'ENCRYPT/DECRYPT' : 'SIGN/VERIFY');
    const call = { ...everything, ...parameters, ...key };
    expect(await kms.access(name, call)).toEqual([`kms:${name} on ${arn(`key/${key.KeyId}`)}`]);
    await kms.call('DisableKey', { KeyId: key.KeyId });
    expect(await kms.failure(name, call)).toMatch('Rejected.Disabled: ');
    await kms.call('ScheduleKeyDeletion', { KeyId: key.KeyId, PendingWindowInDays: '7' });
    expect(await kms.failure(name, call)).toMatch('Rejected.PendingDeletion: ');
  });
});
