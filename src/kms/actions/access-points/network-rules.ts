import { z } from 'zod';
import { compileNetworkRule } from '../../../policy/network-rule.ts';
import type { AnyAction } from '../../../ports/action.ts';
import { resourceArn } from '../../arn.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import { description, oneOf, optional, text, textList, withDefault } from '../../parameters.ts';
import { networkRuleTable, type NetworkRuleRecord } from '../../records/network-rule.ts';
import { rbacPolicyTable } from '../../records/rbac-policy.ts';
import {
  assertUnused,
  getNamed,
  namedAction,
  namedList,
  putNew,
  resourceName,
  type NamedResource,
} from './named-action.ts';

/** Network rules, as the other kinds refer to them. */
export const networkRules: NamedResource<NetworkRuleRecord> = {
  type: 'network',
  noun: 'network rule',
  table: networkRuleTable,
};

const addresses = textList({ max: 64 }, 256, 'a JSON list of addresses and CIDR blocks, such as ["10.0.0.0/8"]');

function fields(dependencies: KmsDependencies, rule: NetworkRuleRecord): Record<string, unknown> {
  return {
    Arn: resourceArn(dependencies, 'network', rule.name),
    Description: rule.description,
    SourcePrivateIp: JSON.stringify(rule.sourcePrivateIp),
    Type: rule.type,
    ...(rule.vpcId !== undefined && { VpcId: rule.vpcId }),
  };
}

/** KMS CreateNetworkRule. Besides `Private`, the types `VPC` (with the parameter VpcId) and `Public`. */
export function createNetworkRule(dependencies: KmsDependencies): AnyAction {
  return namedAction(dependencies, networkRules, {
    name: 'CreateNetworkRule',
    input: z.object({
      Name: resourceName(),
      Type: withDefault(oneOf(['Private', 'VPC', 'Public']), 'Private'),
      SourcePrivateIp: withDefault(addresses, []),
      VpcId: optional(text({ max: 64 })),
      Description: withDefault(description(), ''),
    }),
    run: async (input) => {
      const rule: NetworkRuleRecord = {
        name: input.Name,
        type: input.Type,
        sourcePrivateIp: input.SourcePrivateIp,
        description: input.Description,
        ...(input.VpcId !== undefined && { vpcId: input.VpcId }),
      };
      compileNetworkRule(rule);
      await dependencies.store.transact((transaction) => putNew(transaction, networkRules, rule.name, rule));
      return { ...fields(dependencies, rule), Name: rule.name };
    },
  });
}

/** KMS UpdateNetworkRule. Takes effect on the next request of every access point that uses it. */
export function updateNetworkRule(dependencies: KmsDependencies): AnyAction {
  return namedAction(dependencies, networkRules, {
    name: 'UpdateNetworkRule',
    input: z.object({
      Name: resourceName(),
      SourcePrivateIp: optional(addresses),
      Description: description().optional(),
    }),
    run: async ({ Name, SourcePrivateIp, Description }) => {
      await dependencies.store.transact(async (transaction) => {
        const rule = await getNamed(transaction, networkRules, Name);
        if (SourcePrivateIp !== undefined) rule.sourcePrivateIp = SourcePrivateIp;
        if (Description !== undefined) rule.description = Description;
        compileNetworkRule(rule);
        await networkRuleTable.put(transaction, Name, rule);
      });
      return {};
    },
  });
}

/** KMS DescribeNetworkRule. */
export function describeNetworkRule(dependencies: KmsDependencies): AnyAction {
  return namedAction(dependencies, networkRules, {
    name: 'DescribeNetworkRule',
    input: z.object({ Name: resourceName() }),
    run: async ({ Name }) => fields(dependencies, await getNamed(dependencies.store, networkRules, Name)),
  });
}

/** KMS DeleteNetworkRule. Refused while a policy names it. */
export function deleteNetworkRule(dependencies: KmsDependencies): AnyAction {
  return namedAction(dependencies, networkRules, {
    name: 'DeleteNetworkRule',
    input: z.object({ Name: resourceName() }),
    run: async ({ Name }) => {
      await dependencies.store.transact(async (transaction) => {
        await getNamed(transaction, networkRules, Name);
        const policies = await rbacPolicyTable.all(transaction);
        const users = policies.filter(({ record }) => record.networkRules.includes(Name)).map(({ key }) => key);
        assertUnused('network rule', Name, users);
        await networkRuleTable.delete(transaction, Name);
      });
      return {};
    },
  });
}

/** KMS ListNetworkRules. */
export function listNetworkRules(dependencies: KmsDependencies): AnyAction {
  return namedList(dependencies, networkRules, {
    name: 'ListNetworkRules',
    fields: (rules) => ({ NetworkRules: { NetworkRule: rules.map(({ name, type }) => ({ Name: name, Type: type })) } }),
  });
}
