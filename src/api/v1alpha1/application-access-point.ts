// SPDX-License-Identifier: Apache-2.0
import type { z } from 'zod';
import { commonStatus, type CommonStatus } from '../condition.ts';
import {
  choice,
  defaulted,
  flag,
  integer,
  mapListOf,
  object,
  optional,
  setOf,
  text,
  timestamp,
} from '../crd/fields.ts';
import { constrained, exactlyOne, unchanging, type Rule } from '../crd/rules.ts';
import { defineCustomResource, type CustomResource, type CustomResourceType } from '../custom-resource.ts';
import {
  descriptionText,
  labelName,
  objectName,
  serviceAccountReference,
  type ServiceAccountReference,
} from './names.ts';

/** Where an application runs, and so how it proves its role. */
export type TrustedRole =
  'ServiceAccountRole' | 'ACKWorkerRole' | 'ECSInstanceRole' | 'FunctionComputeRole' | 'AlibabaCloudRole';

export interface RamRoleAuthentication {
  trustedRole: TrustedRole;
  roleName: string;
  /** Present exactly when `trustedRole` is ServiceAccountRole. */
  serviceAccounts?: ServiceAccountReference[];
  /** `acs:ram::<account>:role/<name>`. Present exactly when `trustedRole` is AlibabaCloudRole. */
  alibabaCloudRoles?: string[];
}

export interface ClientKeyAuthentication {
  /** How long a client key is valid, in days. */
  validityDays: number;
  /** The Secret that receives the client key file, once. */
  secretRef: { namespace: string; name: string };
  /** Service accounts whose pods may ask for the password of the file. */
  serviceAccounts?: ServiceAccountReference[];
}

/** Exactly one of the two. */
export type Authentication =
  { ramRole: RamRoleAuthentication; clientKey?: never } | { clientKey: ClientKeyAuthentication; ramRole?: never };

export interface ApplicationAccessPointSpec {
  authentication: Authentication;
  /** Names of RbacPolicies, 1 to 3. */
  policies: string[];
  mode: 'Enforce' | 'Shadow';
  description?: string;
}

export interface ApplicationAccessPointStatus extends CommonStatus {
  arn?: string;
  /** `KAAP.<uuid>`. */
  clientKeyId?: string;
  /** RFC 3339. */
  clientKeyNotAfter?: string;
  /** Whether the Secret has received the file of that client key. */
  clientKeyDelivered?: boolean;
}

/** How applications prove who they are, and the policies that then apply. */
export interface ApplicationAccessPoint extends CustomResource {
  kind: 'ApplicationAccessPoint';
  spec: ApplicationAccessPointSpec;
  status?: ApplicationAccessPointStatus;
}

const serviceAccountsRule: Rule<RamRoleAuthentication> = {
  rule: `(self.trustedRole == 'ServiceAccountRole') == has(self.serviceAccounts)`,
  message: 'give serviceAccounts when trustedRole is ServiceAccountRole, and only then',
  holds: (role) => (role.trustedRole === 'ServiceAccountRole') === (role.serviceAccounts !== undefined),
};

const alibabaCloudRolesRule: Rule<RamRoleAuthentication> = {
  rule: `(self.trustedRole == 'AlibabaCloudRole') == has(self.alibabaCloudRoles)`,
  message: 'give alibabaCloudRoles when trustedRole is AlibabaCloudRole, and only then',
  holds: (role) => (role.trustedRole === 'AlibabaCloudRole') === (role.alibabaCloudRoles !== undefined),
};

const alibabaCloudRole: z.ZodType<string> = text('ARN of a role, acs:ram::<account>:role/<name>.', {
  max: 128,
  format: {
    pattern: /^acs:ram::[0-9]{1,32}:role\/[A-Za-z0-9._-]{1,64}$/,
    message: 'must be acs:ram::<account>:role/<name>',
  },
});

const serviceAccounts = (purpose: string): z.ZodType<ServiceAccountReference[]> =>
  mapListOf(purpose, serviceAccountReference('A service account.'), { min: 1, max: 64, keys: ['namespace', 'name'] });

const roleName: z.ZodType<string> = text('Name of the RAM role that the application assumes.', {
  max: 64,
  format: { pattern: /^[A-Za-z0-9.-]+$/, message: 'must be letters, digits, dots and hyphens' },
  rules: [
    {
      rule: `!self.startsWith('kaap-')`,
      message: 'must not begin with kaap-: such roles belong to the installation itself',
      holds: (value) => !value.startsWith('kaap-'),
    },
  ],
});

