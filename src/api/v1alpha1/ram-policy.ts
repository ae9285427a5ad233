// SPDX-License-Identifier: Apache-2.0
import type { z } from 'zod';
import { commonStatus, type CommonStatus } from '../condition.ts';
import { object, optional, text } from '../crd/fields.ts';
import { immutableOptional, unchanging } from '../crd/rules.ts';
import { defineCustomResource, type CustomResource, type CustomResourceType } from '../custom-resource.ts';
import { descriptionText } from './names.ts';
import { policyDocument, ramDeletionPolicy, ramName, type RamDeletionPolicy } from './ram-fields.ts';

export interface RamPolicySpec {
  /** Name in RAM; the object's unless given. */
  name?: string;
  /** JSON text. */
  document: string;
  description?: string;
  deletionPolicy: RamDeletionPolicy;
}

export interface RamPolicyStatus extends CommonStatus {
  /** Id of the version in force, `v1`, `v2`, …. */
  defaultVersion?: string;
}

/** A custom policy of RAM. */
export interface RamPolicy extends CustomResource {
  kind: 'RamPolicy';
  spec: RamPolicySpec;
  status?: RamPolicyStatus;
}

const specSchema: z.ZodType<RamPolicySpec> = unchanging(
  object('What the policy says.', {
    name: ramName('policy', /^[A-Za-z0-9._-]+$/),
    document: policyDocument(
      'The policy document as RAM has it, JSON with Version and Statement, at most 6144 bytes. Ready is False with the path of the element that is not valid.',
      6144,
    ),
    description: optional(descriptionText()),
    deletionPolicy: ramDeletionPolicy('policy'),
  }),
  [immutableOptional('name', 'create a RamPolicy of another name')],
);

const statusSchema: z.ZodType<RamPolicyStatus> = object('What became of it. Written by the operator.', {
  ...commonStatus,
  defaultVersion: optional(text('Id of the version of the policy that is in force.', { max: 16 })),
});

/** The kind RamPolicy. */
export const ramPolicyType: CustomResourceType<RamPolicy> = defineCustomResource<RamPolicy>({
  plural: 'rampolicies',
  kind: 'RamPolicy',
  namespaced: false,
  shortNames: ['rpol'],
  description:
    'RamPolicy is a policy document of RAM. A RamUser or RamRole lists it, and then may do what it allows and nothing that it denies.',
  specSchema,
  statusSchema,
  columns: [
    { name: 'Version', type: 'string', jsonPath: '.status.defaultVersion' },
    { name: 'Description', type: 'string', jsonPath: '.spec.description', priority: 1 },
  ],
});
