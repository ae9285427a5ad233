// SPDX-License-Identifier: Apache-2.0
/** Fields that the kinds of RAM share, each with RAM's own bounds. */
import type { z } from 'zod';
import { choice, defaulted, mapListOf, object, optional, text } from '../crd/fields.ts';

/** A policy attached to a user or role. */
export interface PolicyAttachmentReference {
  name: string;
  /** Custom: a RamPolicy or one made with the API. System: one of KMS's own. */
  type: 'Custom' | 'System';
}

/** What happens in KMS when the object is deleted. */
export type RamDeletionPolicy = 'Delete' | 'Retain';

const json = {
  pattern: /^\s*\{[\s\S]*\}\s*$/,
  message: 'must be a policy document: a JSON object with Version and Statement',
};

/** The text of a policy document. What is wrong inside is told by the Ready condition, with the path of the element. */
export function policyDocument(description: string, max: number): z.ZodType<string> {
  return text(description, { max, format: json });
}

/** Name of a RAM policy. */
export function ramPolicyName(description: string): z.ZodType<string> {
  return text(description, {
    max: 64,
    format: { pattern: /^[A-Za-z0-9._-]+$/, message: 'must be letters, digits, dots, underscores and hyphens' },
  });
}

/** RAM takes at most 20 of either type. */
export function attachments(whom: string): z.ZodType<PolicyAttachmentReference[]> {
  const item = object('A policy.', {
    name: ramPolicyName('Name of the policy.'),
    type: defaulted(
      choice('Custom for a RamPolicy, System for one that KMS brings along, such as AliyunKMSSecretUserAccess.', [
        'Custom',
        'System',
      ]),
      'Custom',
    ),
  });
  return mapListOf(
    `The policies attached to the ${whom}; others that are attached in KMS are detached.`,
    item as unknown as z.ZodType<PolicyAttachmentReference>,
    { max: 40, keys: ['name', 'type'] },
  );
}

export function ramDeletionPolicy(what: string): z.ZodDefault<z.ZodType<RamDeletionPolicy>> {
  return defaulted(
    choice(`What happens to the ${what} in KMS when this object is deleted.`, ['Delete', 'Retain']),
    'Delete',
  );
}

/** Name in RAM of a user, role or policy, where it differs from the object's. */
export function ramName(what: string, pattern: RegExp): z.ZodExactOptional<z.ZodType<string>> {
  return optional(
    text(`Name of the ${what} in KMS; the name of the object unless given. Cannot be changed.`, {
      max: 64,
      format: { pattern, message: `must be a ${what} name: ${pattern.source.slice(1, -2)}, such characters only` },
      rules: [
        {
          rule: `!self.startsWith('kaap-')`,
          message: 'must not begin with kaap-: such names belong to the installation itself',
          holds: (value) => !value.startsWith('kaap-'),
        },
      ],
    }),
  );
}

/** The name in RAM of an object's user, role or policy. */
export function ramNameOf(owner: { metadata: { name: string }; spec: { name?: string } }): string {
  return owner.spec.name ?? owner.metadata.name;
}
