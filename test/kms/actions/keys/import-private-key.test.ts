import {
  constants,
  createCipheriv,
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  publicEncrypt,
  randomBytes,
  verify,
  type KeyObject,
} from 'node:crypto';
import * as fc from 'fast-check';
import { sm2 } from 'sm-crypto-v2';
import { beforeEach, describe, expect, it } from 'vitest';
import { signatureAlgorithms } from '../../../../src/crypto/asymmetric.ts';
import { derInteger, derOctetString, derSequence } from '../../../../src/crypto/der.ts';
import { publicPoint } from '../../../../src/crypto/sm2.ts';
import { SoftwareProvider } from '../../../../src/providers/software-provider.ts';
import { KmsScene } from '../../kms-scene.ts';

const invalid = /^InvalidKeyMaterial: The material cannot be imported/;
const rsaAes = { WrappingKeySpec: 'RSA_2048', WrappingAlgorithm: 'RSAES_OAEP_SHA_256_AES_256_ECB_PKCS7_PAD' };
const sm2Sm4 = { WrappingKeySpec: 'EC_SM2', WrappingAlgorithm: 'SM2PKE_SM4_ECB' };
type Wrapping = typeof rsaAes;

let kms: KmsScene;
beforeEach(() => {
  kms = new KmsScene();
});

const pkcs8 = (key: KeyObject): Buffer => key.export({ format: 'der', type: 'pkcs8' });
const rsaKey = (modulusLength: number, publicExponent = 65_537): KeyObject =>
  generateKeyPairSync('rsa', { modulusLength, publicExponent }).privateKey;
const ecKey = (namedCurve: string): KeyObject => generateKeyPairSync('ec', { namedCurve }).privateKey;
/** D of a private key of SM2: the OCTET STRING of 32 bytes in ECPrivateKey (RFC 5915). */
const scalarOf = (key: KeyObject): Buffer =>
  Buffer.from(/0201010420([0-9a-f]{64})/.exec(pkcs8(key).toString('hex'))?.[1] ?? '', 'hex');

function cipher(name: string, key: Buffer, bytes: Uint8Array, padded: boolean): Buffer {
  const sealing = createCipheriv(name, key, null).setAutoPadding(padded);
  return Buffer.concat([sealing.update(bytes), sealing.final()]);
}

