import { beforeEach, describe, expect, it } from 'vitest';
import { KmsScene } from '../../kms-scene.ts';

const day = 86_400_000;
let kms: KmsScene;
beforeEach(() => {
  kms = new KmsScene();
});

describe('key versions', () => {
  it('the newest encrypts, every one decrypts what it made', async () => {
    const KeyId = await kms.newKey();
    const before = await kms.call('Encrypt', { KeyId, Plaintext: 'b2xk' });
    kms.clock.advance(7 * day);
    const { KeyVersion } = await kms.call('CreateKeyVersion', { KeyId });
    const { KeyVersionId } = KeyVersion as { KeyVersionId: string };
    const after = await kms.call('Encrypt', { KeyId, Plaintext: 'bmV3' });
    expect(after['KeyVersionId']).toBe(KeyVersionId);
    expect(before['KeyVersionId']).not.toBe(KeyVersionId);
    expect(await kms.call('Decrypt', { CiphertextBlob: before['CiphertextBlob'] })).toMatchObject({
      Plaintext: 'b2xk',
      KeyVersionId: before['KeyVersionId'],
    });
    expect(await kms.call('Decrypt', { CiphertextBlob: after['CiphertextBlob'] })).toMatchObject({ Plaintext: 'bmV3' });
    expect(await kms.call('ListKeyVersions', { KeyId })).toMatchObject({
      KeyVersions: { KeyVersion: [{ KeyVersionId }, { KeyVersionId: before['KeyVersionId'] }] },
      TotalCount: 2,
    });
    expect(await kms.call('DescribeKeyVersion', { KeyId, KeyVersionId })).toEqual({
      KeyVersion: { CreationDate: '2026-01-08T00:00:00Z', KeyId, KeyVersionId },
    });
    const other = await kms.newKey();
    expect(await kms.failure('DescribeKeyVersion', { KeyId: other, KeyVersionId })).toBe(
      `Forbidden.KeyVersionNotFound: Key ${other} has no such version. ListKeyVersions shows those that exist.`,
    );
  });

  it('are made at most every seven days, and fifty in all', async () => {
    const KeyId = await kms.newKey();
    kms.clock.advance(7 * day - 1);
    expect(await kms.failure('CreateKeyVersion', { KeyId })).toBe(
      `Rejected.LimitExceeded: The newest version of key ${KeyId} is younger than seven days. Wait.`,
    );
    for (let count = 1; count < 50; count += 1) {
      kms.clock.advance(7 * day);
      await kms.call('CreateKeyVersion', { KeyId });
    }
    kms.clock.advance(7 * day);
    expect(await kms.failure('CreateKeyVersion', { KeyId })).toBe(
      `Rejected.LimitExceeded: Key ${KeyId} has 50 versions already. Create a new key.`,
    );
  });

  it('two calls at the same time make one version', async () => {
    const KeyId = await kms.newKey();
    kms.clock.advance(7 * day);
    const results = await Promise.allSettled([
      kms.call('CreateKeyVersion', { KeyId }),
      kms.call('CreateKeyVersion', { KeyId }),
    ]);
    expect(results.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(await kms.call('ListKeyVersions', { KeyId })).toMatchObject({ TotalCount: 2 });
  });
});

describe('UpdateRotationPolicy', () => {
  it('takes 7 to 730 days, and is suspended while the key is disabled', async () => {
    const KeyId = await kms.newKey();
    await kms.call('UpdateRotationPolicy', { KeyId, EnableAutomaticRotation: 'true', RotationInterval: '730d' });
    expect(await kms.call('DescribeKey', { KeyId })).toMatchObject({
      KeyMetadata: { AutomaticRotation: 'Enabled', RotationInterval: '63072000s' },
    });
    await kms.call('DisableKey', { KeyId });
    expect(await kms.call('DescribeKey', { KeyId })).toMatchObject({ KeyMetadata: { AutomaticRotation: 'Suspended' } });
    await kms.call('EnableKey', { KeyId });
    await kms.call('UpdateRotationPolicy', { KeyId, EnableAutomaticRotation: 'false' });
    expect(await kms.call('DescribeKey', { KeyId })).toMatchObject({
      KeyMetadata: { AutomaticRotation: 'Disabled', RotationInterval: '' },
    });
    expect(
      await kms.failure('UpdateRotationPolicy', { KeyId, EnableAutomaticRotation: 'true', RotationInterval: '731d' }),
    ).toBe('InvalidParameter: The parameter RotationInterval must be 7 to 730 days.');
  });
});
