// SPDX-License-Identifier: Apache-2.0
/** Names that several kinds use, each with the shape that KMS or Kubernetes gives it. */
import type { z } from 'zod';
import type { Rule } from '../crd/rules.ts';
import { mapOf, object, optional, text } from '../crd/fields.ts';

/** Names a service account of the cluster. */
export interface ServiceAccountReference {
  namespace: string;
  name: string;
  /** Of a service account that was made again under the name and is to be let in. */
  uid?: string;
}

const label = { pattern: /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, message: 'must be lower-case letters, digits and hyphens' };
const subdomain = {
  pattern: /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/,
  message: 'must be lower-case letters, digits, hyphens and dots',
};

/** Name of a Kubernetes object that is a DNS label: a namespace, a container, an object of this group. */
export function labelName(description: string): z.ZodType<string> {
  return text(description, { max: 63, format: label });
}

/** Name of any other Kubernetes object: a service account, a Secret. */
export function objectName(description: string): z.ZodType<string> {
  return text(description, { max: 253, format: subdomain });
}

export function serviceAccountReference(description: string): z.ZodType<ServiceAccountReference> {
  return object(description, {
    namespace: labelName('Namespace of the service account.'),
    name: objectName('Name of the service account.'),
    uid: optional(
      text(
        'metadata.uid of the one that is meant. Without it, the first that comes; a later one of the name is refused.',
        {
          max: 64,
          format: { pattern: /^[A-Za-z0-9-]+$/, message: 'must be a uid, as metadata.uid shows it' },
        },
      ),
    ),
  });
}

/** Id of a KMS instance, such as `kst-hzz62ee817bvyyr5x****`. */
export function instanceId(description: string): z.ZodType<string> {
  const pattern = /^kst-[A-Za-z0-9]{4,64}$/;
  return text(description, {
    max: 68,
    format: { pattern, message: 'must be the id of a KMS instance, kst- and 4 to 64 letters or digits' },
  });
}

/** Free text; KMS keeps up to `max` characters. */
export function descriptionText(max: number = 1024): z.ZodType<string> {
  return text('What it is for, in your own words. Kept in KMS.', { max, min: 0 });
}

const reservedTags: Rule<Record<string, string>> = {
  rule: `self.all(key, !key.startsWith('aliyun') && !key.startsWith('acs:') && !key.startsWith('kaap.dev/'))`,
  message: 'a tag key must not begin with aliyun or acs:, which belong to Alibaba Cloud, or kaap.dev/',
  holds: (map) => Object.keys(map).every((key) => !/^(aliyun|acs:|kaap\.dev\/)/.test(key)),
};

/** Tags of a key or secret: KMS keeps at most 20, of which one says whose it is; keys and values of at most 128 characters. */
export function tags(): z.ZodType<Record<string, string>> {
  const value = text('Value of the tag.', { max: 128, min: 0 });
  return mapOf('Tags in KMS, for kms:tag/<key> conditions of policies: when given, these and no others.', value, {
    max: 19,
    maxKey: 128,
    rules: [reservedTags],
  });
}
