import { ApiError } from '../lib/errors.ts';
import { blockContains, parseAddress, parseAddressBlock, type AddressBlock } from './cidr.ts';
import type { AccessContext } from './decision.ts';

/** From where an access point may be used, as CreateNetworkRule takes it. */
export interface NetworkRule {
  name: string;
  type: 'Private' | 'VPC' | 'Public';
  /** Addresses and CIDR blocks. Only a `VPC` rule may have none: then the whole VPC. */
  sourcePrivateIp: readonly string[];
  /** Of a `VPC` rule. */
  vpcId?: string;
}

/** A network rule ready to be asked. */
export interface CompiledNetworkRule {
  readonly name: string;
  readonly blocks: readonly AddressBlock[];
  readonly vpcId?: string;
}

/** @throws ApiError `InvalidParameter`, naming the part of the rule that is wrong. */
export function compileNetworkRule(rule: NetworkRule): CompiledNetworkRule {
  const blocks = rule.sourcePrivateIp.map((text) => parseAddressBlock(text));
  if (rule.type !== 'VPC') {
    if (blocks.length === 0) {
      throw new ApiError('InvalidParameter', `Network rule ${rule.name}: give at least one address or CIDR block.`);
    }
    return { name: rule.name, blocks };
  }
  if (rule.vpcId === undefined || rule.vpcId === '') {
    throw new ApiError('InvalidParameter', `Network rule ${rule.name}: a rule of type VPC needs a VPC id.`);
  }
  return { name: rule.name, blocks, vpcId: rule.vpcId };
}

/** Whether the caller's network is one that the rule names. A source address that cannot be read matches nothing. */
export function networkRuleMatches(rule: CompiledNetworkRule, context: AccessContext): boolean {
  if (rule.vpcId !== undefined) {
    if (context.sourceVpc !== rule.vpcId) return false;
    if (rule.blocks.length === 0) return true;
  }
  const address = parseAddress(context.sourceIp);
  return address !== undefined && rule.blocks.some((block) => blockContains(block, address));
}
