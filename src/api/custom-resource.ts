// SPDX-License-Identifier: Apache-2.0
import { z } from 'zod';
import type { CommonStatus } from './condition.ts';
import { objectMetaSchema, type ObjectMeta } from './object-meta.ts';

export const apiGroup = 'kaap.dev';
export const apiVersion = 'kaap.dev/v1alpha1';

/** Any object of a kind of this group. */
export interface CustomResource {
  apiVersion: typeof apiVersion;
  kind: string;
  metadata: ObjectMeta;
  spec: object;
  status?: CommonStatus;
}

/** A column of `kubectl get`. */
export interface PrinterColumn {
  name: string;
  type: 'string' | 'integer' | 'boolean' | 'date';
  jsonPath: string;
  description?: string;
  /** 0 is always shown, 1 with `-o wide`. */
  priority?: 0 | 1;
}

/** A kind: how the API server, the controllers and the generator know it. */
export interface CustomResourceType<T extends CustomResource = CustomResource> {
  readonly group: typeof apiGroup;
  readonly version: 'v1alpha1';
  readonly plural: string;
  readonly singular: string;
  readonly kind: T['kind'];
  readonly namespaced: boolean;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  /** What an object of this kind says, in a sentence or two. */
  readonly description: string;
  readonly specSchema: z.ZodType<T['spec']>;
  readonly statusSchema: z.ZodType<NonNullable<T['status']>>;
  /** Between the columns Ready, Reason and Age, which every kind has. */
  readonly columns: readonly PrinterColumn[];
  /** JSON paths that `kubectl get --field-selector` understands. */
  readonly selectableFields: readonly string[];
  /** Never set: it carries the object's type only. */
  readonly objectType?: T;
}

/** What a kind tells of itself; the rest follows. */
export type CustomResourceFacts<T extends CustomResource> = Pick<
  CustomResourceType<T>,
  'plural' | 'kind' | 'namespaced' | 'shortNames' | 'description' | 'specSchema' | 'statusSchema' | 'columns'
> &
  Partial<Pick<CustomResourceType<T>, 'selectableFields'>>;

/** Completes a kind's description of itself. */
export function defineCustomResource<T extends CustomResource>(facts: CustomResourceFacts<T>): CustomResourceType<T> {
  return {
    group: apiGroup,
    version: 'v1alpha1',
    singular: facts.kind.toLowerCase(),
    categories: ['kaap'],
    selectableFields: [],
    ...facts,
  };
}

/** Schema of whole objects of a kind. Parsing applies the defaults. */
export function objectSchema<T extends CustomResource>(
  kind: Pick<CustomResourceType<T>, 'kind' | 'specSchema' | 'statusSchema'>,
): z.ZodType<T> {
  return z.strictObject({
    apiVersion: z.literal(apiVersion),
    kind: z.literal(kind.kind),
    metadata: objectMetaSchema,
    spec: kind.specSchema,
    status: kind.statusSchema.exactOptional(),
  }) as unknown as z.ZodType<T>;
}
