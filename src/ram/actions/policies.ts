import { z } from 'zod';
import { ApiError } from '../../lib/errors.ts';
import { parsePolicyDocument } from '../../policy/document.ts';
import type { AnyAction } from '../../ports/action.ts';
import type { Transaction } from '../../ports/store.ts';
import { customPolicy, loadAnyPolicy, policyFields, systemPolicyEntries, versionFields } from '../any-policy.ts';
import { allHolders, holdersOf } from '../attachments.ts';
import { ramBuckets } from '../buckets.ts';
import { optional, pageOf, pageParameters, policyName, policyType, ramTime, text } from '../parameters.ts';
import { allPolicies, findPolicy, loadPolicy, versionsOf, writePolicy, type PolicyRecord } from '../policies.ts';
import type { RamDependencies } from '../ram-dependencies.ts';
import { ramAction } from './ram-action.ts';

const onePolicy = { PolicyName: policyName };
const policyResource = ({ PolicyName }: { PolicyName: string }): string[] => [`policy/${PolicyName}`];

function createPolicy(dependencies: RamDependencies): AnyAction {
  const { store, clock } = dependencies;
  return ramAction(dependencies, {
    name: 'CreatePolicy',
    input: z.object({ ...onePolicy, PolicyDocument: z.string(), Description: optional(text(1024)) }),
    resources: policyResource,
    run: async ({ PolicyName, PolicyDocument, Description }) => {
      parsePolicyDocument(PolicyDocument, 'identity');
      const createTime = clock.now();
      const policy: PolicyRecord = {
        name: PolicyName,
        document: PolicyDocument,
        description: Description ?? '',
        createTime,
      };
      await store.transact(async (transaction) => {
        if ((await findPolicy(transaction, PolicyName)) !== undefined) {
          throw new ApiError(
            'EntityAlreadyExists.Policy',
            `There is a policy ${PolicyName} already. Add a version to it.`,
          );
        }
        await writePolicy(transaction, policy);
      });
      return { Policy: policyFields(customPolicy(policy)) };
    },
  });
}

function getPolicy(dependencies: RamDependencies): AnyAction {
  const { store } = dependencies;
  return ramAction(dependencies, {
    name: 'GetPolicy',
    input: z.object({ ...onePolicy, PolicyType: policyType }),
    resources: policyResource,
    run: async ({ PolicyName, PolicyType }) => {
      const policy = await loadAnyPolicy(store, PolicyType, PolicyName);
      const holders = holdersOf(await allHolders(store), policy);
      return {
        Policy: { ...policyFields(policy), AttachmentCount: holders.users.length + holders.roles.length },
        DefaultPolicyVersion: versionFields(policy, policy.defaultVersion),
      };
    },
  });
}

/** @throws ApiError `DeleteConflict.Policy.User`, `.Role` while the policy is attached to anybody. */
async function checkUnattached(transaction: Transaction, name: string): Promise<void> {
  const { users, roles } = holdersOf(await allHolders(transaction), { type: 'Custom', name });
  const fault = (what: string, first: string): string =>
    `${name} is attached to the ${what} ${first}. Detach it first.`;
  if (users[0] !== undefined) throw new ApiError('DeleteConflict.Policy.User', fault('user', users[0].name));
  if (roles[0] !== undefined) throw new ApiError('DeleteConflict.Policy.Role', fault('role', roles[0].name));
}

function deletePolicy(dependencies: RamDependencies): AnyAction {
  return ramAction(dependencies, {
    name: 'DeletePolicy',
    input: z.object(onePolicy),
    resources: policyResource,
    run: ({ PolicyName }) =>
      dependencies.store.transact(async (transaction) => {
        const policy = await loadPolicy(transaction, PolicyName);
        await checkUnattached(transaction, PolicyName);
        if (versionsOf(policy).length > 1) {
          throw new ApiError('DeleteConflict.Policy.Version', `${PolicyName} has other versions. Delete those first.`);
        }
        await transaction.delete(ramBuckets.policies, PolicyName);
        return {};
      }),
  });
}

function listPolicies(dependencies: RamDependencies): AnyAction {
  const { store } = dependencies;
  return ramAction(dependencies, {
    name: 'ListPolicies',
    input: z.object({ PolicyType: optional(policyType), ...pageParameters }),
    resources: () => ['policy'],
    run: async ({ PolicyType, ...page }) => {
      const all = [...systemPolicyEntries, ...(await allPolicies(store)).map(customPolicy)];
      const wanted = all.filter(({ type }) => PolicyType === undefined || type === PolicyType);
      const { items, fields } = pageOf(wanted, ({ type, name }) => `${type}/${name}`, page);
      const holders = await allHolders(store);
      const policies = items.map((policy) => {
        const { users, roles } = holdersOf(holders, policy);
        return { ...policyFields(policy), AttachmentCount: users.length + roles.length };
      });
      return { ...fields, Policies: { Policy: policies } };
    },
  });
}

function listEntitiesForPolicy(dependencies: RamDependencies): AnyAction {
  const { store, accountId } = dependencies;
  return ramAction(dependencies, {
    name: 'ListEntitiesForPolicy',
    input: z.object({ ...onePolicy, PolicyType: policyType }),
    resources: policyResource,
    run: async ({ PolicyName, PolicyType }) => {
      const policy = await loadAnyPolicy(store, PolicyType, PolicyName);
      const { users, roles } = holdersOf(await allHolders(store), policy);
      return {
        Groups: { Group: [] },
        Users: {
          User: users.map((user) => ({
            UserId: user.userId ?? user.name,
            UserName: user.name,
            DisplayName: user.displayName ?? '',
          })),
        },
        Roles: {
          Role: roles.map((role) => ({
            RoleId: role.roleId,
            RoleName: role.name,
            Arn: `acs:ram::${accountId}:role/${role.name}`,
            Description: role.description ?? '',
            CreateDate: ramTime(role.createTime),
          })),
        },
      };
    },
  });
}

/** RAM CreatePolicy, GetPolicy, DeletePolicy, ListPolicies, ListEntitiesForPolicy. */
export function policyActions(dependencies: RamDependencies): readonly AnyAction[] {
  const rows = [createPolicy, getPolicy, deletePolicy, listPolicies, listEntitiesForPolicy];
  return rows.map((make) => make(dependencies));
}
