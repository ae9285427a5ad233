import { ramNameOf } from '../../api/v1alpha1/ram-fields.ts';
import { ramUserType, type RamUser } from '../../api/v1alpha1/ram-user.ts';
import type { ClusterApi } from '../../kube/cluster-api.ts';
import type { Check } from '../check.ts';
import { find, remove, text, type KmsAnswer, type KmsApi } from '../kms-api.ts';
import type { Lifecycle } from '../lifecycle.ts';
import {
  freeRamName,
  missingPolicies,
  partOf,
  policyNotFound,
  ownsRamState,
  settleAttachments,
} from '../ram-attachments.ts';
import { deleteAccessKeys, settleAccessKey, type AccessKeyStatus } from './access-key.ts';

interface Gathered {
  user: RamUser;
  inRam: KmsAnswer | undefined;
  missing: readonly string[];
}

const checks: readonly Check<Gathered>[] = [({ missing }) => policyNotFound(missing)];

const fieldManager = 'kaap-ram-user';

/** Keeps a user of RAM equal to the object, and delivers an access key once. */
export function ramUserLifecycle({ ram, cluster }: { ram: KmsApi; cluster: ClusterApi }): Lifecycle<RamUser, Gathered> {
  return {
    resource: ramUserType,
    fieldManager,
    holds: ownsRamState,
    gather: async (user, { signal }) => ({
      user,
      inRam: partOf(await find(ram, 'GetUser', { UserName: freeRamName(user) }, signal), 'User'),
      missing: await missingPolicies(ram, user.spec.policies ?? [], signal),
    }),
    checks,
    act: async (user, { inRam }, context) => {
      const { signal } = context;
      const settled = await settle(ram, user, inRam, signal);
      const policies = user.spec.policies ?? [];
      await settleAttachments(ram, 'User', ramNameOf(user), policies, signal);
      const identity = { userId: text(settled, 'UserId') };
      const remember = async (status: AccessKeyStatus): Promise<void> => {
        const { conditions, observedGeneration } = user.status ?? {};
        const kept = { ...(conditions && { conditions }), ...(observedGeneration && { observedGeneration }) };
        await context.remember({ ...kept, ...identity, ...status });
      };
      const accessKey = await settleAccessKey(user, { cluster, ram, remember }, signal);
      return { status: { ...identity, ...accessKey }, message: messageFor(policies.length, accessKey) };
    },
    release: async (user, { signal }) => {
      const UserName = ramNameOf(user);
      if ((await find(ram, 'GetUser', { UserName }, signal)) === undefined) return undefined;
      await deleteAccessKeys(ram, UserName, signal);
      await settleAttachments(ram, 'User', UserName, [], signal);
      await remove(ram, 'DeleteUser', { UserName }, signal);
      return undefined;
    },
  };
}

async function settle(
  ram: KmsApi,
  user: RamUser,
  inRam: KmsAnswer | undefined,
  signal: AbortSignal,
): Promise<KmsAnswer> {
  const UserName = ramNameOf(user);
  const { displayName: DisplayName = '', comments: Comments = '' } = user.spec;
  if (inRam === undefined) {
    const made = await ram.call('CreateUser', { UserName, DisplayName, Comments }, signal);
    return partOf(made, 'User') ?? {};
  }
  if (text(inRam, 'DisplayName') === DisplayName && text(inRam, 'Comments') === Comments) return inRam;
  await ram.call('UpdateUser', { UserName, NewDisplayName: DisplayName, NewComments: Comments }, signal);
  return inRam;
}

function messageFor(policies: number, { accessKeySecret, previousAccessKeyId }: AccessKeyStatus): string {
  const attached = `${policies} policies are attached.`;
  if (accessKeySecret === undefined) return attached;
  const delivered = `${attached} The access key is in the Secret ${accessKeySecret}.`;
  if (previousAccessKeyId === undefined) return delivered;
  return `${delivered} The one before, ${previousAccessKeyId}, still works: set spec.accessKey.previous to Delete to end it.`;
}
