import { constants, createPublicKey, publicEncrypt, randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { asymmetricCiphers } from '../../../../src/crypto/asymmetric.ts';
import { importTokenTable } from '../../../../src/kms/records/import-token.ts';
import { sweepImportTokens } from '../../../../src/kms/import-tokens.ts';
import { sweepExpiredMaterial } from '../../../../src/kms/key-material.ts';
import { keyVersionTable } from '../../../../src/kms/records/key-version.ts';
import { arn, KmsScene } from '../../kms-scene.ts';

const hour = 3_600_000;
const oaep = { WrappingKeySpec: 'RSA_2048', WrappingAlgorithm: 'RSAES_OAEP_SHA_256' };
let kms: KmsScene;
let KeyId: string;
beforeEach(async () => {
  kms = new KmsScene();
  KeyId = await kms.newKey({ Origin: 'EXTERNAL' });
});

/** Wraps as a caller does who has OpenSSL. */
const wrappers: Record<string, (spki: Buffer, material: Uint8Array) => Buffer> = {
  RSAES_OAEP_SHA_256: (spki, material) => rsa(spki, material, constants.RSA_PKCS1_OAEP_PADDING, 'sha256'),
  RSAES_OAEP_SHA_1: (spki, material) => rsa(spki, material, constants.RSA_PKCS1_OAEP_PADDING, 'sha1'),
  RSAES_PKCS1_V1_5: (spki, material) => rsa(spki, material, constants.RSA_PKCS1_PADDING),
  SM2PKE: (spki, material) =>
    asymmetricCiphers
      .get('SM2PKE')
      ?.encrypt(createPublicKey({ key: spki, format: 'der', type: 'spki' }), material, randomBytes) ?? Buffer.alloc(0),
};

function rsa(spki: Buffer, material: Uint8Array, padding: number, oaepHash?: string): Buffer {
  const key = createPublicKey({ key: spki, format: 'der', type: 'spki' });
  return publicEncrypt({ key, padding, ...(oaepHash !== undefined && { oaepHash }) }, material);
}

type Prepared = Record<'KeyId' | 'ImportToken' | 'EncryptedKeyMaterial', string>;

async function prepare(material: Uint8Array, wrapping: Record<string, string> = oaep, key = KeyId): Promise<Prepared> {
  const answer = (await kms.call('GetParametersForImport', { KeyId: key, ...wrapping })) as Record<string, string>;
  const wrapped = wrappers[wrapping['WrappingAlgorithm'] ?? '']?.(
    Buffer.from(answer['PublicKey'] ?? '', 'base64'),
    material,
  );
  return {
    KeyId: key,
    ImportToken: answer['ImportToken'] ?? '',
    EncryptedKeyMaterial: wrapped?.toString('base64') ?? '',
  };
}

async function importNow(material: Uint8Array, parameters: Record<string, unknown> = {}, key = KeyId): Promise<void> {
  await kms.call('ImportKeyMaterial', { ...(await prepare(material, oaep, key)), ...parameters });
}

const material = Buffer.alloc(32, 7);
const invalid = /^InvalidKeyMaterial: The material cannot be imported. Wrap exactly as many bytes/;

describe('a key of origin EXTERNAL', () => {
  it('waits for its material, without a version, and refuses to work meanwhile', async () => {
    expect(await kms.call('DescribeKey', { KeyId })).toMatchObject({
      KeyMetadata: { KeyState: 'PendingImport', Origin: 'EXTERNAL', PrimaryKeyVersion: '', MaterialExpireTime: '' },
    });
    const pending = `Rejected.PendingImport: Key ${KeyId} is in the state PendingImport. Import its material with ImportKeyMaterial.`;
    expect(await kms.failure('Encrypt', { KeyId, Plaintext: 'eA==' })).toBe(pending);
    for (const action of ['EnableKey', 'DisableKey']) {
      expect(await kms.failure(action, { KeyId })).toMatch(/^Rejected.StateModifiedFailed: /);
    }
  });

  it.each([
    ['RSA_2048', 'RSAES_OAEP_SHA_256'],
    ['RSA_2048', 'RSAES_OAEP_SHA_1'],
    ['RSA_2048', 'RSAES_PKCS1_V1_5'],
    ['EC_SM2', 'SM2PKE'],
  ])(
    'takes material wrapped under %s by %s, and works with exactly that',
    async (WrappingKeySpec, WrappingAlgorithm) => {
      const mine = randomBytes(32);
      await kms.call('ImportKeyMaterial', await prepare(mine, { WrappingKeySpec, WrappingAlgorithm }));
      const { CiphertextBlob, KeyVersionId } = await kms.call('Encrypt', { KeyId, Plaintext: 'eA==' });
      expect(await kms.call('Decrypt', { CiphertextBlob })).toMatchObject({ Plaintext: 'eA==' });
      const version = await keyVersionTable.get(kms.store, KeyVersionId as string);
      expect(version?.material).toBe(mine.toString('base64'));
    },
  );

  it.each([
    ['Aliyun_AES_128', 16],
    ['Aliyun_AES_192', 24],
    ['Aliyun_AES_256', 32],
    ['Aliyun_SM4', 16],
    ['HMAC_SHA_256', 32],
  ])('%s takes %i bytes and no other number', async (KeySpec, bytes) => {
    const key = await kms.newKey({ Origin: 'EXTERNAL', KeySpec });
    for (const wrong of [bytes - 1, bytes + 1, 1]) {
      expect(await kms.failure('ImportKeyMaterial', { ...(await prepare(randomBytes(wrong), oaep, key)) })).toMatch(
        invalid,
      );
    }
    await importNow(randomBytes(bytes), {}, key);
    expect(await kms.keyState(key)).toBe('Enabled');
  });

  it('needs the permission of each action on the key', async () => {
    for (const action of ['GetParametersForImport', 'ImportKeyMaterial', 'DeleteKeyMaterial']) {
      const parameters = { KeyId, ...oaep, EncryptedKeyMaterial: 'eA==', ImportToken: 'eA==' };
      expect(await kms.access(action, parameters)).toEqual([`kms:${action} on ${arn(`key/${KeyId}`)}`]);
    }
  });

  it('is not rotated, neither by hand nor by itself', async () => {
    await importNow(material);
    kms.clock.advance(30 * 24 * hour);
    expect(await kms.failure('CreateKeyVersion', { KeyId })).toMatch(/^UnsupportedOperation: /);
    const rotation = { EnableAutomaticRotation: 'true', RotationInterval: '30d' };
    expect(await kms.failure('UpdateRotationPolicy', { KeyId, ...rotation })).toMatch(/^UnsupportedOperation: /);
    expect(await kms.failure('CreateKey', { Origin: 'EXTERNAL', ...rotation })).toMatch(/^UnsupportedOperation: /);
  });
});

describe('E2: import', () => {
  it('E2: takes no other material than the key had, and the old one again at any time', async () => {
    await importNow(material);
    const { CiphertextBlob } = await kms.call('Encrypt', { KeyId, Plaintext: 'eA==' });
    const other = await prepare(Buffer.alloc(32, 8));
    expect(await kms.failure('ImportKeyMaterial', { ...other })).toMatch(invalid);
    await kms.call('DeleteKeyMaterial', { KeyId });
    expect(await kms.keyState(KeyId)).toBe('PendingImport');
    expect(await kms.failure('Decrypt', { CiphertextBlob })).toMatch(/^Rejected.PendingImport: /);
    expect(await kms.failure('ImportKeyMaterial', { ...(await prepare(Buffer.alloc(32, 8))) })).toMatch(invalid);
    await importNow(material);
    expect(await kms.call('Decrypt', { CiphertextBlob })).toMatchObject({ KeyId, Plaintext: 'eA==' });
  });

  it('E2: takes no token of another key, none that was made up, and nothing wrapped for another token', async () => {
    const mine = await prepare(material);
    const theirs = await prepare(material, oaep, await kms.newKey({ Origin: 'EXTERNAL' }));
    const none = new RegExp(`^InvalidImportToken: The ImportToken is none of key ${KeyId}`);
    for (const ImportToken of [theirs.ImportToken, randomBytes(256).toString('base64'), 'eA==']) {
      expect(await kms.failure('ImportKeyMaterial', { ...mine, ImportToken })).toMatch(none);
    }
    const again = await prepare(material);
    const swapped = { ...mine, EncryptedKeyMaterial: again.EncryptedKeyMaterial };
    expect(await kms.failure('ImportKeyMaterial', swapped)).toMatch(invalid);
    expect(await kms.keyState(KeyId)).toBe('PendingImport');
  });

  it('E2: takes a token for 24 hours, says for a week that it has expired, and then knows it no more', async () => {
    const { TokenExpireTime } = await kms.call('GetParametersForImport', { KeyId, ...oaep });
    expect(TokenExpireTime).toBe('2026-01-02T00:00:00Z');
    const prepared = await prepare(material);
    kms.clock.advance(24 * hour - 1);
    await kms.call('ImportKeyMaterial', { ...prepared });
    kms.clock.advance(1);
    expect(await kms.failure('ImportKeyMaterial', { ...prepared })).toMatch(/^ExpiredImportToken: /);
    await sweepImportTokens(kms.dependencies);
    expect(await kms.failure('ImportKeyMaterial', { ...prepared })).toMatch(/^ExpiredImportToken: /);
    kms.clock.advance(7 * 24 * hour);
    await sweepImportTokens(kms.dependencies);
    expect(await kms.failure('ImportKeyMaterial', { ...prepared })).toMatch(/^InvalidImportToken: /);
    expect(await importTokenTable.all(kms.store)).toEqual([]);
  });

  it.each(['RSAES_PKCS1_V1_5', 'RSAES_OAEP_SHA_256'])(
    'E2: %s: tells nothing of what was wrong, and gives a token up after five refusals',
    async (WrappingAlgorithm) => {
      const good = await prepare(material, { WrappingKeySpec: 'RSA_2048', WrappingAlgorithm });
      const wrapped = Buffer.from(good.EncryptedKeyMaterial, 'base64');
      const flipped = Buffer.from(wrapped);
      flipped[20] = (flipped[20] ?? 0) ^ 1;
      const wrong = [flipped, Buffer.alloc(256), Buffer.alloc(256, 0xff), wrapped.subarray(1), randomBytes(300)];
      for (const bytes of wrong) {
        const EncryptedKeyMaterial = bytes.toString('base64');
        expect(await kms.failure('ImportKeyMaterial', { ...good, EncryptedKeyMaterial })).toMatch(invalid);
      }
      expect(await kms.failure('ImportKeyMaterial', { ...good })).toMatch(/^InvalidImportToken: /);
    },
  );

  it('E2: refuses keys whose material was made here', async () => {
    const other = await kms.newKey();
    const parameters = { KeyId: other, ...oaep, EncryptedKeyMaterial: 'eA==', ImportToken: 'eA==' };
    for (const action of ['GetParametersForImport', 'ImportKeyMaterial', 'DeleteKeyMaterial']) {
      expect(await kms.failure(action, parameters)).toMatch(/^Unsupported.Origin: /);
    }
    expect(await kms.keyState(other)).toBe('Enabled');
  });

  it('E2: of two first imports at the same time, one material stays and the other is refused', async () => {
    const prepared = await Promise.all([1, 2, 3, 4].map((fill) => prepare(Buffer.alloc(32, fill))));
    const outcomes = await Promise.allSettled(prepared.map((one) => kms.call('ImportKeyMaterial', { ...one })));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const { versions } = (await kms.store.scan('kms/keys')).map(({ value }) =>
      JSON.parse(Buffer.from(value).toString()),
    )[0];
    expect(versions).toHaveLength(1);
  });

  it('refuses an algorithm that does not go with the key spec of the wrapping key', async () => {
    expect(
      await kms.failure('GetParametersForImport', {
        KeyId,
        WrappingKeySpec: 'EC_SM2',
        WrappingAlgorithm: 'RSAES_OAEP_SHA_1',
      }),
    ).toBe('InvalidParameter: The parameter WrappingAlgorithm must be one of SM2PKE for this key and WrappingKeySpec.');
  });

  it('keeps ten tokens of a key; the one that expires first makes room', async () => {
    const first = await prepare(material, { WrappingKeySpec: 'EC_SM2', WrappingAlgorithm: 'SM2PKE' });
    for (let i = 0; i < 10; i += 1) {
      kms.clock.advance(1);
      await kms.call('GetParametersForImport', { KeyId, WrappingKeySpec: 'EC_SM2', WrappingAlgorithm: 'SM2PKE' });
    }
    expect(await importTokenTable.all(kms.store)).toHaveLength(10);
    expect(await kms.failure('ImportKeyMaterial', { ...first })).toMatch(/^InvalidImportToken: /);
  });
});

describe('material with an end', () => {
  const seconds = (): number => Math.floor(kms.clock.now() / 1000);

  it('E1: is not used from that second on, before anything sweeps it, and is taken again', async () => {
    await importNow(material, { KeyMaterialExpireUnix: String(seconds() + 3600) });
    expect(await kms.call('DescribeKey', { KeyId })).toMatchObject({
      KeyMetadata: { KeyState: 'Enabled', MaterialExpireTime: '2026-01-01T01:00:00Z' },
    });
    const { CiphertextBlob, KeyVersionId } = await kms.call('Encrypt', { KeyId, Plaintext: 'eA==' });
    kms.clock.advance(hour - 1);
    await kms.call('Encrypt', { KeyId, Plaintext: 'eA==' });
    kms.clock.advance(1);
    expect(await kms.failure('Encrypt', { KeyId, Plaintext: 'eA==' })).toMatch(/^Rejected.PendingImport: /);
    expect(await kms.failure('Decrypt', { CiphertextBlob })).toMatch(/^Rejected.PendingImport: /);
    expect(await kms.keyState(KeyId)).toBe('PendingImport');
    const Filters = '[{"Key":"KeyState","Values":["PendingImport"]}]';
    expect(await kms.call('ListKeys', { Filters })).toMatchObject({ TotalCount: 1 });
    await importNow(material);
    expect(await kms.call('Decrypt', { CiphertextBlob })).toMatchObject({ KeyVersionId, Plaintext: 'eA==' });
  });

  it('is destroyed by the sweep, which leaves everything else alone', async () => {
    const other = await kms.newKey();
    await importNow(material, { KeyMaterialExpireUnix: String(seconds() + 60) });
    expect(await sweepExpiredMaterial(kms.dependencies)).toEqual([]);
    kms.clock.advance(60_000);
    expect(await sweepExpiredMaterial(kms.dependencies)).toEqual([KeyId]);
    expect(await sweepExpiredMaterial(kms.dependencies)).toEqual([]);
    expect(await kms.keyState(other)).toBe('Enabled');
    const versions = await keyVersionTable.all(kms.store);
    expect(versions.filter(({ record }) => record.material !== '').map(({ record }) => record.keyId)).toEqual([other]);
  });

  it('ends in the future or never', async () => {
    const prepared = await prepare(material);
    for (const KeyMaterialExpireUnix of [seconds(), 1, 253_402_300_800, -1]) {
      expect(
        await kms.failure('ImportKeyMaterial', { ...prepared, KeyMaterialExpireUnix: String(KeyMaterialExpireUnix) }),
      ).toMatch(/^InvalidParameter: The parameter KeyMaterialExpireUnix /);
    }
    await kms.call('ImportKeyMaterial', { ...prepared, KeyMaterialExpireUnix: '0' });
    kms.clock.advance(100 * 365 * 24 * hour);
    expect(await kms.keyState(KeyId)).toBe('Enabled');
  });
});

describe('the state of a key that is imported', () => {
  it('takes no material while it is about to be deleted; afterwards it is as much as it has', async () => {
    const prepared = await prepare(material);
    await kms.call('ScheduleKeyDeletion', { KeyId, PendingWindowInDays: '7' });
    expect(await kms.failure('ImportKeyMaterial', { ...prepared })).toMatch(/^Rejected.StateModifiedFailed: /);
    await kms.call('CancelKeyDeletion', { KeyId });
    expect(await kms.keyState(KeyId)).toBe('PendingImport');
    await kms.call('ImportKeyMaterial', { ...prepared });
    await kms.call('ScheduleKeyDeletion', { KeyId, PendingWindowInDays: '7' });
    await kms.call('DeleteKeyMaterial', { KeyId });
    expect(await kms.keyState(KeyId)).toBe('PendingDeletion');
    await kms.call('CancelKeyDeletion', { KeyId });
    expect(await kms.keyState(KeyId)).toBe('PendingImport');
  });

  it('stays disabled when material that it has is imported again', async () => {
    await importNow(material);
    await kms.call('DisableKey', { KeyId });
    await importNow(material);
    expect(await kms.keyState(KeyId)).toBe('Disabled');
  });
});
