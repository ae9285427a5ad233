// SPDX-License-Identifier: Apache-2.0
import { z } from 'zod';

/** Who an object belongs to; the owner's deletion deletes it. */
export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

/** The part of metav1.ObjectMeta that Kaap reads or writes. */
export interface ObjectMeta {
  name: string;
  namespace?: string;
  uid?: string;
  /** Opaque: equal means unchanged, and there is no order between two of them. */
  resourceVersion?: string;
  /** Counts changes of the spec. */
  generation?: number;
  /** RFC 3339, whole seconds. */
  creationTimestamp?: string;
  /** Present once deletion was asked for; the object stays until its finalizers are gone. */
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  ownerReferences?: OwnerReference[];
}

const textMap: z.ZodType<Record<string, string>> = z.record(z.string(), z.string());

/** Object names of every kind of kaap.dev: a DNS label, because they become parts of KMS names. */
export const namePattern: RegExp = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** What a manifest may say of an object's metadata. Fields that a server fills are accepted, others refused. */
export const objectMetaSchema: z.ZodType<ObjectMeta> = z.strictObject({
  name: z
    .string()
    .regex(namePattern, 'must be lower-case letters, digits and hyphens, 1 to 63 characters, such as shop-db'),
  namespace: z.string().max(63).exactOptional(),
  uid: z.string().exactOptional(),
  resourceVersion: z.string().exactOptional(),
  generation: z.int().exactOptional(),
  creationTimestamp: z.string().exactOptional(),
  deletionTimestamp: z.string().exactOptional(),
  labels: textMap.exactOptional(),
  annotations: textMap.exactOptional(),
  finalizers: z.array(z.string()).exactOptional(),
  ownerReferences: z
    .array(
      z.strictObject({
        apiVersion: z.string(),
        kind: z.string(),
        name: z.string(),
        uid: z.string(),
        controller: z.boolean().exactOptional(),
        blockOwnerDeletion: z.boolean().exactOptional(),
      }),
    )
    .exactOptional(),
});
