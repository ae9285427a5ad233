import { z } from 'zod';
import { ApiError } from '../../lib/errors.ts';
import type { AnyAction } from '../../ports/action.ts';
import { ramBuckets } from '../buckets.ts';
import { integer, optional, pageOf, pageParameters, ramTime, roleName, text } from '../parameters.ts';
import type { RamDependencies } from '../ram-dependencies.ts';
import { allRoles, checkRoleDefinition, findRole, loadRole, writeRole, type RoleRecord } from '../roles.ts';
import { ramAction } from './ram-action.ts';

const DEFAULT_SECONDS = 3600;
const sessionSeconds = (unlessGiven: number): z.ZodType<number> => integer(3600, 43_200, unlessGiven);
const oneRole = { RoleName: roleName };
const roleResource = ({ RoleName }: { RoleName: string }): string[] => [`role/${RoleName}`];

/** A role as answers show it (RAM GetRole); lists leave the trust policy out. */
function roleFields({ accountId }: RamDependencies, role: RoleRecord): Record<string, unknown> {
  return {
    RoleId: role.roleId,
    RoleName: role.name,
    Arn: `acs:ram::${accountId}:role/${role.name}`,
    Description: role.description ?? '',
    MaxSessionDuration: role.maxSessionSeconds,
    CreateDate: ramTime(role.createTime),
    UpdateDate: ramTime(role.updateTime ?? role.createTime),
  };
}

function fullRole(dependencies: RamDependencies, role: RoleRecord): Record<string, unknown> {
  return { Role: { ...roleFields(dependencies, role), AssumeRolePolicyDocument: role.trustPolicy } };
}

function createRole(dependencies: RamDependencies): AnyAction {
  const { store, clock, random } = dependencies;
  return ramAction(dependencies, {
    name: 'CreateRole',
    input: z.object({
      ...oneRole,
      AssumeRolePolicyDocument: z.string(),
      Description: optional(text(1024)),
      MaxSessionDuration: sessionSeconds(DEFAULT_SECONDS),
    }),
    resources: roleResource,
    run: async (input) => {
      const role: RoleRecord = {
        name: input.RoleName,
        roleId: random(10).toString('hex'),
        trustPolicy: input.AssumeRolePolicyDocument,
        maxSessionSeconds: input.MaxSessionDuration,
        policies: [],
        description: input.Description ?? '',
        createTime: clock.now(),
      };
      checkRoleDefinition(role);
      await store.transact(async (transaction) => {
        if ((await findRole(transaction, role.name)) !== undefined) {
          throw new ApiError('EntityAlreadyExists.Role', `There is a role ${role.name} already. Choose another name.`);
        }
        await writeRole(transaction, role);
      });
      return fullRole(dependencies, role);
    },
  });
}

function getRole(dependencies: RamDependencies): AnyAction {
  return ramAction(dependencies, {
    name: 'GetRole',
    input: z.object(oneRole),
    resources: roleResource,
    run: async ({ RoleName }) => fullRole(dependencies, await loadRole(dependencies.store, RoleName)),
  });
}

function updateRole(dependencies: RamDependencies): AnyAction {
  const { store, clock } = dependencies;
  return ramAction(dependencies, {
    name: 'UpdateRole',
    input: z.object({
      ...oneRole,
      NewAssumeRolePolicyDocument: optional(z.string()),
      NewDescription: text(1024).optional(),
      NewMaxSessionDuration: sessionSeconds(0),
    }),
    resources: roleResource,
    run: (input) =>
      store.transact(async (transaction) => {
        const role = await loadRole(transaction, input.RoleName);
        role.trustPolicy = input.NewAssumeRolePolicyDocument ?? role.trustPolicy;
        role.description = input.NewDescription ?? role.description ?? '';
        role.maxSessionSeconds = input.NewMaxSessionDuration || role.maxSessionSeconds;
        role.updateTime = clock.now();
        checkRoleDefinition(role);
        await writeRole(transaction, role);
        return fullRole(dependencies, role);
      }),
  });
}

function deleteRole(dependencies: RamDependencies): AnyAction {
  return ramAction(dependencies, {
    name: 'DeleteRole',
    input: z.object(oneRole),
    resources: roleResource,
    run: ({ RoleName }) =>
      dependencies.store.transact(async (transaction) => {
        const role = await loadRole(transaction, RoleName);
        if (role.policies.length > 0) {
          throw new ApiError('DeleteConflict.Role.Policy', `Policies are attached to ${RoleName}. Detach them first.`);
        }
        await transaction.delete(ramBuckets.roles, RoleName);
        return {};
      }),
  });
}

function listRoles(dependencies: RamDependencies): AnyAction {
  return ramAction(dependencies, {
    name: 'ListRoles',
    input: z.object(pageParameters),
    resources: () => ['role'],
    run: async (page) => {
      const { items, fields } = pageOf(await allRoles(dependencies.store), (role) => role.name, page);
      return { ...fields, Roles: { Role: items.map((role) => roleFields(dependencies, role)) } };
    },
  });
}

/** RAM CreateRole, GetRole, UpdateRole, DeleteRole, ListRoles. A role that is deleted ends its sessions at once. */
export function roleActions(dependencies: RamDependencies): readonly AnyAction[] {
  return [createRole, getRole, updateRole, deleteRole, listRoles].map((make) => make(dependencies));
}
