import { kmsKeyType, type KmsKey } from '../../api/v1alpha1/kms-key.ts';
import type { KubeObject } from '../../kube/resource.ts';
import type { StoreReader } from '../../kube/store.ts';
import { ViolationError } from '../check.ts';
import { find, tagList, text, type KmsAnswer, type KmsApi } from '../kms-api.ts';
import type { Lifecycle } from '../lifecycle.ts';
import { handOverAdvice, ownerOf, ownerTag, settleTags, tagsOf, wantedTags, type Tags } from '../ownership.ts';
import { settleState, statusOf } from './state.ts';

interface Gathered {
  /** KeyMetadata of the key that the status names, or that this object left behind earlier, when it still exists. */
  metadata: KmsAnswer | undefined;
  tags: Tags;
  /** Value of the tag that marks the key as this object's. */
  owner: string;
}

export interface KmsKeyDependencies {
  kms: KmsApi;
  namespaces: StoreReader<KubeObject>;
}

/** Keeps a key of KMS, its aliases, tags, rotation and state equal to the object. */
export function kmsKeyLifecycle({ kms, namespaces }: KmsKeyDependencies): Lifecycle<KmsKey, Gathered> {
  return {
    resource: kmsKeyType,
    fieldManager: 'kaap-kms-key',
    holds: (key) => key.spec.deletionPolicy === 'ScheduleDeletion',
    gather: async (key, { signal }) => {
      const owner = ownerOf(key, namespaces);
      const named = await describe(kms, key.status?.keyId, signal);
      if (named !== undefined) return { metadata: named, tags: await tagsOfKey(kms, named, signal), owner };
      return { ...(await leftBehind(kms, key, owner, signal)), owner };
    },
    checks: [],
    act: async (key, { metadata, tags, owner }, { signal }) => {
      const current = metadata ?? (await create(kms, key, owner, signal));
      const keyId = text(current, 'KeyId');
      await settleState(kms, key, current, signal);
      await settleDescription(kms, key, current, signal);
      await settleDeletionProtection(kms, key, current, signal);
      await settleRotation(kms, key, current, signal);
      const present = metadata === undefined ? wantedTags(key.spec.tags, {}, owner) : tags;
      await settleTags(kms, { KeyId: keyId }, present, wantedTags(key.spec.tags, present, owner), signal);
      const aliases = await settleAliases(kms, key, { keyId, owner }, signal);
      const settled = (await describe(kms, keyId, signal)) ?? current;
      return {
        status: statusOf(settled, aliases),
        message: `${text(settled, 'KeySpec')} key ${keyId} is in use.`,
        // Its owner may disable it at any time, and tells nobody.
        ...(key.spec.externalKeyId !== undefined && { requeueAfterMs: 30_000 }),
      };
    },
    release: async (key, { signal }) => {
      await scheduleDeletion(kms, key, signal);
      return undefined;
    },
  };
}

async function tagsOfKey(kms: KmsApi, metadata: KmsAnswer, signal: AbortSignal): Promise<Tags> {
  return tagsOf(await kms.call('ListResourceTags', { KeyId: text(metadata, 'KeyId') }, signal));
}

/**
 * The key of an earlier object of the same name, in the same namespace, found by its alias and its owner's tag. A deletion
 * that was planned with the earlier object is cancelled: applying the object again undoes that it was deleted.
 */
async function leftBehind(
  kms: KmsApi,
  key: KmsKey,
  owner: string,
  signal: AbortSignal,
): Promise<Pick<Gathered, 'metadata' | 'tags'>> {
  for (const alias of wantedAliases(key)) {
    const found = await describe(kms, alias, signal);
    if (found === undefined || !isAsSpecified(key, found)) continue;
    const tags = await tagsOfKey(kms, found, signal);
    if (tags[ownerTag] !== owner) continue;
    if (text(found, 'KeyState') !== 'PendingDeletion') return { metadata: found, tags };
    await kms.call('CancelKeyDeletion', { KeyId: text(found, 'KeyId') }, signal);
    return { metadata: await describe(kms, text(found, 'KeyId'), signal), tags };
  }
  return { metadata: undefined, tags: {} };
}

function isAsSpecified({ spec }: KmsKey, metadata: KmsAnswer): boolean {
  const { KeySpec, KeyUsage, Origin, DKMSInstanceId } = metadata;
  const instance = spec.instanceId ?? '';
  return (
    KeySpec === spec.keySpec &&
    KeyUsage === spec.keyUsage &&
    Origin === spec.origin &&
    DKMSInstanceId === instance &&
    (spec.externalKeyId === undefined || metadata['ExternalKeyId'] === spec.externalKeyId) &&
    (spec.storageMechanism === undefined || metadata['KeyStorageMechanism'] === spec.storageMechanism)
  );
}

async function describe(kms: KmsApi, keyId: string | undefined, signal: AbortSignal): Promise<KmsAnswer | undefined> {
  if (keyId === undefined || keyId === '') return undefined;
  const answer = await find(kms, 'DescribeKey', { KeyId: keyId }, signal);
  return answer?.['KeyMetadata'] as KmsAnswer | undefined;
}

/** Idempotent by the object's uid: a crash between this and the status write does not leave a second key. */
async function create(kms: KmsApi, key: KmsKey, owner: string, signal: AbortSignal): Promise<KmsAnswer> {
  const { keySpec, keyUsage, origin, instanceId, externalKeyId, storageMechanism, description, rotation, tags } =
    key.spec;
  const answer = await kms.call(
    'CreateKey',
    {
      KeySpec: keySpec,
      KeyUsage: keyUsage,
      Origin: origin,
      Description: description ?? '',
      ClientToken: `${key.metadata.uid}`,
      ...(instanceId === undefined ? {} : { DKMSInstanceId: instanceId }),
      ...(externalKeyId === undefined ? {} : { ExternalKeyId: externalKeyId }),
      ...(storageMechanism === undefined ? {} : { KeyStorageMechanism: storageMechanism }),
      ...(rotation === undefined
        ? {}
        : { EnableAutomaticRotation: true, RotationInterval: `${rotation.intervalDays}d` }),
      Tags: tagList(wantedTags(tags, {}, owner)),
    },
    signal,
  );
  return answer['KeyMetadata'] as KmsAnswer;
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

async function settleRotation(kms: KmsApi, key: KmsKey, metadata: KmsAnswer, signal: AbortSignal): Promise<void> {
  const days = key.spec.rotation?.intervalDays;
  const wanted = days === undefined ? '' : `${days * 86_400}s`;
  if (text(metadata, 'RotationInterval') === wanted) return;
  const parameters =
    days === undefined
      ? { EnableAutomaticRotation: false }
      : { EnableAutomaticRotation: true, RotationInterval: `${days}d` };
  await kms.call('UpdateRotationPolicy', { KeyId: text(metadata, 'KeyId'), ...parameters }, signal);
}

async function settleAliases(
  kms: KmsApi,
  key: KmsKey,
  { keyId, owner }: { keyId: string; owner: string },
  signal: AbortSignal,
): Promise<readonly string[]> {
  const wanted = wantedAliases(key);
  for (const AliasName of wanted) {
    const target = text((await describe(kms, AliasName, signal)) ?? {}, 'KeyId');
    if (target === keyId) continue;
    if (target !== '') {
      throw new ViolationError({
        reason: 'AliasTaken',
        message: `${AliasName} points to another key, ${target}, which is not this object's. Delete that alias or choose another in spec.aliases. ${handOverAdvice(`KeyId=${target}`, owner)}`,
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
