import { networkRuleType, type NetworkRule } from '../../api/v1alpha1/network-rule.ts';
import { find, list, remove, sameMembers, text, type KmsAnswer, type KmsApi } from '../kms-api.ts';
import { ViolationError } from '../check.ts';
import type { Lifecycle } from '../lifecycle.ts';

interface Gathered {
  inKms: KmsAnswer | undefined;
}

/** Keeps a network rule of KMS equal to the object. */
export function networkRuleLifecycle(kms: KmsApi): Lifecycle<NetworkRule, Gathered> {
  return {
    resource: networkRuleType,
    fieldManager: 'kaap-network-rule',
    holds: () => true,
    gather: async (rule, { signal }) => ({
      inKms: await find(kms, 'DescribeNetworkRule', { Name: rule.metadata.name }, signal),
    }),
    checks: [],
    act: async (rule, { inKms }, { signal }) => {
      const answer = await settle(kms, rule, inKms, signal);
      const { type, addresses } = rule.spec;
      return {
        status: { arn: text(answer, 'Arn') },
        message: `${type} addresses ${addresses.join(', ')} are in force.`,
      };
    },
    release: async (rule, { signal }) => {
      await remove(kms, 'DeleteNetworkRule', { Name: rule.metadata.name }, signal);
      return undefined;
    },
  };
}

async function settle(
  kms: KmsApi,
  rule: NetworkRule,
  inKms: KmsAnswer | undefined,
  signal: AbortSignal,
): Promise<KmsAnswer> {
  const { type, addresses, vpcId, description = '' } = rule.spec;
  const wanted = {
    Name: rule.metadata.name,
    Description: description,
    SourcePrivateIp: JSON.stringify(addresses),
    ...(vpcId === undefined ? {} : { VpcId: vpcId }),
  };
  if (inKms === undefined) return kms.call('CreateNetworkRule', { ...wanted, Type: type }, signal);
  if (text(inKms, 'Type') !== type) {
    throw new ViolationError({
      reason: 'TypeDiffers',
      message: `KMS already has a network rule of this name with type ${text(inKms, 'Type')}, and a rule's type cannot change. Delete that rule or choose another name.`,
    });
  }
  const same = sameMembers(list(inKms, 'SourcePrivateIp'), addresses) && text(inKms, 'Description') === description;
  if (!same || text(inKms, 'VpcId') !== (vpcId ?? '')) await kms.call('UpdateNetworkRule', wanted, signal);
  return inKms;
}
