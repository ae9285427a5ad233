import { describe, expect, it } from 'vitest';
import type { KmsKey } from '../../src/api/v1alpha1/kms-key.ts';
import { settleState } from '../../src/controllers/kms-key/state.ts';
import type { KmsApi } from '../../src/controllers/kms-api.ts';

const { signal } = new AbortController();
const keyThatIs = (enabled: boolean): KmsKey => ({ metadata: { name: 'main' }, spec: { enabled } }) as KmsKey;

/** A KMS that notes what it was told. */
function recording(): { kms: KmsApi; calls: string[] } {
  const calls: string[] = [];
  return { calls, kms: { call: (action) => (calls.push(action), Promise.resolve({})) } };
}

describe('An object whose key is Unavailable', () => {
  const metadata = { KeyId: 'key-1', KeyState: 'Unavailable', KeyStateReason: 'The proxy does not answer.' };

  it('says why, and not that a deletion should be cancelled', async () => {
    const { kms, calls } = recording();
    const settling = settleState(kms, keyThatIs(true), metadata, signal);
    await expect(settling).rejects.toMatchObject({
      violation: { reason: 'KeyUnavailable', message: 'The key cannot be used now. The proxy does not answer.' },
    });
    expect(calls).toEqual([]);
  });

  it('can still disable it', async () => {
    const { kms, calls } = recording();
    await settleState(kms, keyThatIs(false), metadata, signal);
    expect(calls).toEqual(['DisableKey']);
  });
});

describe('An object whose key somebody wants to delete', () => {
  it('says how to cancel that', async () => {
    const metadata = { KeyId: 'key-1', KeyState: 'PendingDeletion' };
    await expect(settleState(recording().kms, keyThatIs(true), metadata, signal)).rejects.toMatchObject({
      violation: { reason: 'KeyPendingDeletion', message: expect.stringContaining('CancelKeyDeletion') as string },
    });
  });
});
