import { ramNameOf } from '../../api/v1alpha1/ram-fields.ts';
import { ramRoleType, type RamRole } from '../../api/v1alpha1/ram-role.ts';
import type { Check } from '../check.ts';
import { find, remove, sameJson, text, type KmsAnswer, type KmsApi } from '../kms-api.ts';
import type { Lifecycle } from '../lifecycle.ts';
import {
  documentProblem,
  freeRamName,
  missingPolicies,
  partOf,
  policyNotFound,
  ownsRamState,
  settleAttachments,
} from '../ram-attachments.ts';

interface Gathered {
  role: RamRole;
  inRam: KmsAnswer | undefined;
  missing: readonly string[];
}

const checks: readonly Check<Gathered>[] = [
  ({ role }) => documentProblem(role.spec.trustPolicy, 'trust', 'spec.trustPolicy'),
  ({ missing }) => policyNotFound(missing),
];

/** Keeps a role of RAM equal to the object. When the role goes, its sessions can do nothing from then on. */
export function ramRoleLifecycle(ram: KmsApi): Lifecycle<RamRole, Gathered> {
  return {
    resource: ramRoleType,
    fieldManager: 'kaap-ram-role',
    holds: ownsRamState,
    gather: async (role, { signal }) => ({
      role,
      inRam: partOf(await find(ram, 'GetRole', { RoleName: freeRamName(role) }, signal), 'Role'),
      missing: await missingPolicies(ram, role.spec.policies ?? [], signal),
    }),
    checks,
    act: async (role, { inRam }, { signal }) => {
      const policies = role.spec.policies ?? [];
      const settled = await settle(ram, role, inRam, signal);
      await settleAttachments(ram, 'Role', ramNameOf(role), policies, signal);
      return {
        status: { arn: text(settled, 'Arn'), roleId: text(settled, 'RoleId') },
        message: `${policies.length} policies are attached.`,
      };
    },
    release: async (role, { signal }) => {
      const RoleName = ramNameOf(role);
      if ((await find(ram, 'GetRole', { RoleName }, signal)) === undefined) return undefined;
      await settleAttachments(ram, 'Role', RoleName, [], signal);
      await remove(ram, 'DeleteRole', { RoleName }, signal);
      return undefined;
    },
  };
}

async function settle(
  ram: KmsApi,
  role: RamRole,
  inRam: KmsAnswer | undefined,
  signal: AbortSignal,
): Promise<KmsAnswer> {
  const RoleName = ramNameOf(role);
  const { trustPolicy, description = '', maxSessionSeconds } = role.spec;
  if (inRam === undefined) {
    const made = await ram.call(
      'CreateRole',
      {
        RoleName,
        AssumeRolePolicyDocument: trustPolicy,
        Description: description,
        MaxSessionDuration: maxSessionSeconds,
      },
      signal,
    );
    return partOf(made, 'Role') ?? {};
  }
  const same =
    sameJson(text(inRam, 'AssumeRolePolicyDocument'), trustPolicy) &&
    text(inRam, 'Description') === description &&
    inRam['MaxSessionDuration'] === maxSessionSeconds;
  if (same) return inRam;
  const changed = await ram.call(
    'UpdateRole',
    {
      RoleName,
      NewAssumeRolePolicyDocument: trustPolicy,
      NewDescription: description,
      NewMaxSessionDuration: maxSessionSeconds,
    },
    signal,
  );
  return partOf(changed, 'Role') ?? inRam;
}
