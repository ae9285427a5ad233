import { ramNameOf } from '../../api/v1alpha1/ram-fields.ts';
import type { RamUser, RamUserAccessKey, RamUserStatus } from '../../api/v1alpha1/ram-user.ts';
import type { ClusterApi } from '../../kube/cluster-api.ts';
import { deliverSecret, isDeliverable, secretExists } from '../delivered-secret.ts';
import { remove, text, type KmsAnswer, type KmsApi } from '../kms-api.ts';
import { listIn, partOf } from '../ram-attachments.ts';

/** What the status says about the access key. */
export type AccessKeyStatus = Pick<RamUserStatus, 'accessKeyId' | 'accessKeySecret' | 'previousAccessKeyId'>;

export interface AccessKeyDependencies {
  cluster: ClusterApi;
  ram: KmsApi;
  /** Makes the ids durable in the status before the Secret is written. */
  remember: (status: AccessKeyStatus) => Promise<void>;
}

/**
 * Makes an access key and delivers it to the Secret that the object names, once for each Secret.
 *
 * The operator cannot read Secrets, so that the Secret exists is learnt from trying to create it. The key's id is in the
 * status before the Secret is written; an id in the status whose Secret is not, is of a key that never reached anybody.
 */
export async function settleAccessKey(
  user: RamUser,
  dependencies: AccessKeyDependencies,
  signal: AbortSignal,
): Promise<AccessKeyStatus> {
  const { accessKey } = user.spec;
  const UserName = ramNameOf(user);
  const ids = await idsOf(dependencies.ram, UserName, signal);
  const known = knownOf(user.status ?? {}, ids);
  if (accessKey === undefined) return known;
  const ref = accessKey.secretRef;
  const wanted = `${ref.namespace}/${ref.name}`;
  const settled =
    known.accessKeySecret === wanted && known.accessKeyId !== undefined
      ? known
      : await replace(user, accessKey, known, dependencies, signal);
  return accessKey.previous === 'Delete' ? withoutPrevious(settled, UserName, dependencies.ram, signal) : settled;
}

/** The status without what is gone from RAM: somebody deleted it, and it is not brought back by a stale word. */
function knownOf(status: AccessKeyStatus, ids: readonly string[]): AccessKeyStatus {
  const { accessKeyId, accessKeySecret, previousAccessKeyId } = status;
  const current = accessKeyId !== undefined && ids.includes(accessKeyId);
  return {
    ...(current ? { accessKeyId } : {}),
    ...(current && accessKeySecret !== undefined ? { accessKeySecret } : {}),
    ...(previousAccessKeyId !== undefined && ids.includes(previousAccessKeyId) ? { previousAccessKeyId } : {}),
  };
}

async function replace(
  user: RamUser,
  { secretRef }: RamUserAccessKey,
  known: AccessKeyStatus,
  { ram, cluster, remember }: AccessKeyDependencies,
  signal: AbortSignal,
): Promise<AccessKeyStatus> {
  const UserName = ramNameOf(user);
  const isDelivered = known.accessKeySecret !== undefined;
  const outdated = isDelivered ? known.previousAccessKeyId : known.accessKeyId;
  if (outdated !== undefined) await deleteKey(ram, UserName, outdated, signal);
  const previousAccessKeyId = isDelivered ? known.accessKeyId : known.previousAccessKeyId;
  const previous = previousAccessKeyId === undefined ? {} : { previousAccessKeyId };
  const before = isDelivered ? known : previous;
  if (!(await isDeliverable(cluster, secretRef, signal))) {
    await remember(before);
    throw secretExists(secretRef, 'spec.accessKey.secretRef');
  }
  const made = partOf(await ram.call('CreateAccessKey', { UserName }, signal), 'AccessKey') ?? {};
  const accessKeyId = text(made, 'AccessKeyId');
  await remember({ accessKeyId, ...previous });
  // When this throws, whether the Secret was written is not known. The status names the key; the next try replaces it.
  if (await deliverSecret(cluster, user, secretOf(secretRef, made), signal)) {
    return { accessKeyId, accessKeySecret: `${secretRef.namespace}/${secretRef.name}`, ...previous };
  }
  await deleteKey(ram, UserName, accessKeyId, signal);
  await remember(before);
  throw secretExists(secretRef, 'spec.accessKey.secretRef');
}

function secretOf(ref: RamUserAccessKey['secretRef'], made: KmsAnswer): Parameters<typeof deliverSecret>[2] {
  return {
    ref,
    type: 'kaap.dev/access-key',
    entries: {
      ALIBABA_CLOUD_ACCESS_KEY_ID: text(made, 'AccessKeyId'),
      ALIBABA_CLOUD_ACCESS_KEY_SECRET: text(made, 'AccessKeySecret'),
    },
  };
}

async function withoutPrevious(
  { previousAccessKeyId, ...status }: AccessKeyStatus,
  userName: string,
  ram: KmsApi,
  signal: AbortSignal,
): Promise<AccessKeyStatus> {
  if (previousAccessKeyId !== undefined) await deleteKey(ram, userName, previousAccessKeyId, signal);
  return status;
}

function deleteKey(ram: KmsApi, UserName: string, UserAccessKeyId: string, signal: AbortSignal): Promise<void> {
  return remove(ram, 'DeleteAccessKey', { UserName, UserAccessKeyId }, signal);
}

async function idsOf(ram: KmsApi, UserName: string, signal: AbortSignal): Promise<readonly string[]> {
  const answer = await ram.call('ListAccessKeys', { UserName }, signal);
  return listIn(answer, 'AccessKeys', 'AccessKey').map((key) => text(key, 'AccessKeyId'));
}

/** Deletes every access key of a user. */
export async function deleteAccessKeys(ram: KmsApi, userName: string, signal: AbortSignal): Promise<void> {
  for (const id of await idsOf(ram, userName, signal)) await deleteKey(ram, userName, id, signal);
}
