import { z } from 'zod';
import { expandRbacPolicy, rbacTemplates } from '../../../policy/rbac-templates.ts';
import type { AnyAction } from '../../../ports/action.ts';
import type { Transaction } from '../../../ports/store.ts';
import { resourceArn } from '../../arn.ts';
import { sharedScope, type KmsDependencies } from '../../dependencies.ts';
import { providerOfScope } from '../../instance.ts';
import { description, json, oneOf, optional, text, textList, withDefault } from '../../parameters.ts';
import { accessPointTable } from '../../records/access-point.ts';
import { rbacPolicyTable, type RbacPolicyRecord } from '../../records/rbac-policy.ts';
import {
  assertUnused,
  getNamed,
  namedAction,
  namedList,
  putNew,
  resourceName,
  type NamedResource,
} from './named-action.ts';
import { networkRules } from './network-rules.ts';

/** Permission policies, as access points refer to them. */
export const rbacPolicies: NamedResource<RbacPolicyRecord> = {
  type: 'policy',
  noun: 'permission policy',
  table: rbacPolicyTable,
};

const permissions = textList({ max: 128 }, 10, `a JSON list of ${[...rbacTemplates.keys()].join(', ')}`);
const resources = textList({ max: 512 }, 100, 'a JSON list of key/<id> and secret/<name>, at most 100');
const rules = json(
  z.object({ NetworkRules: z.array(z.string().min(1).max(64)).max(40).default([]) }),
  'a JSON object such as {"NetworkRules":["office"]}',
);

/** `Mode`, a parameter of Kaap's own: `Shadow` tries a policy out. */
const mode = oneOf(['Enforce', 'Shadow']);

/** Whatever spelling → the long name, which the API shows. */
function longName(permission: string): string {
  const template = rbacTemplates.get(permission);
  const long = (name: string): boolean => name.startsWith('RbacPermission/') && rbacTemplates.get(name) === template;
  return [...rbacTemplates.keys()].find(long) ?? permission;
}

function fields(dependencies: KmsDependencies, policy: RbacPolicyRecord): Record<string, unknown> {
  return {
    AccessControlRules: JSON.stringify({ NetworkRules: policy.networkRules }),
    Arn: resourceArn(dependencies, 'policy', policy.name),
    Description: policy.description,
    KmsInstance: policy.kmsInstance,
    Mode: policy.mode ?? 'Enforce',
    Name: policy.name,
  };
}

async function assertSound(transaction: Transaction, policy: RbacPolicyRecord): Promise<void> {
  const { name, permissions: asked, resources: named } = policy;
  expandRbacPolicy({ name, scope: policy.kmsInstance, permissions: asked, resources: named });
  for (const rule of policy.networkRules) await getNamed(transaction, networkRules, rule);
}

/** KMS CreatePolicy. Takes the long and the short names of the permission templates; returns JSON text. */
export function createPolicy(dependencies: KmsDependencies): AnyAction {
  return namedAction(dependencies, rbacPolicies, {
    name: 'CreatePolicy',
    input: z.object({
      Name: resourceName(),
      KmsInstance: withDefault(text({ max: 64 }), sharedScope),
      Permissions: permissions,
      Resources: resources,
      AccessControlRules: withDefault(rules, { NetworkRules: [] }),
      Description: withDefault(description(), ''),
      Mode: withDefault(mode, 'Enforce'),
    }),
    run: async (input) => {
      providerOfScope(dependencies, input.KmsInstance, 'KmsInstance');
      const policy: RbacPolicyRecord = {
        name: input.Name,
        description: input.Description,
        kmsInstance: input.KmsInstance,
        permissions: [...new Set(input.Permissions.map(longName))],
        resources: input.Resources,
        networkRules: input.AccessControlRules.NetworkRules,
        ...(input.Mode === 'Shadow' && { mode: input.Mode }),
      };
      await dependencies.store.transact(async (transaction) => {
        await assertSound(transaction, policy);
        await putNew(transaction, rbacPolicies, policy.name, policy);
      });
      const lists = { Permissions: JSON.stringify(policy.permissions), Resources: JSON.stringify(policy.resources) };
      return { ...fields(dependencies, policy), ...lists };
    },
  });
}

/** KMS UpdatePolicy. Takes effect on the next request of every access point that has it. */
export function updatePolicy(dependencies: KmsDependencies): AnyAction {
  return namedAction(dependencies, rbacPolicies, {
    name: 'UpdatePolicy',
    input: z.object({
      Name: resourceName(),
      Permissions: optional(permissions),
      Resources: optional(resources),
      AccessControlRules: optional(rules),
      Description: description().optional(),
      Mode: optional(mode),
    }),
    run: async (input) => {
      await dependencies.store.transact(async (transaction) => {
        const policy = await getNamed(transaction, rbacPolicies, input.Name);
        if (input.Permissions !== undefined) policy.permissions = [...new Set(input.Permissions.map(longName))];
        if (input.Resources !== undefined) policy.resources = input.Resources;
        if (input.AccessControlRules !== undefined) policy.networkRules = input.AccessControlRules.NetworkRules;
        if (input.Description !== undefined) policy.description = input.Description;
        if (input.Mode === 'Shadow') policy.mode = input.Mode;
        else if (input.Mode === 'Enforce') delete policy.mode;
        await assertSound(transaction, policy);
        await rbacPolicyTable.put(transaction, policy.name, policy);
      });
      return {};
    },
  });
}

/** KMS DescribePolicy. Returns lists where CreatePolicy returns JSON text. */
export function describePolicy(dependencies: KmsDependencies): AnyAction {
  return namedAction(dependencies, rbacPolicies, {
    name: 'DescribePolicy',
    input: z.object({ Name: resourceName() }),
    run: async ({ Name }) => {
      const policy = await getNamed(dependencies.store, rbacPolicies, Name);
      return { ...fields(dependencies, policy), Permissions: policy.permissions, Resources: policy.resources };
    },
  });
}

/** KMS DeletePolicy. Refused while an access point has it. */
export function deletePolicy(dependencies: KmsDependencies): AnyAction {
  return namedAction(dependencies, rbacPolicies, {
    name: 'DeletePolicy',
    input: z.object({ Name: resourceName() }),
    run: async ({ Name }) => {
      await dependencies.store.transact(async (transaction) => {
        await getNamed(transaction, rbacPolicies, Name);
        const accessPoints = await accessPointTable.all(transaction);
        const users = accessPoints.filter(({ record }) => record.policies.includes(Name)).map(({ key }) => key);
        assertUnused('permission policy', Name, users);
        await rbacPolicyTable.delete(transaction, Name);
      });
      return {};
    },
  });
}

/** KMS ListPolicies. */
export function listPolicies(dependencies: KmsDependencies): AnyAction {
  return namedList(dependencies, rbacPolicies, {
    name: 'ListPolicies',
    fields: (policies) => ({ Policies: { Policy: policies.map(({ name }) => ({ Name: name })) } }),
  });
}
