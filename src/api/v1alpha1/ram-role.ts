// SPDX-License-Identifier: Apache-2.0
import type { z } from 'zod';
import { commonStatus, type CommonStatus } from '../condition.ts';
import { defaulted, integer, object, optional, text } from '../crd/fields.ts';
import { immutableOptional, unchanging } from '../crd/rules.ts';
import { defineCustomResource, type CustomResource, type CustomResourceType } from '../custom-resource.ts';
import { descriptionText } from './names.ts';
import {
  attachments,
  policyDocument,
  ramDeletionPolicy,
  ramName,
  type PolicyAttachmentReference,
  type RamDeletionPolicy,
} from './ram-fields.ts';

export interface RamRoleSpec {
  /** Name in RAM; the object's unless given. */
  name?: string;
  /** JSON text: who may assume the role. */
  trustPolicy: string;
  policies?: PolicyAttachmentReference[];
  /** Longest session, in seconds. */
  maxSessionSeconds: number;
  description?: string;
  deletionPolicy: RamDeletionPolicy;
}

export interface RamRoleStatus extends CommonStatus {
  arn?: string;
  roleId?: string;
}

/** A role of RAM. */
export interface RamRole extends CustomResource {
  kind: 'RamRole';
  spec: RamRoleSpec;
  status?: RamRoleStatus;
}

const specSchema: z.ZodType<RamRoleSpec> = unchanging(
  object('Who may assume the role, and what it may do.', {
    name: ramName('role', /^[A-Za-z0-9._-]+$/),
    trustPolicy: policyDocument(
      'Who may assume the role: a policy document with Principal (RAM, Service or Federated), at most 4096 bytes. Ready is False with the path of the element that is not valid.',
      4096,
    ),
    policies: optional(attachments('role')),
    maxSessionSeconds: defaulted(integer('Longest session of the role, in seconds.', 3600, 43_200), 3600),
    description: optional(descriptionText()),
    deletionPolicy: ramDeletionPolicy('role'),
  }),
  [immutableOptional('name', 'create a RamRole of another name')],
);

const statusSchema: z.ZodType<RamRoleStatus> = object('What became of it. Written by the operator.', {
  ...commonStatus,
  arn: optional(text('ARN of the role.', { max: 256 })),
  roleId: optional(text('Id of the role; another one after the role was deleted and made anew.', { max: 64 })),
});

/** The kind RamRole. */
export const ramRoleType: CustomResourceType<RamRole> = defineCustomResource<RamRole>({
  plural: 'ramroles',
  kind: 'RamRole',
  namespaced: false,
  shortNames: ['rrole'],
  description:
    'RamRole is a role of RAM: its trust policy says who may assume it, its policies what a session of it may do.',
  specSchema,
  statusSchema,
  columns: [
    { name: 'ARN', type: 'string', jsonPath: '.status.arn' },
    { name: 'Policies', type: 'string', jsonPath: '.spec.policies[*].name' },
    { name: 'Session', type: 'integer', jsonPath: '.spec.maxSessionSeconds', priority: 1 },
  ],
});
