// SPDX-License-Identifier: Apache-2.0
import { isIP } from 'node:net';
import type { z } from 'zod';
import { commonStatus, type CommonStatus } from '../condition.ts';
import { choice, object, optional, setOf, text } from '../crd/fields.ts';
import { constrained, immutable, immutableOptional, unchanging, type Rule } from '../crd/rules.ts';
import { defineCustomResource, type CustomResource, type CustomResourceType } from '../custom-resource.ts';
import { descriptionText } from './names.ts';

/** How a caller's network reaches KMS (KMS CreateNetworkRule, Type). */
export type NetworkType = 'Private' | 'VPC' | 'Public';

export interface NetworkRuleSpec {
  type: NetworkType;
  /** IP addresses and CIDR blocks. */
  addresses: string[];
  /** Present exactly when `type` is VPC. */
  vpcId?: string;
  description?: string;
}

export interface NetworkRuleStatus extends CommonStatus {
  arn?: string;
}

/** Networks from which calls may come. */
export interface NetworkRule extends CustomResource {
  kind: 'NetworkRule';
  spec: NetworkRuleSpec;
  status?: NetworkRuleStatus;
}

/** What CEL's `isIP` accepts: no zone, no IPv4 in IPv6. */
function isAddress(value: string): boolean {
  return isIP(value) !== 0 && !value.includes('%') && !/^::ffff:.*\./i.test(value);
}

/** What CEL's `isCIDR` accepts. */
function isBlock(value: string): boolean {
  const [, address = '', length = ''] = /^(.+)\/(0|[1-9][0-9]{0,2})$/.exec(value) ?? [];
  return isAddress(address) && Number(length) <= (isIP(address) === 4 ? 32 : 128);
}

const addressRule: Rule<string> = {
  rule: 'isIP(self) || isCIDR(self)',
  message: 'must be an IP address or a CIDR block, such as 10.0.0.7 or 10.0.0.0/8',
  holds: (value) => isAddress(value) || isBlock(value),
};

const vpcRule: Rule<NetworkRuleSpec> = {
  rule: `(self.type == 'VPC') == has(self.vpcId)`,
  message: 'give vpcId when type is VPC, and only then',
  holds: (spec) => (spec.type === 'VPC') === (spec.vpcId !== undefined),
};

const advice = 'create a NetworkRule of another name and refer to that';

const specSchema: z.ZodType<NetworkRuleSpec> = unchanging(
  constrained<NetworkRuleSpec>(
    object('Which networks calls may come from.', {
      type: choice('How the network reaches KMS: Public, VPC (through the named VPC) or Private. Cannot be changed.', [
        'Private',
        'VPC',
        'Public',
      ]),
      addresses: setOf(
        'IP addresses and CIDR blocks that calls may come from.',
        text('An IP address or a CIDR block.', { max: 64, rules: [addressRule] }),
        { min: 1, max: 64 },
      ),
      vpcId: optional(text('Id of the VPC; needed when type is VPC. Cannot be changed.', { max: 64 })),
      description: optional(descriptionText()),
    }),
    [vpcRule],
  ),
  [immutable('type', advice), immutableOptional('vpcId', advice)],
);

const statusSchema: z.ZodType<NetworkRuleStatus> = object('What became of it. Written by the operator.', {
  ...commonStatus,
  arn: optional(text('ARN of the network rule in KMS.', { max: 256 })),
});

/** The kind NetworkRule. */
export const networkRuleType: CustomResourceType<NetworkRule> = defineCustomResource<NetworkRule>({
  plural: 'networkrules',
  kind: 'NetworkRule',
  namespaced: false,
  shortNames: ['nrule'],
  description: 'NetworkRule names networks from which KMS may be called. An RbacPolicy refers to it.',
  specSchema,
  statusSchema,
  columns: [
    { name: 'Type', type: 'string', jsonPath: '.spec.type' },
    { name: 'Addresses', type: 'string', jsonPath: '.spec.addresses', priority: 1 },
  ],
  selectableFields: ['.spec.type'],
});
