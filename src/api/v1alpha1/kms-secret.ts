// SPDX-License-Identifier: Apache-2.0
import type { z } from 'zod';
import { commonStatus, type CommonStatus } from '../condition.ts';
import { choice, defaulted, flag, integer, object, optional, text } from '../crd/fields.ts';
import { constrained, immutableOptional, unchanging, type Rule } from '../crd/rules.ts';
import { defineCustomResource, type CustomResource, type CustomResourceType } from '../custom-resource.ts';
import { descriptionText, instanceId, labelName, tags } from './names.ts';

/** Parameters of KMS GetRandomPassword. */
export interface SecretGenerator {
  /** Characters, 8 to 128. */
  length: number;
  excludeCharacters?: string;
  excludeLowercase: boolean;
  excludeUppercase: boolean;
  excludeNumbers: boolean;
  excludePunctuation: boolean;
  requireEachIncludedType: boolean;
}

export interface KmsSecretSpec {
  /** The name in KMS is `<namespace>/<name>`; when absent, name is that of the object. */
  name?: string;
  /** A KmsKey of the same namespace that encrypts the secret; the service's own key when absent. */
  encryptionKey?: { name: string };
  instanceId?: string;
  description?: string;
  /** Makes the first value. Without it the value is put by the command line or an SDK. */
  generate?: SecretGenerator;
  tags?: Record<string, string>;
  deletionPolicy: 'Retain' | 'Delete';
  /** Days during which a deleted secret can be restored, under Delete. */
  recoveryWindowDays: number;
}

export interface KmsSecretStatus extends CommonStatus {
  /** Full name in KMS. */
  secretName?: string;
  secretArn?: string;
  /** The version that is ACSCurrent; absent while there is no value. */
  versionId?: string;
}

/** A secret in KMS. Holds everything about it but its value. */
export interface KmsSecret extends CustomResource {
  kind: 'KmsSecret';
  spec: KmsSecretSpec;
  status?: KmsSecretStatus;
}

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

const generate: z.ZodType<SecretGenerator> = constrained<SecretGenerator>(
  object('Makes a random first value inside KMS. Without it, put a value by the command line or an SDK.', {
    length: defaulted(integer('Number of characters.', 8, 128), 32),
    excludeCharacters: optional(text('Characters that must not occur.', { max: 64 })),
    excludeLowercase: defaulted(flag('Leave out a to z.'), false),
    excludeUppercase: defaulted(flag('Leave out A to Z.'), false),
    excludeNumbers: defaulted(flag('Leave out 0 to 9.'), false),
    excludePunctuation: defaulted(flag('Leave out punctuation.'), false),
    requireEachIncludedType: defaulted(flag('At least one character of each kind that is not left out.'), true),
  }),
  [emptyAlphabet],
);

const advice = 'create a KmsSecret of another name and move to that';

const specSchema: z.ZodType<KmsSecretSpec> = unchanging(
  object('The secret as it should be. It never holds the value.', {
    name: optional(
      text('Name below <namespace>/ in KMS; the name of the object when left out. Cannot be changed.', {
        max: 128,
        format: {
          pattern: /^[A-Za-z0-9_+=.@-]+(\/[A-Za-z0-9_+=.@-]+)*$/,
          message: 'must be letters, digits and _ + = . @ -, with / between parts, and without the namespace',
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

const statusSchema: z.ZodType<KmsSecretStatus> = object('What became of it. Written by the operator.', {
  ...commonStatus,
  secretName: optional(text('Full name of the secret in KMS.', { max: 192 })),
  secretArn: optional(text('ARN of the secret.', { max: 320 })),
  versionId: optional(text('Id of the version that is current; absent while there is no value.', { max: 64 })),
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
    { name: 'Key', type: 'string', jsonPath: '.spec.encryptionKey.name', priority: 1 },
    { name: 'Instance', type: 'string', jsonPath: '.spec.instanceId', priority: 1 },
  ],
  selectableFields: ['.status.secretName'],
});
