// SPDX-License-Identifier: Apache-2.0
import type { z } from 'zod';
import { commonStatus, type CommonStatus } from '../condition.ts';
import { choice, defaulted, object, optional, text } from '../crd/fields.ts';
import { immutableOptional, unchanging } from '../crd/rules.ts';
import { defineCustomResource, type CustomResource, type CustomResourceType } from '../custom-resource.ts';
import { labelName, objectName } from './names.ts';
import {
  attachments,
  ramDeletionPolicy,
  ramName,
  type PolicyAttachmentReference,
  type RamDeletionPolicy,
} from './ram-fields.ts';

export interface RamUserAccessKey {
  /** The Secret that receives it, once. */
  secretRef: { namespace: string; name: string };
  /** Whether the access key of before goes on working. */
  previous: 'Keep' | 'Delete';
}

export interface RamUserSpec {
  /** Name in RAM; the object's unless given. */
  name?: string;
  displayName?: string;
  comments?: string;
  policies?: PolicyAttachmentReference[];
  /** Asks for an access key. */
  accessKey?: RamUserAccessKey;
  deletionPolicy: RamDeletionPolicy;
}

export interface RamUserStatus extends CommonStatus {
  userId?: string;
  accessKeyId?: string;
  /** `<namespace>/<name>` of the Secret that has received that access key. */
  accessKeySecret?: string;
  /** The access key that it replaced, while that one still works. */
  previousAccessKeyId?: string;
}

/** A user of RAM. */
export interface RamUser extends CustomResource {
  kind: 'RamUser';
  spec: RamUserSpec;
  status?: RamUserStatus;
}

const accessKey = object(
  'Asks for an access key. It is made once, and delivered once. To replace it, name another Secret: that one receives a new access key, and previous says what becomes of the one before.',
  {
    secretRef: object(
      'The Secret that the operator creates for the access key, with the entries ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET. It must not exist yet.',
      {
        namespace: labelName('Namespace of the Secret: that of the pods which use the access key.'),
        name: objectName('Name of the Secret.'),
      },
    ),
    previous: defaulted(
      choice(
        'What becomes of the access key that a new one replaces: Keep lets it work on while applications change over, Delete ends it. A user has two access keys at most, so the next replacement ends it as well.',
        ['Keep', 'Delete'],
      ),
      'Keep',
    ),
  },
);

const specSchema: z.ZodType<RamUserSpec> = unchanging(
  object('Who it is, and what the user may do.', {
    name: ramName('user', /^[A-Za-z0-9._@-]+$/),
    displayName: optional(text('Name for people.', { max: 128, min: 0 })),
    comments: optional(text('What it is for, in your own words. Kept in KMS.', { max: 128, min: 0 })),
    policies: optional(attachments('user')),
    accessKey: optional(accessKey),
    deletionPolicy: ramDeletionPolicy('user, with its access keys,'),
  }),
  [immutableOptional('name', 'create a RamUser of another name')],
);

const statusSchema: z.ZodType<RamUserStatus> = object('What became of it. Written by the operator.', {
  ...commonStatus,
  userId: optional(text('Id of the user; another one after the user was deleted and made anew.', { max: 64 })),
  accessKeyId: optional(text('Id of the access key that the operator made.', { max: 128 })),
  accessKeySecret: optional(text('The Secret, <namespace>/<name>, that has received it.', { max: 320 })),
  previousAccessKeyId: optional(text('Id of the access key that was replaced, while it still works.', { max: 128 })),
});

/** The kind RamUser. */
export const ramUserType: CustomResourceType<RamUser> = defineCustomResource<RamUser>({
  plural: 'ramusers',
  kind: 'RamUser',
  namespaced: false,
  shortNames: ['ruser'],
  description:
    'RamUser is a user of RAM with the policies attached to it. Its access key goes into a Secret once, for software that signs with one.',
  specSchema,
  statusSchema,
  columns: [
    { name: 'Policies', type: 'string', jsonPath: '.spec.policies[*].name' },
    { name: 'Access Key', type: 'string', jsonPath: '.status.accessKeyId' },
  ],
});
