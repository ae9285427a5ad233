import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { instance, XkiScene } from '../../../support/xki-scene.ts';
import { KmsScene } from '../../kms-scene.ts';

const Plaintext = Buffer.from('text').toString('base64');

describe('Keys of an External instance', () => {
  let owner: XkiScene;
  let kms: KmsScene;
  let KeyId: string;
  beforeAll(async () => {
    owner = await XkiScene.start();
    const client = owner.client();
    kms = new KmsScene([{ id: instance, type: 'External' }], { xki: owner.provider(client) });
    KeyId = await kms.newKey({ DKMSInstanceId: instance, ExternalKeyId: 'full' });
  });
  afterAll(() => owner.close());

  const encrypt = async (): Promise<string> =>
    String((await kms.call('Encrypt', { KeyId, Plaintext }))['CiphertextBlob']);
  const metadata = async (): Promise<Record<string, string>> =>
    (await kms.call('DescribeKey', { KeyId }))['KeyMetadata'] as Record<string, string>;

  it('encrypt and decrypt, and DescribeKey names the external key', async () => {
    const CiphertextBlob = await encrypt();
    expect((await kms.call('Decrypt', { CiphertextBlob }))['Plaintext']).toBe(Plaintext);
    expect(await metadata()).toMatchObject({ ExternalKeyId: 'full', KeyState: 'Enabled', KeySpec: 'Aliyun_AES_256' });
  });

  it('several may share one external key', async () => {
    expect(await kms.newKey({ DKMSInstanceId: instance, ExternalKeyId: 'full' })).not.toBe(KeyId);
  });

  it.each([
    ['CreateKeyVersion', {}],
    ['ListKeyVersions', {}],
    ['DescribeKeyVersion', { KeyVersionId: 'v' }],
    ['UpdateRotationPolicy', { EnableAutomaticRotation: 'true', RotationInterval: '30d' }],
  ])('%s answers UnsupportedOperation: versions are the owner’s', async (action, parameters) => {
    expect(await kms.failure(action, { KeyId, ...parameters })).toMatch(/^UnsupportedOperation: /);
  });

  it.each([
    [{}, 'MissingParameter: The parameter ExternalKeyId is required in an External instance.'],
    [{ ExternalKeyId: '../full' }, 'InvalidParameter: The parameter ExternalKeyId '],
    [{ ExternalKeyId: 'nothing' }, 'Rejected.Unavailable: The external key nothing is not known to its proxy.'],
    [{ ExternalKeyId: 'encrypt-only' }, 'Rejected.Unavailable: The external key encrypt-only may not be used'],
    [{ ExternalKeyId: 'full', KeySpec: 'RSA_2048' }, 'InvalidParameter: The parameter KeySpec must be one of'],
    [{ ExternalKeyId: 'full', EnableAutomaticRotation: 'true', RotationInterval: '30d' }, 'UnsupportedOperation: '],
  ])('are not created from %j', async (parameters, error) => {
    expect(await kms.failure('CreateKey', { DKMSInstanceId: instance, ...parameters })).toContain(error);
  });

  it('F6: the owner’s disable makes ciphertexts unreadable within a second, and shows in the key’s state', async () => {
    const CiphertextBlob = await encrypt();
    await owner.setStatus('full', 'DISABLED');
    await expect
      .poll(() => kms.call('Decrypt', { CiphertextBlob }).catch(String), { timeout: 1000, interval: 50 })
      .toContain('The external key full is DISABLED at its owner');
    await expect.poll(async () => (await metadata())['KeyState'], { timeout: 1000 }).toBe('Unavailable');
    await owner.setStatus('full', 'ENABLED');
    await expect.poll(async () => (await metadata())['KeyState'], { timeout: 2000 }).toBe('Enabled');
    expect((await kms.call('Decrypt', { CiphertextBlob }))['Plaintext']).toBe(Plaintext);
  });

  it.each([
    ['key', (): Record<string, string> => ({ KeyId })],
    ['instance', (): Record<string, string> => ({ KmsInstanceId: instance })],
  ])(
    'F6: a block of the %s stops the next call, shows why, and is lifted only by its own action',
    async (_what, subject) => {
      const CiphertextBlob = await encrypt();
      await kms.call('CreateSecret', {
        SecretName: `under-${_what}`,
        SecretData: 'value',
        VersionId: 'v1',
        DKMSInstanceId: instance,
        EncryptionKeyId: KeyId,
      });
      await kms.call('BlockKeyUse', { ...subject(), Reason: 'audit 7' });
      expect(await kms.failure('Decrypt', { CiphertextBlob })).toMatch(
        /^Rejected.Unavailable: .* is blocked by .*audit 7/,
      );
      expect(await kms.failure('GetSecretValue', { SecretName: `under-${_what}` })).toMatch(/^Rejected.Unavailable: /);
      expect(await metadata()).toMatchObject({ KeyState: 'Unavailable' });
      await kms.call('EnableKey', { KeyId });
      expect(await kms.failure('Encrypt', { KeyId, Plaintext })).toMatch(/^Rejected.Unavailable: /);
      await kms.call('UnblockKeyUse', subject());
      expect((await kms.call('GetSecretValue', { SecretName: `under-${_what}` }))['SecretData']).toBe('value');
      expect(await kms.access('BlockKeyUse', subject())).toHaveLength(1);
    },
  );

  it('a block of an instance shows as Disconnected, with the reason', async () => {
    await kms.call('BlockKeyUse', { KmsInstanceId: instance, Reason: 'drill' });
    const { KmsInstance } = await kms.call('GetKmsInstance', { KmsInstanceId: instance });
    expect(KmsInstance).toMatchObject({ Status: 'Disconnected', StatusReason: expect.stringContaining('drill') });
    await kms.call('UnblockKeyUse', { KmsInstanceId: instance });
  });

  it('the kill switch is not for software keys, nor for instances that are not there', async () => {
    const software = await kms.newKey();
    expect(await kms.failure('BlockKeyUse', { KeyId: software })).toMatch(/^UnsupportedOperation: /);
    expect(await kms.failure('BlockKeyUse', { KmsInstanceId: 'kst-none' })).toMatch(/^Forbidden.ResourceNotFound: /);
    expect(await kms.failure('BlockKeyUse', {})).toMatch(/^MissingParameter: /);
  });
});
