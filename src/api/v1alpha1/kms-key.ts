// SPDX-License-Identifier: Apache-2.0
import type { z } from 'zod';
import { commonStatus, type CommonStatus } from '../condition.ts';
import { choice, defaulted, flag, integer, object, optional, setOf, text } from '../crd/fields.ts';
import { constrained, immutable, immutableOptional, unchanging, type Rule } from '../crd/rules.ts';
import { defineCustomResource, type CustomResource, type CustomResourceType } from '../custom-resource.ts';
import { descriptionText, instanceId, tags } from './names.ts';

/** KMS CreateKey, KeySpec. A test holds this list against the specs that the KMS can make. */
const keySpecNames = [
  'Aliyun_AES_256',
  'Aliyun_AES_192',
  'Aliyun_AES_128',
  'Aliyun_SM4',
  'RSA_2048',
  'RSA_3072',
  'RSA_4096',
  'EC_P256',
  'EC_P256K',
  'EC_SM2',
  'HMAC_SHA_224',
  'HMAC_SHA_256',
  'HMAC_SHA_384',
  'HMAC_SHA_512',
  'HMAC_SM3',
] as const;

export type KmsKeySpecName = (typeof keySpecNames)[number];

export interface KmsKeySpec {
  keySpec: KmsKeySpecName;
  keyUsage: 'ENCRYPT/DECRYPT' | 'SIGN/VERIFY' | 'GENERATE/VERIFY MAC';
  origin: 'Aliyun_KMS';
  instanceId?: string;
  /** The key at its owner, in an External instance. */
  externalKeyId?: string;
  /** Where the material is, in a Hardware instance: in the token, or wrapped by a key of the token in the database. */
  storageMechanism?: 'HsmInternal' | 'HsmEncryptedDatabase';
  description?: string;
  /** Each becomes `alias/<namespace>/<alias>`; when absent, the object's name is the only one. */
  aliases?: string[];
  enabled: boolean;
  /** Automatic rotation; none when absent. */
  rotation?: { intervalDays: number };
  tags?: Record<string, string>;
  deletionProtection: boolean;
  deletionPolicy: 'Retain' | 'ScheduleDeletion';
  /** Days between the deletion of the object and that of the key, under ScheduleDeletion. */
  pendingWindowDays: number;
}

export interface KmsKeyStatus extends CommonStatus {
  keyId?: string;
  keyArn?: string;
  keyState?: string;
  /** Key version id that encrypts now. */
  primaryKeyVersion?: string;
  /** Full names, `alias/<namespace>/<alias>`. */
  aliases?: string[];
}

/** A key in KMS. */
export interface KmsKey extends CustomResource {
  kind: 'KmsKey';
  spec: KmsKeySpec;
  status?: KmsKeyStatus;
}

const usageRule: Rule<KmsKeySpec> = {
  rule: `!self.keySpec.startsWith('Aliyun_') || self.keyUsage == 'ENCRYPT/DECRYPT'`,
  message: 'a symmetric key (Aliyun_…) cannot sign: set keyUsage to ENCRYPT/DECRYPT',
  fieldPath: '.keyUsage',
  holds: (spec) => !spec.keySpec.startsWith('Aliyun_') || spec.keyUsage === 'ENCRYPT/DECRYPT',
};

const signingRule: Rule<KmsKeySpec> = {
  rule: `!self.keySpec.startsWith('EC_P') || self.keyUsage == 'SIGN/VERIFY'`,
  message: 'an elliptic-curve key (EC_P256, EC_P256K) of an object signs: set keyUsage to SIGN/VERIFY',
  fieldPath: '.keyUsage',
  holds: (spec) => !spec.keySpec.startsWith('EC_P') || spec.keyUsage === 'SIGN/VERIFY',
};

const macRule: Rule<KmsKeySpec> = {
  rule: `self.keySpec.startsWith('HMAC_') == (self.keyUsage == 'GENERATE/VERIFY MAC')`,
  message: 'keyUsage GENERATE/VERIFY MAC and a keySpec HMAC_… go together: set both or neither',
  fieldPath: '.keyUsage',
  holds: (spec) => spec.keySpec.startsWith('HMAC_') === (spec.keyUsage === 'GENERATE/VERIFY MAC'),
};

const rotationRule: Rule<KmsKeySpec> = {
  rule: `self.keySpec.startsWith('Aliyun_') || !has(self.rotation)`,
  message: 'an RSA, EC or HMAC key is not rotated automatically: leave rotation out',
  fieldPath: '.rotation',
  holds: (spec) => spec.keySpec.startsWith('Aliyun_') || spec.rotation === undefined,
};

/** Which type the instance has is known to KMS alone; that there is one is known here. */
function needsInstance(field: 'externalKeyId' | 'storageMechanism', type: string): Rule<KmsKeySpec> {
  return {
    rule: `!has(self.${field}) || has(self.instanceId)`,
    message: `${field} is for keys of ${type} instances: give instanceId as well, or leave it out`,
    holds: (spec) => spec[field] === undefined || spec.instanceId !== undefined,
  };
}

const onePlace: Rule<KmsKeySpec> = {
  rule: '!(has(self.externalKeyId) && (has(self.storageMechanism) || has(self.rotation)))',
  message: 'a key with externalKeyId stays with its owner, who rotates it: leave storageMechanism and rotation out',
  holds: ({ externalKeyId, storageMechanism, rotation }) =>
    externalKeyId === undefined || (storageMechanism === undefined && rotation === undefined),
};

