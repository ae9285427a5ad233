import { kmsKeyType, type KmsKey, type KmsKeyStatus } from '../../api/v1alpha1/kms-key.ts';
import { ViolationError } from '../check.ts';
import { find, tagList, text, type KmsAnswer, type KmsApi } from '../kms-api.ts';
import type { Lifecycle } from '../lifecycle.ts';

interface Gathered {
  /** KeyMetadata of the key that the status names, when it still exists. */
  metadata: KmsAnswer | undefined;
}

/** Keeps a key of KMS, its aliases and its state equal to the object. */
export function kmsKeyLifecycle(kms: KmsApi): Lifecycle<KmsKey, Gathered> {
  return {
    resource: kmsKeyType,
    fieldManager: 'kaap-kms-key',
    holds: (key) => key.spec.deletionPolicy === 'ScheduleDeletion',
    gather: async (key, { signal }) => ({ metadata: await describe(kms, key.status?.keyId, signal) }),
    checks: [],
    act: async (key, { metadata }, { signal }) => {
      const current = metadata ?? (await create(kms, key, signal));
      const keyId = text(current, 'KeyId');
      await settleState(kms, key, current, signal);
      await settleDescription(kms, key, current, signal);
      await settleDeletionProtection(kms, key, current, signal);
      const aliases = await settleAliases(kms, key, keyId, signal);
      const settled = (await describe(kms, keyId, signal)) ?? current;
      return { status: statusOf(settled, aliases), message: `${text(settled, 'KeySpec')} key ${keyId} is in use.` };
    },
    release: async (key, { signal }) => {
      await scheduleDeletion(kms, key, signal);
      return undefined;
    },
  };
}

function statusOf(metadata: KmsAnswer, aliases: readonly string[]): KmsKeyStatus {
  return {
    keyId: text(metadata, 'KeyId'),
    keyArn: text(metadata, 'Arn'),
    keyState: text(metadata, 'KeyState'),
    primaryKeyVersion: text(metadata, 'PrimaryKeyVersion'),
    aliases: [...aliases],
  };
}

async function describe(kms: KmsApi, keyId: string | undefined, signal: AbortSignal): Promise<KmsAnswer | undefined> {
  if (keyId === undefined || keyId === '') return undefined;
  const answer = await find(kms, 'DescribeKey', { KeyId: keyId }, signal);
  return answer?.['KeyMetadata'] as KmsAnswer | undefined;
}

/** Idempotent by the object's uid: a crash between this and the status write does not leave a second key. */
async function create(kms: KmsApi, key: KmsKey, signal: AbortSignal): Promise<KmsAnswer> {
  const { keySpec, keyUsage, origin, instanceId, description, rotation, tags } = key.spec;
  const answer = await kms.call(
    'CreateKey',
    {
      KeySpec: keySpec,
      KeyUsage: keyUsage,
      Origin: origin,
      Description: description ?? '',
      ClientToken: `${key.metadata.uid}`,
      ...(instanceId === undefined ? {} : { DKMSInstanceId: instanceId }),
      ...(rotation === undefined
        ? {}
        : { EnableAutomaticRotation: true, RotationInterval: `${rotation.intervalDays}d` }),
      ...(tags === undefined ? {} : { Tags: tagList(tags) }),
    },
    signal,
  );
  return answer['KeyMetadata'] as KmsAnswer;
}

async function settleState(kms: KmsApi, key: KmsKey, metadata: KmsAnswer, signal: AbortSignal): Promise<void> {
  const state = text(metadata, 'KeyState');
  const wanted = key.spec.enabled === false ? 'Disabled' : 'Enabled';
  if (state === wanted || state === 'PendingImport') return;
  if (state !== 'Enabled' && state !== 'Disabled') {
    throw new ViolationError({
      reason: `Key${state}`,
      message: `The key is in state ${state}. Cancel its deletion (CancelKeyDeletion) to use it again, or delete this object.`,
    });
  }
  await kms.call(wanted === 'Enabled' ? 'EnableKey' : 'DisableKey', { KeyId: text(metadata, 'KeyId') }, signal);
}

async function settleDescription(kms: KmsApi, key: KmsKey, metadata: KmsAnswer, signal: AbortSignal): Promise<void> {
  const wanted = key.spec.description ?? '';
  if (text(metadata, 'Description') === wanted) return;
  await kms.call('UpdateKeyDescription', { KeyId: text(metadata, 'KeyId'), Description: wanted }, signal);
}

async function settleDeletionProtection(
  kms: KmsApi,
  key: KmsKey,
  metadata: KmsAnswer,
  signal: AbortSignal,
): Promise<void> {
  const wanted = key.spec.deletionProtection === true;
  if ((text(metadata, 'DeletionProtection') === 'Enabled') === wanted) return;
  const parameters = { ProtectedResourceArn: text(metadata, 'Arn'), EnableDeletionProtection: wanted };
  await kms.call('SetDeletionProtection', parameters, signal);
}

/** Aliases an object asks for, as KMS names them: `alias/<namespace>/<alias>`. */
export function wantedAliases(key: KmsKey): readonly string[] {
  const { namespace = '', name } = key.metadata;
  return (key.spec.aliases ?? [name]).map((alias) => `alias/${namespace}/${alias}`);
}

async function settleAliases(kms: KmsApi, key: KmsKey, keyId: string, signal: AbortSignal): Promise<readonly string[]> {
  const wanted = wantedAliases(key);
  for (const AliasName of wanted) {
    const owner = text((await describe(kms, AliasName, signal)) ?? {}, 'KeyId');
    if (owner === keyId) continue;
    if (owner !== '') {
      throw new ViolationError({
        reason: 'AliasTaken',
        message: `${AliasName} points to another key, ${owner}. Delete that alias or choose another in spec.aliases.`,
        requeueAfterMs: 60_000,
      });
    }
    await kms.call('CreateAlias', { AliasName, KeyId: keyId }, signal);
  }
  for (const AliasName of key.status?.aliases ?? []) {
    if (!wanted.includes(AliasName)) await find(kms, 'DeleteAlias', { AliasName }, signal);
  }
  return wanted;
}

async function scheduleDeletion(kms: KmsApi, key: KmsKey, signal: AbortSignal): Promise<void> {
  const metadata = await describe(kms, key.status?.keyId, signal);
  if (metadata === undefined || text(metadata, 'KeyState') === 'PendingDeletion') return;
  const KeyId = text(metadata, 'KeyId');
  if (key.spec.deletionProtection === true) {
    throw new ViolationError({
      reason: 'DeletionProtected',
      message: 'The key is protected from deletion. Set spec.deletionProtection to false first.',
    });
  }
  await settleDeletionProtection(kms, key, metadata, signal);
  await kms.call('ScheduleKeyDeletion', { KeyId, PendingWindowInDays: key.spec.pendingWindowDays ?? 30 }, signal);
}
