// SPDX-License-Identifier: Apache-2.0
import type { z } from 'zod';
import { commonStatus, type CommonStatus } from '../condition.ts';
import { choice, defaulted, object, optional, setOf, text } from '../crd/fields.ts';
import { immutable, unchanging } from '../crd/rules.ts';
import { defineCustomResource, type CustomResource, type CustomResourceType } from '../custom-resource.ts';
import { descriptionText, labelName } from './names.ts';

/** A set of permissions that Alibaba Cloud KMS gives a name. */
export type PermissionTemplate = 'SecretUser' | 'CryptoServiceKeyUser';

export interface RbacPolicySpec {
  /** `shared`, or the id of a KMS instance. */
  scope: string;
  templates: PermissionTemplate[];
  /** `secret/<name>` and `key/<id>`; `*` only at the end. */
  resources: string[];
  /** Names of NetworkRules; none means from anywhere. */
  networkRules?: string[];
  /** `Shadow` tries the policy out: what it would refuse is recorded and goes on. `Enforce` unless given. */
  mode?: 'Enforce' | 'Shadow';
  description?: string;
}

export interface RbacPolicyStatus extends CommonStatus {
  arn?: string;
}

/** What whoever comes through an access point may do. */
export interface RbacPolicy extends CustomResource {
  kind: 'RbacPolicy';
  spec: RbacPolicySpec;
  status?: RbacPolicyStatus;
}

const resource: z.ZodType<string> = text('A secret or key: secret/<name> or key/<id>, with * at the end only.', {
  max: 200,
  format: {
    pattern: /^(secret\/([A-Za-z0-9_/+=.@-]+\*?|\*)|key\/([A-Za-z0-9-]+\*?|\*))$/,
    message: 'must be secret/<name> or key/<id>, with * allowed at the end only, such as secret/shop/*',
  },
});

const specSchema: z.ZodType<RbacPolicySpec> = unchanging(
  object('What is permitted, on what, from where.', {
    scope: defaulted(
      text('The KMS instance that keys and secrets belong to: shared, or an instance id. Cannot be changed.', {
        max: 68,
        format: {
          pattern: /^(shared|kst-[A-Za-z0-9]{4,64})$/,
          message: 'must be shared or the id of a KMS instance, kst-…',
        },
      }),
      'shared',
    ),
    templates: setOf(
      'Permission templates. SecretUser: read secret values. CryptoServiceKeyUser: encrypt, decrypt, sign, verify, data keys.',
      choice('A permission template.', ['SecretUser', 'CryptoServiceKeyUser']),
      { min: 1, max: 2 },
    ),
    resources: setOf('The secrets and keys that the templates apply to.', resource, { min: 1, max: 64 }),
    networkRules: optional(
      setOf(
        'NetworkRules that calls must come from, any of them. When left out, calls may come from anywhere.',
        labelName('Name of a NetworkRule.'),
        { min: 1, max: 32 },
      ),
    ),
    mode: optional(
      choice(
        'Enforce, which it is when left out, refuses what resources and networkRules do not cover. Shadow lets calls of the templates in the scope go on, and records what would have been refused.',
        ['Enforce', 'Shadow'],
      ),
    ),
    description: optional(descriptionText()),
  }),
  [immutable('scope', 'create an RbacPolicy of another name for the other instance')],
);

const statusSchema: z.ZodType<RbacPolicyStatus> = object('What became of it. Written by the operator.', {
  ...commonStatus,
  arn: optional(text('ARN of the policy in KMS.', { max: 256 })),
});

/** The kind RbacPolicy. */
export const rbacPolicyType: CustomResourceType<RbacPolicy> = defineCustomResource<RbacPolicy>({
  plural: 'rbacpolicies',
  kind: 'RbacPolicy',
  namespaced: false,
  shortNames: ['rbacp'],
  description:
    'RbacPolicy says what may be done with which keys and secrets, and from which networks. An ApplicationAccessPoint lists it.',
  specSchema,
  statusSchema,
  columns: [
    { name: 'Scope', type: 'string', jsonPath: '.spec.scope' },
    { name: 'Templates', type: 'string', jsonPath: '.spec.templates' },
    { name: 'Resources', type: 'string', jsonPath: '.spec.resources', priority: 1 },
  ],
  selectableFields: ['.spec.scope'],
});
