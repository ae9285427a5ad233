// SPDX-License-Identifier: Apache-2.0
import type { CustomResourceType, PrinterColumn } from '../custom-resource.ts';
import { namePattern } from '../object-meta.ts';
import { structuralSchema, type StructuralSchema } from './structural.ts';

/** apiextensions.k8s.io/v1 CustomResourceDefinition, as far as it is used here. */
export interface CustomResourceDefinition {
  apiVersion: 'apiextensions.k8s.io/v1';
  kind: 'CustomResourceDefinition';
  metadata: { name: string };
  spec: {
    group: string;
    names: {
      kind: string;
      listKind: string;
      plural: string;
      singular: string;
      shortNames: readonly string[];
      categories: readonly string[];
    };
    scope: 'Namespaced' | 'Cluster';
    versions: readonly CustomResourceVersion[];
  };
}

/** One version of a {@link CustomResourceDefinition}. */
export interface CustomResourceVersion {
  name: string;
  served: boolean;
  storage: boolean;
  subresources: { status: Record<string, never> };
  additionalPrinterColumns: readonly PrinterColumn[];
  selectableFields?: readonly { jsonPath: string }[];
  schema: { openAPIV3Schema: ObjectSchema };
}

/** Schema of a whole object: its own metadata is the API server's, of which only the name may be narrowed. */
export type ObjectSchema = Omit<StructuralSchema, 'properties'> & { properties: Record<string, unknown> };

const readyColumns: readonly PrinterColumn[] = [
  { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
  { name: 'Reason', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].reason' },
];
const lastColumns: readonly PrinterColumn[] = [
  { name: 'Message', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].message', priority: 1 },
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
];

/** The CustomResourceDefinition of a kind. */
export function customResourceDefinition(kind: CustomResourceType): CustomResourceDefinition {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${kind.plural}.${kind.group}` },
    spec: {
      group: kind.group,
      names: {
        kind: kind.kind,
        listKind: `${kind.kind}List`,
        plural: kind.plural,
        singular: kind.singular,
        shortNames: kind.shortNames,
        categories: kind.categories,
      },
      scope: kind.namespaced ? 'Namespaced' : 'Cluster',
      versions: [versionOf(kind)],
    },
  };
}

function versionOf(kind: CustomResourceType): CustomResourceVersion {
  return {
    name: kind.version,
    served: true,
    storage: true,
    subresources: { status: {} },
    additionalPrinterColumns: [...readyColumns, ...kind.columns, ...lastColumns],
    ...(kind.selectableFields.length > 0 && {
      selectableFields: kind.selectableFields.map((jsonPath) => ({ jsonPath })),
    }),
    schema: { openAPIV3Schema: objectSchemaOf(kind) },
  };
}

function objectSchemaOf(kind: CustomResourceType): ObjectSchema {
  return {
    description: kind.description,
    type: 'object',
    required: ['spec'],
    properties: {
      apiVersion: { description: `Version of the schema: ${kind.group}/${kind.version}.`, type: 'string' },
      kind: { description: `Always ${kind.kind}.`, type: 'string' },
      metadata: { type: 'object', properties: { name: { type: 'string', maxLength: 63 } } },
      spec: structuralSchema(kind.specSchema, 'spec'),
      status: structuralSchema(kind.statusSchema, 'status'),
    },
    'x-kubernetes-validations': [
      {
        rule: `self.metadata.name.matches(r'${namePattern.source}')`,
        message: 'metadata.name must be lower-case letters, digits and hyphens: it becomes part of names in KMS',
      },
    ],
  };
}
