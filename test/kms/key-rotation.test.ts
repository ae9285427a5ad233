import { beforeEach, describe, expect, it } from 'vitest';
import { keepKeys } from '../../src/kms/key-upkeep.ts';
import { rotateDueKeys } from '../../src/kms/key-rotation.ts';
import { KmsScene } from './kms-scene.ts';

const day = 86_400_000;
let kms: KmsScene;
beforeEach(() => {
  kms = new KmsScene();
});

const neverFails = (keyId: string, error: unknown): void => {
  throw new Error(`${keyId} could not be rotated`, { cause: error });
};
const rotate = (): Promise<string[]> => rotateDueKeys(kms.dependencies, neverFails);
const newKey = (days: number, parameters: Record<string, unknown> = {}): Promise<string> =>
  kms.newKey({ EnableAutomaticRotation: 'true', RotationInterval: `${days}d`, ...parameters });
const metadata = async (KeyId: string): Promise<Record<string, string>> =>
  (await kms.call('DescribeKey', { KeyId }))['KeyMetadata'] as Record<string, string>;
const versionCount = async (KeyId: string): Promise<unknown> =>
  (await kms.call('ListKeyVersions', { KeyId }))['TotalCount'];

describe('automatic rotation', () => {
  it('makes a new primary version once the interval is over, and again one interval later', async () => {
    const KeyId = await newKey(30);
    const { CiphertextBlob, KeyVersionId } = await kms.call('Encrypt', { KeyId, Plaintext: 'eA==' });
    kms.clock.advance(30 * day - 1);
    expect(await rotate()).toEqual([]);
    kms.clock.advance(1);
    expect(await rotate()).toEqual([KeyId]);
    expect(await rotate()).toEqual([]);
    const after = await metadata(KeyId);
    expect(after).toMatchObject({
      AutomaticRotation: 'Enabled',
      LastRotationDate: '2026-01-31T00:00:00Z',
      NextRotationDate: '2026-03-02T00:00:00Z',
    });
    expect(after['PrimaryKeyVersion']).not.toBe(KeyVersionId);
    expect(await kms.call('Encrypt', { KeyId, Plaintext: 'eA==' })).toMatchObject({
      KeyVersionId: after['PrimaryKeyVersion'],
    });
    expect(await kms.call('Decrypt', { CiphertextBlob })).toMatchObject({ KeyVersionId, Plaintext: 'eA==' });
    kms.clock.advance(30 * day);
    expect(await rotate()).toEqual([KeyId]);
    expect(await versionCount(KeyId)).toBe(3);
  });

  it('makes one version, however many replicas find the key due at the same time', async () => {
    const KeyId = await newKey(7);
    kms.clock.advance(7 * day);
    const rounds = await Promise.all([rotate(), rotate(), rotate(), rotate()]);
    expect(rounds.flat()).toEqual([KeyId]);
    expect(await versionCount(KeyId)).toBe(2);
  });

  it.each([
    ['Suspended', 'DisableKey', {}, 'EnableKey'],
    ['Suspended', 'ScheduleKeyDeletion', { PendingWindowInDays: '366' }, 'CancelKeyDeletion'],
  ])('is %s after %s, and made up for once the key is back', async (AutomaticRotation, action, parameters, back) => {
    const KeyId = await newKey(7);
    await kms.call(action, { KeyId, ...parameters });
    kms.clock.advance(20 * day);
    expect(await metadata(KeyId)).toMatchObject({ AutomaticRotation });
    expect(await rotate()).toEqual([]);
    await kms.call(back, { KeyId });
    expect(await metadata(KeyId)).toMatchObject({ AutomaticRotation: 'Enabled' });
    expect(await rotate()).toEqual([KeyId]);
  });

  it('ends with the policy, follows a new interval, and counts from a rotation by hand', async () => {
    const KeyId = await newKey(7);
    await kms.call('UpdateRotationPolicy', { KeyId, EnableAutomaticRotation: 'false' });
    kms.clock.advance(10 * day);
    expect(await rotate()).toEqual([]);
    await kms.call('UpdateRotationPolicy', { KeyId, EnableAutomaticRotation: 'true', RotationInterval: '20d' });
    await kms.call('CreateKeyVersion', { KeyId });
    kms.clock.advance(20 * day - 1);
    expect(await rotate()).toEqual([]);
    kms.clock.advance(1);
    expect(await rotate()).toEqual([KeyId]);
  });

  it('goes on with the other keys when one cannot be rotated', async () => {
    const broken = await newKey(7);
    const KeyId = await newKey(7, { KeySpec: 'Aliyun_SM4' });
    kms.clock.advance(7 * day);
    const generate = kms.provider.generate.bind(kms.provider);
    kms.provider.generate = (keySpec) =>
      keySpec === 'Aliyun_SM4' ? generate(keySpec) : Promise.reject(new Error('the device is gone'));
    const failed: string[] = [];
    expect(await rotateDueKeys(kms.dependencies, (keyId) => failed.push(keyId))).toEqual([KeyId]);
    expect(failed).toEqual([broken]);
  });

  it('is part of the upkeep of keys', async () => {
    const KeyId = await newKey(7);
    kms.clock.advance(7 * day);
    expect(await keepKeys(kms.dependencies, neverFails)).toEqual({ rotated: [KeyId], expired: [] });
  });
});
