// SPDX-License-Identifier: Apache-2.0
import type { z } from 'zod';
import { commonStatus, type CommonStatus } from '../condition.ts';
import {
  atomicListOf,
  choice,
  defaulted,
  flag,
  integer,
  mapOf,
  object,
  optional,
  text,
  timestamp,
} from '../crd/fields.ts';
import { constrained, immutableOptional, unchanging, type Rule } from '../crd/rules.ts';
import { defineCustomResource, type CustomResource, type CustomResourceType } from '../custom-resource.ts';
import { descriptionText, instanceId, labelName, tags } from './names.ts';

/** How values are made: parameters of KMS GetRandomPassword, and where in a JSON object the password goes. */
export interface SecretGenerator {
  /** Characters, 8 to 128. */
  length: number;
  excludeCharacters: string;
  excludeLowercase: boolean;
  excludeUppercase: boolean;
  excludeNumbers: boolean;
  excludePunctuation: boolean;
  requireEachIncludedType: boolean;
  /** Field of a JSON object that holds the password; without it the password is the whole value. */
  generatedField?: string;
  /** The other fields of that object. */
  template?: Record<string, string>;
}

export interface KmsSecretSpec {
  /** The name in KMS is `<namespace>/<name>`; when absent, name is that of the object. */
  name?: string;
  /** A KmsKey of the same namespace that encrypts the secret; the service's own key when absent. */
  encryptionKey?: { name: string };
  instanceId?: string;
  description?: string;
  /** Makes the first value, and those of rotation. Without it the value is put by the command line or an SDK. */
  generate?: SecretGenerator;
  /** Automatic rotation; none when absent. */
  rotation?: { intervalHours: number };
  tags?: Record<string, string>;
  deletionPolicy: 'Retain' | 'Delete';
  /** Days during which a deleted secret can be restored, under Delete. */
  recoveryWindowDays: number;
}

/** Somebody who reads the value. */
export interface SecretConsumer {
  /** `system:serviceaccount:<namespace>:<name>` of pods, or the ARN of a principal. */
  name: string;
  /** Pods of the service account that have read it; absent for others. */
  pods?: number;
  /** RFC 3339. */
  lastUsedTime: string;
}

export interface KmsSecretStatus extends CommonStatus {
  /** Full name in KMS. */
  secretName?: string;
  secretArn?: string;
  /** The version that is ACSCurrent; absent while there is no value. */
  versionId?: string;
  /** Disabled, Enabled, or Invalid after a rotation that failed. */
  automaticRotation?: string;
  /** RFC 3339; absent before the first rotation. */
  lastRotationTime?: string;
  /** RFC 3339; absent without automatic rotation. */
  nextRotationTime?: string;
  /** The last to read first. */
  consumers?: SecretConsumer[];
  /** How many more than {@link consumers}. */
  otherConsumers?: number;
  /** RFC 3339, exact to an hour; absent when nobody has read the value since usesKnownSince. */
  lastUsedTime?: string;
  /** RFC 3339. */
  usesKnownSince?: string;
}

/** A secret in KMS. Holds everything about it but its value. */
export interface KmsSecret extends CustomResource {
  kind: 'KmsSecret';
  spec: KmsSecretSpec;
  status?: KmsSecretStatus;
}

/** A part of a name: not `.` and not `..`, which whatever is in between could take for a step in a path. */
const namePart = '([A-Za-z0-9_+=@-]|[.][A-Za-z0-9_+=@-]|[.][.][A-Za-z0-9_+=.@-])[A-Za-z0-9_+=.@-]*';
const namePattern = new RegExp(`^${namePart}(/${namePart})*$`);

const reservedName: Rule<string> = {
  rule: `!self.startsWith('client-key/')`,
  message: 'must not begin with client-key/, where the installation keeps the passwords of client keys',
  holds: (value) => !value.startsWith('client-key/'),
};

const emptyAlphabet: Rule<SecretGenerator> = {
  rule: '!(self.excludeLowercase && self.excludeUppercase && self.excludeNumbers && self.excludePunctuation)',
  message: 'all kinds of characters are excluded: leave at least one of them in',
  holds: (generator) =>
    !(
      generator.excludeLowercase &&
      generator.excludeUppercase &&
      generator.excludeNumbers &&
      generator.excludePunctuation
    ),
};

const templateHasItsField: Rule<SecretGenerator> = {
  rule: '!has(self.template) || has(self.generatedField)',
  message: 'a template needs generatedField, the field of it that gets the password: give both',
  holds: ({ template, generatedField }) => template === undefined || generatedField !== undefined,
};