/** As Alibaba's guide wraps: an ephemeral key under the public key, and the private key under the ephemeral key. */
function rsaEnvelope(spki: Buffer, bytes: Uint8Array, ephemeral = randomBytes(32)): Buffer {
  const key = createPublicKey({ key: spki, format: 'der', type: 'spki' });
  const oaep = { key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' };
  const body = ephemeral.length === 32 ? cipher('aes-256-ecb', ephemeral, bytes, true) : Buffer.from(bytes);
  return Buffer.concat([publicEncrypt(oaep, ephemeral), body]);
}

/** C1 ‖ C3 ‖ C2 with 0x04 before it, which is what Bouncy Castle's SM2Engine gives. */
function bareSm2(spki: Buffer, bytes: Uint8Array): Buffer {
  const point = publicPoint(createPublicKey({ key: spki, format: 'der', type: 'spki' })).toString('hex');
  return Buffer.from(`04${sm2.doEncrypt(bytes, point, 1)}`, 'hex');
}

function derSm2(spki: Buffer, bytes: Uint8Array): Buffer {
  const bare = bareSm2(spki, bytes);
  return derSequence(
    derInteger(bare.subarray(1, 33)),
    derInteger(bare.subarray(33, 65)),
    derOctetString(bare.subarray(65, 97)),
    derOctetString(bare.subarray(97)),
  );
}

const sm2Envelope =
  (encrypt: (spki: Buffer, bytes: Uint8Array) => Buffer, ephemeral = randomBytes(16)) =>
  (spki: Buffer, bytes: Uint8Array): Buffer =>
    Buffer.concat([encrypt(spki, ephemeral), cipher('sm4-ecb', ephemeral, bytes, false)]);

type Wrap = (spki: Buffer, bytes: Uint8Array) => Buffer;
type Prepared = Record<'KeyId' | 'ImportToken' | 'EncryptedKeyMaterial', string>;

async function prepare(KeyId: string, bytes: Uint8Array, wrapping: Wrapping = rsaAes, wrap: Wrap = rsaEnvelope) {
  const answer = (await kms.call('GetParametersForImport', { KeyId, ...wrapping })) as Record<string, string>;
  const wrapped = wrap(Buffer.from(answer['PublicKey'] ?? '', 'base64'), bytes);
  const prepared: Prepared = {
    KeyId,
    ImportToken: answer['ImportToken'] ?? '',
    EncryptedKeyMaterial: wrapped.toString('base64'),
  };
  return prepared;
}

const newKey = (KeySpec: string, KeyUsage = 'SIGN/VERIFY'): Promise<string> =>
  kms.newKey({ Origin: 'EXTERNAL', KeySpec, KeyUsage });

async function versionOf(KeyId: string): Promise<string> {
  const { KeyMetadata } = (await kms.call('DescribeKey', { KeyId })) as { KeyMetadata: { PrimaryKeyVersion: string } };
  return KeyMetadata.PrimaryKeyVersion;
}

async function sign(KeyId: string, Algorithm: string, digest: Buffer): Promise<Buffer> {
  const call = { KeyId, KeyVersionId: await versionOf(KeyId), Algorithm, Digest: digest.toString('base64') };
  return Buffer.from(String((await kms.call('AsymmetricSign', call))['Value']), 'base64');
}

const specs: readonly [spec: string, algorithm: string, make: () => KeyObject][] = [
  ['RSA_2048', 'RSA_PSS_SHA_256', () => rsaKey(2048)],
  ['RSA_3072', 'RSA_PKCS1_SHA_256', () => rsaKey(3072)],
  ['RSA_4096', 'RSA_PKCS1_SHA_256', () => rsaKey(4096)],
  ['EC_P256', 'ECDSA_SHA_256', () => ecKey('prime256v1')],
  ['EC_P256K', 'ECDSA_SHA_256', () => ecKey('secp256k1')],
  ['EC_SM2', 'SM2DSA', () => ecKey('SM2')],
];

const sm2Forms: readonly [form: string, wrapping: Wrapping, wrap: Wrap, bytes: (key: KeyObject) => Buffer][] = [
  ['32 bytes under SM4, the SM4 key as C1‖C3‖C2', sm2Sm4, sm2Envelope(bareSm2), scalarOf],
  ['32 bytes under SM4, the SM4 key in DER', sm2Sm4, sm2Envelope(derSm2), scalarOf],
  ['32 bytes under AES', rsaAes, rsaEnvelope, scalarOf],
];

describe('A private key from outside', () => {
  it.each(specs)('of %s signs by %s as whoever brought it would', async (spec, algorithm, make) => {
    const mine = make();
    const KeyId = await newKey(spec);
    await kms.call('ImportKeyMaterial', await prepare(KeyId, pkcs8(mine)));
    const digest = createHash('sha256').update('message').digest();
    const signature = await sign(KeyId, algorithm, digest);
    expect(signatureAlgorithms.get(algorithm)?.verify(createPublicKey(mine), digest, signature)).toBe(true);
    const { PublicKey } = await kms.call('GetPublicKey', { KeyId, KeyVersionId: await versionOf(KeyId) });
    expect(PublicKey).toBe(createPublicKey(mine).export({ format: 'pem', type: 'spki' }));
  });

  it('makes signatures that OpenSSL verifies, over the message itself', async () => {
    const mine = ecKey('prime256v1');
    const KeyId = await newKey('EC_P256');
    await kms.call('ImportKeyMaterial', await prepare(KeyId, pkcs8(mine)));
    const signature = await sign(KeyId, 'ECDSA_SHA_256', createHash('sha256').update('message').digest());
    expect(verify('sha256', Buffer.from('message'), createPublicKey(mine), signature)).toBe(true);
  });

  it.each(sm2Forms)('of EC_SM2 comes as %s', async (_form, wrapping, wrap, bytes) => {
    const mine = ecKey('SM2');
    const KeyId = await newKey('EC_SM2');
    await kms.call('ImportKeyMaterial', await prepare(KeyId, bytes(mine), wrapping, wrap));
    const digest = randomBytes(32);
    const signature = await sign(KeyId, 'SM2DSA', digest);
    expect(signatureAlgorithms.get('SM2DSA')?.verify(createPublicKey(mine), digest, signature)).toBe(true);
  });

  it('decrypts what was encrypted for it before it came', async () => {
    const mine = rsaKey(2048);
    const oaep = { key: createPublicKey(mine), padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' };
    const CiphertextBlob = publicEncrypt(oaep, Buffer.from('earlier')).toString('base64');
    const KeyId = await newKey('RSA_2048', 'ENCRYPT/DECRYPT');
    await kms.call('ImportKeyMaterial', await prepare(KeyId, pkcs8(mine)));
    const call = { KeyId, KeyVersionId: await versionOf(KeyId), Algorithm: 'RSAES_OAEP_SHA_256', CiphertextBlob };
    expect(await kms.call('AsymmetricDecrypt', call)).toMatchObject({
      Plaintext: Buffer.from('earlier').toString('base64'),
    });
  });

  it('E2: goes and comes back as the same version, in whatever spelling, and no other takes its place', async () => {
    const mine = ecKey('prime256v1');
    const KeyId = await newKey('EC_P256');
    await kms.call('ImportKeyMaterial', await prepare(KeyId, pkcs8(mine)));
    const version = await versionOf(KeyId);
    await kms.call('DeleteKeyMaterial', { KeyId });
    const call = {
      KeyId,
      KeyVersionId: version,
      Algorithm: 'ECDSA_SHA_256',
      Digest: randomBytes(32).toString('base64'),
    };
    expect(await kms.failure('AsymmetricSign', call)).toMatch(/^Rejected.PendingImport: /);
    expect(await kms.failure('GetPublicKey', { KeyId, KeyVersionId: version })).toMatch(/^Rejected.PendingImport: /);
    expect(await kms.failure('ImportKeyMaterial', await prepare(KeyId, pkcs8(ecKey('prime256v1'))))).toMatch(invalid);
    await kms.call('ImportKeyMaterial', await prepare(KeyId, withoutPublicKey(mine)));
    expect(await versionOf(KeyId)).toBe(version);
    expect(await kms.call('AsymmetricSign', call)).toMatchObject({ KeyVersionId: version });
  });
});

/** The same key as RFC 5915 allows it to be written: without its public half. */
function withoutPublicKey(key: KeyObject): Buffer {
  const d = scalarOf(key);
  const algorithm = Buffer.from('301306072a8648ce3d020106082a8648ce3d030107', 'hex');
  return derSequence(derInteger(0), algorithm, derOctetString(derSequence(derInteger(1), derOctetString(d))));
}

/** PKCS #8 of one key with the public half of another. */
function withOtherPublicKey(): Buffer {
  const [mine, other] = [ecKey('prime256v1'), ecKey('prime256v1')];
  const point = (key: KeyObject): string =>
    createPublicKey(key).export({ format: 'der', type: 'spki' }).toString('hex').slice(-130);
  const spoiled = Buffer.from(pkcs8(mine).toString('hex').replace(point(mine), point(other)), 'hex');
  if (spoiled.equals(pkcs8(mine))) throw new Error('nothing was spoiled');
  return spoiled;
}

const notTaken: readonly [what: string, spec: string, bytes: () => Buffer][] = [
  ['a longer key of RSA', 'RSA_2048', () => pkcs8(rsaKey(3072))],
  ['a key of RSA whose public exponent is 3', 'RSA_2048', () => pkcs8(rsaKey(2048, 3))],
  [
    'a key that is for RSA-PSS alone',
    'RSA_2048',
    () => pkcs8(generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).privateKey),
  ],
  ['a key of RSA in PKCS #1', 'RSA_2048', () => rsaKey(2048).export({ format: 'der', type: 'pkcs1' })],
  ['a public key', 'RSA_2048', () => createPublicKey(rsaKey(2048)).export({ format: 'der', type: 'spki' })],
  ['PEM', 'EC_P256', () => Buffer.from(ecKey('prime256v1').export({ format: 'pem', type: 'pkcs8' }))],
  ['a key of another curve', 'EC_P256', () => pkcs8(ecKey('secp256k1'))],
  ['a key of RSA', 'EC_P256', () => pkcs8(rsaKey(2048))],
  ['a key with the public half of another', 'EC_P256', withOtherPublicKey],
  ['a key of SM2', 'EC_P256K', () => pkcs8(ecKey('SM2'))],
  ['a key of P-256', 'EC_SM2', () => pkcs8(ecKey('prime256v1'))],
  ['zero', 'EC_SM2', () => Buffer.alloc(32)],
  ['the largest number of 256 bits', 'EC_SM2', () => Buffer.alloc(32, 0xff)],
  ['31 bytes', 'EC_SM2', () => randomBytes(31)],
  [
    'an encrypted key',
    'EC_P256',
    () => ecKey('prime256v1').export({ format: 'der', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'x' }),
  ],
  ['nothing', 'EC_P256', () => Buffer.alloc(0)],
];

describe('E2: what a key for a private key refuses', () => {
  it.each(notTaken)('%s, for %s', async (_what, spec, bytes) => {
    const KeyId = await newKey(spec);
    expect(await kms.failure('ImportKeyMaterial', await prepare(KeyId, bytes()))).toMatch(invalid);
    expect(await kms.keyState(KeyId)).toBe('PendingImport');
  });

  it('an envelope with an ephemeral key of another length', async () => {
    const KeyId = await newKey('EC_P256');
    const wrap: Wrap = (spki, bytes) => rsaEnvelope(spki, bytes, randomBytes(16));
    expect(
      await kms.failure('ImportKeyMaterial', await prepare(KeyId, pkcs8(ecKey('prime256v1')), rsaAes, wrap)),
    ).toMatch(invalid);
  });

  it('gives the token up after five envelopes that do not open, and says the same of each', async () => {
    const KeyId = await newKey('EC_P256');
    const good = await prepare(KeyId, pkcs8(ecKey('prime256v1')));
    const wrapped = Buffer.from(good.EncryptedKeyMaterial, 'base64');
    const flipped = (at: number): Buffer => {
      const bytes = Buffer.from(wrapped);
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      return bytes;
    };
    const wrong = [
      flipped(7),
      flipped(260),
      flipped(wrapped.length - 1),
      wrapped.subarray(0, 256),
      wrapped.subarray(0, -16),
    ];
    const said = new Set<string>();
    for (const bytes of wrong) {
      said.add(await kms.failure('ImportKeyMaterial', { ...good, EncryptedKeyMaterial: bytes.toString('base64') }));
    }
    expect(said.size).toBe(1);
    expect([...said][0]).toMatch(invalid);
    expect(await kms.failure('ImportKeyMaterial', good)).toMatch(/^InvalidImportToken: /);
  });

  it('whatever bytes an envelope holds, without falling over', async () => {
    const KeyId = await newKey('EC_SM2');
    const property = fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 400 }), async (bytes) => {
      const prepared = await prepare(KeyId, Buffer.alloc(16), sm2Sm4, () => Buffer.from(bytes));
      expect(await kms.failure('ImportKeyMaterial', prepared)).toMatch(invalid);
    });
    await fc.assert(property, { numRuns: 100 });
  });

  it('the ways to wrap symmetric keys; and those refuse envelopes', async () => {
    const oaep = { WrappingKeySpec: 'RSA_2048', WrappingAlgorithm: 'RSAES_OAEP_SHA_256' };
    const asymmetric = { KeyId: await newKey('EC_P256'), ...oaep };
    const symmetric = { KeyId: await kms.newKey({ Origin: 'EXTERNAL' }), ...rsaAes };
    expect(await kms.failure('GetParametersForImport', asymmetric)).toMatch(
      /^InvalidParameter: .* must be one of RSAES_OAEP_SHA_256_AES_256_ECB_PKCS7_PAD for this key/,
    );
    expect(await kms.failure('GetParametersForImport', symmetric)).toMatch(
      /^InvalidParameter: .* must be one of RSAES_OAEP_SHA_256, RSAES_OAEP_SHA_1, RSAES_PKCS1_V1_5 for this key/,
    );
  });

  it('an HSM takes none', async () => {
    const software = new SoftwareProvider({ random: randomBytes });
    kms = new KmsScene([{ id: 'kst-hsm', type: 'Hardware' }], { pkcs11: software });
    const parameters = { Origin: 'EXTERNAL', KeySpec: 'RSA_2048', DKMSInstanceId: 'kst-hsm' };
    expect(await kms.failure('CreateKey', parameters)).toMatch(/^Unsupported.Origin: Material of RSA_2048 keys cannot/);
    expect(await kms.newKey({ Origin: 'EXTERNAL', DKMSInstanceId: 'kst-hsm' })).toMatch(/^key-/);
  });
});

