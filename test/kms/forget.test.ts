import { describe, expect, it, vi } from 'vitest';
import { forgetUnusableKeys } from '../../src/kms/forget.ts';
import { KmsScene } from './kms-scene.ts';

describe('forgetUnusableKeys', () => {
  it('E1: drops cached material on a replica that only sees the change of the store', async () => {
    const kms = new KmsScene();
    const replica = { kind: 'software', forget: vi.fn<(versionId: string) => void>() } as never;
    const forget = (replica as { forget: ReturnType<typeof vi.fn> }).forget;
    const errors: unknown[] = [];
    const stop = forgetUnusableKeys({ store: kms.store, providers: { software: replica } }, (error) =>
      errors.push(error),
    );
    const KeyId = await kms.newKey();
    const { KeyMetadata } = await kms.call('DescribeKey', { KeyId });
    await new Promise((resolve) => setImmediate(resolve));
    expect(forget).not.toHaveBeenCalled();
    await kms.call('DisableKey', { KeyId });
    await vi.waitFor(() =>
      expect(forget).toHaveBeenCalledWith((KeyMetadata as { PrimaryKeyVersion: string }).PrimaryKeyVersion),
    );
    stop();
    forget.mockClear();
    await kms.call('EnableKey', { KeyId });
    await kms.call('DisableKey', { KeyId });
    await new Promise((resolve) => setImmediate(resolve));
    expect(forget).not.toHaveBeenCalled();
    expect(errors).toEqual([]);
  });
});