// `alias/`, a namespace of 63 and a slash leave 185 of the 255 characters of a KMS alias.
const alias: z.ZodType<string> = text('An alias, without alias/ and the namespace.', {
  max: 185,
  format: {
    pattern: /^[A-Za-z0-9_-]+(\/[A-Za-z0-9_-]+)*$/,
    message: 'must be letters, digits, _ and -, with / between parts, and without alias/ and the namespace',
  },
  rules: [
    {
      rule: `!self.startsWith('alias/')`,
      message: 'must not begin with alias/: the full name becomes alias/<namespace>/<alias> by itself',
      holds: (value) => !value.startsWith('alias/'),
    },
  ],
});

const advice = 'create a KmsKey of another name and move to that';

const specSchema: z.ZodType<KmsKeySpec> = unchanging(
  constrained<KmsKeySpec>(
    object('The key as it should be.', {
      keySpec: defaulted(choice('Algorithm and size. Cannot be changed.', keySpecNames), 'Aliyun_AES_256'),
      keyUsage: defaulted(
        choice('What the key does. Cannot be changed.', ['ENCRYPT/DECRYPT', 'SIGN/VERIFY', 'GENERATE/VERIFY MAC']),
        'ENCRYPT/DECRYPT',
      ),
      origin: defaulted(
        choice('Where key material comes from: KMS makes it. Cannot be changed.', ['Aliyun_KMS']),
        'Aliyun_KMS',
      ),
      instanceId: optional(
        instanceId('The KMS instance that holds the key; the shared one when left out. Cannot be changed.'),
      ),
      externalKeyId: optional(
        text('Id of the key at its owner, in an instance of type External, which needs it. Cannot be changed.', {
          max: 128,
          format: {
            pattern: /^([A-Za-z0-9_-]|[.][A-Za-z0-9_-]|[.][.][A-Za-z0-9._-])[A-Za-z0-9._-]*$/,
            message: 'must be letters, digits and . _ -, and not . or ..',
          },
        }),
      ),
      storageMechanism: optional(
        choice(
          'Where the material of a key of a Hardware instance is: HsmInternal, in the HSM, which KMS takes when this is left out; HsmEncryptedDatabase, in the store of KMS under a key of the HSM. Cannot be changed.',
          ['HsmInternal', 'HsmEncryptedDatabase'],
        ),
      ),
      description: optional(descriptionText(8192)),
      aliases: optional(
        setOf(
          'Aliases. Each becomes alias/<namespace>/<alias>. When left out, the name of the object is the one alias.',
          alias,
          { max: 16 },
        ),
      ),
      enabled: defaulted(flag('Whether the key can be used. A disabled key keeps its material.'), true),
      rotation: optional(
        object('Automatic rotation. Older versions still decrypt.', {
          intervalDays: integer('Days between two versions.', 7, 365),
        }),
      ),
      tags: optional(tags()),
      deletionProtection: defaulted(flag('Whether KMS refuses to schedule the deletion of the key.'), false),
      deletionPolicy: defaulted(
        choice(
          'What happens to the key when this object is deleted: Retain leaves it in KMS, ScheduleDeletion deletes it after pendingWindowDays.',
          ['Retain', 'ScheduleDeletion'],
        ),
        'Retain',
      ),
      pendingWindowDays: defaulted(
        integer('Days during which a scheduled deletion can be cancelled in KMS.', 7, 366),
        30,
      ),
    }),
    [
      usageRule,
      signingRule,
      macRule,
      rotationRule,
      needsInstance('externalKeyId', 'External'),
      needsInstance('storageMechanism', 'Hardware'),
      onePlace,
    ],
  ),
  [
    immutable('keySpec', advice),
    immutable('keyUsage', advice),
    immutable('origin', advice),
    immutableOptional('instanceId', advice),
    immutableOptional('externalKeyId', advice),
    immutableOptional('storageMechanism', advice),
  ],
);

const statusSchema: z.ZodType<KmsKeyStatus> = object('What became of it. Written by the operator.', {
  ...commonStatus,
  keyId: optional(text('Id of the key in KMS.', { max: 64 })),
  keyArn: optional(text('ARN of the key.', { max: 256 })),
  keyState: optional(text('State of the key in KMS, such as Enabled, Unavailable or PendingDeletion.', { max: 64 })),
  primaryKeyVersion: optional(text('Id of the key version that encrypts now.', { max: 64 })),
  aliases: optional(
    setOf('Aliases in KMS that belong to this object.', text('A full alias, alias/…', { max: 255 }), { max: 64 }),
  ),
});

/** The kind KmsKey. */
export const kmsKeyType: CustomResourceType<KmsKey> = defineCustomResource<KmsKey>({
  plural: 'kmskeys',
  kind: 'KmsKey',
  namespaced: true,
  shortNames: ['kkey'],
  description:
    'KmsKey is a key in KMS with its aliases, rotation and tags. Key material never leaves KMS; deleting the object leaves the key in place unless deletionPolicy says otherwise.',
  specSchema,
  statusSchema,
  columns: [
    { name: 'Spec', type: 'string', jsonPath: '.spec.keySpec' },
    { name: 'Usage', type: 'string', jsonPath: '.spec.keyUsage', priority: 1 },
    { name: 'State', type: 'string', jsonPath: '.status.keyState' },
    { name: 'Key ID', type: 'string', jsonPath: '.status.keyId' },
    { name: 'Instance', type: 'string', jsonPath: '.spec.instanceId', priority: 1 },
  ],
  selectableFields: ['.spec.keySpec', '.spec.instanceId', '.status.keyId'],
});