describe('A key half that does not fit the other', () => {
  it('is found out, or the key works: for any byte of a private key that is changed', async () => {
    const mine = pkcs8(rsaKey(2048));
    const property = fc.asyncProperty(fc.nat(mine.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
      const KeyId = await newKey('RSA_2048');
      const bytes = Buffer.from(mine);
      bytes[at] = (bytes[at] ?? 0) ^ change;
      const prepared = await prepare(KeyId, bytes);
      const outcome = await kms.call('ImportKeyMaterial', prepared).then(
        () => 'OK',
        (error: Error) => error.message,
      );
      if (outcome !== 'OK') {
        expect(outcome).toMatch(/^The material cannot be imported/);
        return;
      }
      const digest = randomBytes(32);
      const signature = await sign(KeyId, 'RSA_PSS_SHA_256', digest);
      const { PublicKey } = await kms.call('GetPublicKey', { KeyId, KeyVersionId: await versionOf(KeyId) });
      const row = signatureAlgorithms.get('RSA_PSS_SHA_256');
      expect(row?.verify(createPublicKey(String(PublicKey)), digest, signature)).toBe(true);
    });
    await fc.assert(property, { numRuns: 20 });
  });

  it('never happens to the key that is stored: OpenSSL spells it', async () => {
    const KeyId = await newKey('EC_P256');
    const mine = ecKey('prime256v1');
    await kms.call('ImportKeyMaterial', await prepare(KeyId, withoutPublicKey(mine)));
    const [version] = await kms.store.scan('kms/key-versions');
    const { material } = JSON.parse(Buffer.from(version?.value ?? []).toString()) as { material: string };
    const stored = createPrivateKey({ key: Buffer.from(material, 'base64'), format: 'der', type: 'pkcs8' });
    expect(pkcs8(stored).equals(pkcs8(mine))).toBe(true);
  });
});