const generate: z.ZodType<SecretGenerator> = constrained<SecretGenerator>(
  object(
    'Makes random values inside KMS: the first one, and one at each rotation. Without it, put a value by the command line or an SDK.',
    {
      length: defaulted(integer('Number of characters.', 8, 128), 32),
      excludeCharacters: defaulted(
        text(
          'Characters that must not occur. The quote is left out because the kubelet cannot take it in a variable.',
          {
            min: 0,
            max: 64,
          },
        ),
        "'",
      ),
      excludeLowercase: defaulted(flag('Leave out a to z.'), false),
      excludeUppercase: defaulted(flag('Leave out A to Z.'), false),
      excludeNumbers: defaulted(flag('Leave out 0 to 9.'), false),
      excludePunctuation: defaulted(flag('Leave out punctuation.'), false),
      requireEachIncludedType: defaulted(flag('At least one character of each kind that is not left out.'), true),
      generatedField: optional(
        text('Makes the value a JSON object, in which this field holds the password.', { max: 128 }),
      ),
      template: optional(
        mapOf(
          'The other fields of that object, such as a user name and a host. Rotation keeps what the current value has instead. Nothing secret belongs here.',
          text('Value of a field.', { min: 0, max: 1024 }),
          { max: 7, maxKey: 128 },
        ),
      ),
    },
  ),
  [emptyAlphabet, templateHasItsField],
);

const advice = 'create a KmsSecret of another name and move to that';

const specSchema: z.ZodType<KmsSecretSpec> = unchanging(
  object('The secret as it should be. It never holds the value.', {
    name: optional(
      text('Name below <namespace>/ in KMS; the name of the object when left out. Cannot be changed.', {
        max: 128,
        format: {
          pattern: namePattern,
          message:
            'must be letters, digits and _ + = . @ -, with / between parts that are not . or .., and without the namespace',
        },
        rules: [reservedName],
      }),
    ),
    encryptionKey: optional(
      object('The key that encrypts the secret; the key of the service when left out.', {
        name: labelName('Name of a KmsKey in the same namespace.'),
      }),
    ),
    instanceId: optional(
      instanceId('The KMS instance that holds the secret; the shared one when left out. Cannot be changed.'),
    ),
    description: optional(descriptionText()),
    generate: optional(generate),
    rotation: optional(
      object(
        'Automatic rotation: the value is made by generate, and the one before stays ACSPrevious. None when left out.',
        { intervalHours: integer('Hours between two rotations. A change counts from the moment it is made.', 6, 8760) },
      ),
    ),
    tags: optional(tags()),
    deletionPolicy: defaulted(
      choice(
        'What happens to the secret when this object is deleted: Retain leaves it in KMS, Delete deletes it after recoveryWindowDays.',
        ['Retain', 'Delete'],
      ),
      'Retain',
    ),
    recoveryWindowDays: defaulted(integer('Days during which a deleted secret can be restored in KMS.', 7, 30), 30),
  }),
  [immutableOptional('name', advice), immutableOptional('instanceId', advice)],
);

const consumer: z.ZodType<SecretConsumer> = object('Somebody who reads the value.', {
  name: text('system:serviceaccount:NAMESPACE:NAME for pods, else the ARN of the principal.', { max: 512 }),
  pods: optional(integer('How many pods of the service account have read it.', 1, Number.MAX_SAFE_INTEGER)),
  lastUsedTime: timestamp('When it was last read, exact to an hour.'),
});

const statusSchema: z.ZodType<KmsSecretStatus> = object('What became of it. Written by the operator.', {
  ...commonStatus,
  secretName: optional(text('Full name of the secret in KMS.', { max: 192 })),
  secretArn: optional(text('ARN of the secret.', { max: 320 })),
  versionId: optional(text('Id of the version that is current; absent while there is no value.', { max: 64 })),
  automaticRotation: optional(
    text('Enabled, Disabled, or Invalid when the last rotation failed and is tried again.', { max: 64 }),
  ),
  lastRotationTime: optional(timestamp('When the secret rotated last; absent when it never did.')),
  nextRotationTime: optional(timestamp('When it rotates next; absent without automatic rotation.')),
  consumers: optional(atomicListOf('Who has read the value, the last to read first.', consumer, { max: 16 })),
  otherConsumers: optional(integer('How many more have read it than consumers names.', 1, Number.MAX_SAFE_INTEGER)),
  lastUsedTime: optional(
    timestamp('When the value was last read, exact to an hour; absent when nobody has read it since usesKnownSince.'),
  ),
  usesKnownSince: optional(timestamp('Since when KMS counts who reads the secret.')),
});

/** The kind KmsSecret. */
export const kmsSecretType: CustomResourceType<KmsSecret> = defineCustomResource<KmsSecret>({
  plural: 'kmssecrets',
  kind: 'KmsSecret',
  namespaced: true,
  shortNames: ['ksec'],
  description:
    'KmsSecret is a secret in KMS: its name, encryption key and tags, never its value. The value is generated inside KMS, or put by the command line or an SDK.',
  specSchema,
  statusSchema,
  columns: [
    { name: 'Secret', type: 'string', jsonPath: '.status.secretName' },
    { name: 'Version', type: 'string', jsonPath: '.status.versionId' },
    { name: 'Last Used', type: 'date', jsonPath: '.status.lastUsedTime' },
    { name: 'Key', type: 'string', jsonPath: '.spec.encryptionKey.name', priority: 1 },
    { name: 'Next rotation', type: 'string', jsonPath: '.status.nextRotationTime', priority: 1 },
    { name: 'Instance', type: 'string', jsonPath: '.spec.instanceId', priority: 1 },
  ],
  selectableFields: ['.status.secretName'],
});
