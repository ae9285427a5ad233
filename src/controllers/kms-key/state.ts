import type { KmsKey, KmsKeyStatus } from '../../api/v1alpha1/kms-key.ts';
import { ViolationError, type Violation } from '../check.ts';
import { text, type KmsAnswer, type KmsApi } from '../kms-api.ts';

/** Enables or disables the key. Throws a violation for a state that the object cannot change. */
export async function settleState(kms: KmsApi, key: KmsKey, metadata: KmsAnswer, signal: AbortSignal): Promise<void> {
  const state = text(metadata, 'KeyState');
  const wanted = key.spec.enabled === false ? 'Disabled' : 'Enabled';
  if (state === wanted || state === 'PendingImport') return;
  const isUsableLater = state === 'Unavailable' && wanted === 'Enabled';
  if (state === 'PendingDeletion' || isUsableLater) throw new ViolationError(violationOfState(state, metadata));
  await kms.call(wanted === 'Enabled' ? 'EnableKey' : 'DisableKey', { KeyId: text(metadata, 'KeyId') }, signal);
}

/** What stands in the way: a deletion that somebody planned, or a key that cannot be reached or is blocked. */
function violationOfState(state: string, metadata: KmsAnswer): Violation {
  if (state === 'Unavailable') {
    const why = text(metadata, 'KeyStateReason');
    return { reason: 'KeyUnavailable', message: `The key cannot be used now. ${why}`, requeueAfterMs: 15_000 };
  }
  return {
    reason: `Key${state}`,
    message: `The key is in state ${state}. Cancel its deletion (CancelKeyDeletion) to use it again, or delete this object.`,
  };
}

/** The status of the object for a key as KMS describes it. */
export function statusOf(metadata: KmsAnswer, aliases: readonly string[]): KmsKeyStatus {
  return {
    keyId: text(metadata, 'KeyId'),
    keyArn: text(metadata, 'Arn'),
    keyState: text(metadata, 'KeyState'),
    primaryKeyVersion: text(metadata, 'PrimaryKeyVersion'),
    aliases: [...aliases],
  };
}