const ramRole: z.ZodType<RamRoleAuthentication> = constrained<RamRoleAuthentication>(
  object('The application proves a RAM role.', {
    trustedRole: choice(
      'Who may assume the role: pods of service accounts (ServiceAccountRole), nodes (ACKWorkerRole, ECSInstanceRole), functions (FunctionComputeRole), or sessions of roles in an account of Alibaba Cloud (AlibabaCloudRole).',
      ['ServiceAccountRole', 'ACKWorkerRole', 'ECSInstanceRole', 'FunctionComputeRole', 'AlibabaCloudRole'],
    ),
    roleName,
    serviceAccounts: optional(
      serviceAccounts(
        'The service accounts that may use this access point; needed when trustedRole is ServiceAccountRole.',
      ),
    ),
    alibabaCloudRoles: optional(
      setOf(
        'The roles of Alibaba Cloud whose sessions may use this access point; needed when trustedRole is AlibabaCloudRole.',
        alibabaCloudRole,
        { min: 1, max: 64 },
      ),
    ),
  }),
  [serviceAccountsRule, alibabaCloudRolesRule],
);

const clientKey: z.ZodType<ClientKeyAuthentication> = object('The application signs with a client key.', {
  validityDays: defaulted(integer('For how many days a client key is valid.', 1, 1825), 365),
  secretRef: object('The Secret that the operator creates for the client key file. It must not exist yet.', {
    namespace: labelName('Namespace of the Secret: that of the pods which use the key.'),
    name: objectName('Name of the Secret.'),
  }),
  serviceAccounts: optional(
    serviceAccounts('Service accounts whose pods may ask KMS for the password that opens the client key file.'),
  ),
});

const authentication: z.ZodType<Authentication> = unchanging(
  constrained(
    object('How the application proves who it is: exactly one of ramRole and clientKey.', {
      ramRole: optional(ramRole),
      clientKey: optional(clientKey),
    }),
    [exactlyOne<{ ramRole?: unknown; clientKey?: unknown }>(['ramRole', 'clientKey'])],
  ) as unknown as z.ZodType<Authentication>,
  [
    {
      rule: 'has(self.ramRole) == has(oldSelf.ramRole)',
      message: 'the method of authentication cannot be changed: create an ApplicationAccessPoint of another name',
      reason: 'FieldValueForbidden',
    },
  ],
);

const specSchema: z.ZodType<ApplicationAccessPointSpec> = object('Who may come through, and what then applies.', {
  authentication,
  policies: setOf('The RbacPolicies that apply, at most three.', labelName('Name of an RbacPolicy.'), {
    min: 1,
    max: 3,
  }),
  mode: defaulted(
    choice(
      'Enforce refuses what the policies do not permit. Shadow permits it and records what would have been refused.',
      ['Enforce', 'Shadow'],
    ),
    'Enforce',
  ),
  description: optional(descriptionText()),
});

const statusSchema: z.ZodType<ApplicationAccessPointStatus> = object('What became of it. Written by the operator.', {
  ...commonStatus,
  arn: optional(text('ARN of the access point in KMS.', { max: 256 })),
  clientKeyId: optional(text('Id of the client key in use, KAAP.<uuid>.', { max: 64 })),
  clientKeyNotAfter: optional(timestamp('When that client key ends.')),
  clientKeyDelivered: optional(flag('Whether the Secret has received the file of that client key.')),
});

/** The kind ApplicationAccessPoint. */
export const applicationAccessPointType: CustomResourceType<ApplicationAccessPoint> =
  defineCustomResource<ApplicationAccessPoint>({
    plural: 'applicationaccesspoints',
    kind: 'ApplicationAccessPoint',
    namespaced: false,
    shortNames: ['aap'],
    description:
      'ApplicationAccessPoint says how an application proves who it is to KMS, and which RbacPolicies then apply to it. A SecretBinding names it.',
    specSchema,
    statusSchema,
    columns: [
      { name: 'Role', type: 'string', jsonPath: '.spec.authentication.ramRole.roleName' },
      { name: 'Client Key', type: 'string', jsonPath: '.status.clientKeyId' },
      { name: 'Policies', type: 'string', jsonPath: '.spec.policies' },
      { name: 'Mode', type: 'string', jsonPath: '.spec.mode' },
      { name: 'Key Expires', type: 'date', jsonPath: '.status.clientKeyNotAfter', priority: 1 },
    ],
    selectableFields: ['.spec.mode'],
  });
