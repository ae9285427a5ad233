import { rbacPolicyType, type RbacPolicy } from '../../api/v1alpha1/rbac-policy.ts';
import type { Check } from '../check.ts';
import { find, list, remove, sameMembers, text, type KmsAnswer, type KmsApi } from '../kms-api.ts';
import type { Lifecycle } from '../lifecycle.ts';

interface Gathered {
  policy: RbacPolicy;
  inKms: KmsAnswer | undefined;
  /** Network rules that the policy names and KMS does not have. */
  missingNetworkRules: readonly string[];
}

/** Template names of the objects → those of the API. */
const templates: Readonly<Record<string, string>> = {
  SecretUser: 'RbacPermission/Template/CryptoServiceSecretUser',
  CryptoServiceKeyUser: 'RbacPermission/Template/CryptoServiceKeyUser',
};

const networkRulesExist: Check<Gathered> = ({ missingNetworkRules }) =>
  missingNetworkRules.length === 0
    ? undefined
    : {
        reason: 'NetworkRuleNotFound',
        message: `spec.networkRules names ${missingNetworkRules.join(', ')}, which does not exist. Create the NetworkRule or take the name out.`,
      };

const scopeUnchanged: Check<Gathered> = ({ policy, inKms }) => {
  const scope = inKms === undefined ? policy.spec.scope : text(inKms, 'KmsInstance');
  if (scope === policy.spec.scope) return undefined;
  return {
    reason: 'ScopeDiffers',
    message: `KMS already has a policy of this name with the scope ${scope}, and a policy's scope cannot change. Delete that policy or choose another name.`,
  };
};

/** Keeps a permission policy of KMS equal to the object. */
export function rbacPolicyLifecycle(kms: KmsApi): Lifecycle<RbacPolicy, Gathered> {
  return {
    resource: rbacPolicyType,
    fieldManager: 'kaap-rbac-policy',
    holds: () => true,
    gather: async (policy, { signal }) => ({
      policy,
      inKms: await find(kms, 'DescribePolicy', { Name: policy.metadata.name }, signal),
      missingNetworkRules: await absentNetworkRules(kms, policy.spec.networkRules ?? [], signal),
    }),
    checks: [networkRulesExist, scopeUnchanged],
    act: async (policy, { inKms }, { signal }) => {
      const answer = await settle(kms, policy, inKms, signal);
      const { templates: granted, resources } = policy.spec;
      return {
        status: { arn: text(answer, 'Arn') },
        message: `${granted.join(' and ')} on ${resources.join(', ')}.`,
      };
    },
    release: async (policy, { signal }) => {
      await remove(kms, 'DeletePolicy', { Name: policy.metadata.name }, signal);
      return undefined;
    },
  };
}

async function absentNetworkRules(
  kms: KmsApi,
  names: readonly string[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const found = await Promise.all(names.map((Name) => find(kms, 'DescribeNetworkRule', { Name }, signal)));
  return names.filter((_name, index) => found[index] === undefined);
}

async function settle(
  kms: KmsApi,
  policy: RbacPolicy,
  inKms: KmsAnswer | undefined,
  signal: AbortSignal,
): Promise<KmsAnswer> {
  const { scope, resources, networkRules = [], mode = 'Enforce', description = '' } = policy.spec;
  const permissions = policy.spec.templates.map((template) => templates[template] ?? template);
  const wanted = {
    Name: policy.metadata.name,
    Description: description,
    Permissions: JSON.stringify(permissions),
    Resources: JSON.stringify(resources),
    AccessControlRules: JSON.stringify({ NetworkRules: networkRules }),
    Mode: mode,
  };
  if (inKms === undefined) return kms.call('CreatePolicy', { ...wanted, KmsInstance: scope }, signal);
  const same =
    text(inKms, 'Description') === description &&
    text(inKms, 'Mode') === mode &&
    sameMembers(list(inKms, 'Permissions'), permissions) &&
    sameMembers(list(inKms, 'Resources'), resources) &&
    sameMembers(networkRulesOf(inKms), networkRules);
  if (!same) await kms.call('UpdatePolicy', wanted, signal);
  return inKms;
}

function networkRulesOf(answer: KmsAnswer): readonly string[] {
  const rules = JSON.parse(text(answer, 'AccessControlRules') || '{}') as { NetworkRules?: unknown };
  return Array.isArray(rules.NetworkRules) ? rules.NetworkRules.map(String) : [];
}
