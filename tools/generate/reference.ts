// SPDX-License-Identifier: Apache-2.0
import { customResourceDefinition, type CustomResourceVersion } from '../../src/api/crd/generate.ts';
import type { StructuralSchema } from '../../src/api/crd/structural.ts';
import type { CustomResourceType } from '../../src/api/custom-resource.ts';
import { generatedFrom, type Artifact } from './artifact.ts';
import { kinds } from './crds.ts';

/** The reference page of the custom resources. */
export function referenceArtifacts(): Artifact[] {
  const introduction = [
    '# Custom resources',
    '',
    `<!-- ${generatedFrom('src/api')} -->`,
    '',
    'API version `kaap.dev/v1alpha1`. `kubectl get kaap -A` lists objects of every kind; `kubectl explain <kind>.spec` shows what is below.',
    'Names of objects are lower-case letters, digits and hyphens, at most 63 characters.',
    'Every kind has a `Ready` condition, so that `kubectl wait --for=condition=Ready` works.',
    '',
    '| Kind | Short name | Scope |',
    '|---|---|---|',
    ...kinds().map((kind) => `| [${kind.kind}](#${kind.singular}) | ${kind.shortNames.join(', ')} | ${scope(kind)} |`),
  ];
  const sections = kinds().flatMap((kind) => ['', ...section(kind)]);
  return [{ path: 'docs/reference/custom-resources.md', content: `${[...introduction, ...sections].join('\n')}\n` }];
}

function scope(kind: CustomResourceType): string {
  return kind.namespaced ? 'namespace' : 'cluster';
}

function section(kind: CustomResourceType): string[] {
  const [version] = customResourceDefinition(kind).spec.versions as readonly [CustomResourceVersion];
  const { spec, status } = version.schema.openAPIV3Schema.properties as Record<'spec' | 'status', StructuralSchema>;
  return [
    `## ${kind.kind}`,
    '',
    kind.description,
    '',
    ...(kind.selectableFields.length === 0
      ? []
      : [`Field selectors: ${kind.selectableFields.map((path) => `\`${path.slice(1)}\``).join(', ')}.`, '']),
    '### Spec',
    '',
    ...fieldTable('spec', spec),
    ...ruleList('spec', spec),
    '',
    '### Status',
    '',
    ...fieldTable('status', status),
  ];
}

interface Field {
  path: string;
  schema: StructuralSchema;
  required: boolean;
}

function* fieldsBelow(path: string, schema: StructuralSchema): Generator<Field> {
  const inner = schema.items ?? schema.additionalProperties;
  if (inner) yield* fieldsBelow(`${path}[]`, inner);
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const below = `${path}.${name}`;
    yield { path: below, schema: property, required: schema.required?.includes(name) ?? false };
    yield* fieldsBelow(below, property);
  }
}

function fieldTable(path: string, schema: StructuralSchema): string[] {
  const rows = [...fieldsBelow(path, schema)].map(
    (field) => `| \`${field.path}\` | ${typeOf(field.schema)} | ${presence(field)} | ${meaning(field.schema)} |`,
  );
  return ['| Field | Type | | Meaning |', '|---|---|---|---|', ...rows];
}

function typeOf(schema: StructuralSchema): string {
  if (schema.items) return `list of ${typeOf(schema.items)}`;
  if (schema.additionalProperties) return `map of ${typeOf(schema.additionalProperties)}`;
  return schema.format === 'date-time' ? 'time' : schema.type;
}

function presence({ schema, required }: Field): string {
  if (schema.default !== undefined) return `default \`${JSON.stringify(schema.default)}\``;
  return required ? 'required' : '';
}

function meaning(schema: StructuralSchema): string {
  const inner = schema.items ?? schema.additionalProperties;
  const values = schema.enum ?? inner?.enum;
  const limits = [
    values && `One of ${values.map((value) => `\`${value}\``).join(', ')}.`,
    schema.items && countOf(schema),
    schema.maxProperties && `At most ${schema.maxProperties} entries.`,
    schema.minimum !== undefined &&
      schema.maximum !== Number.MAX_SAFE_INTEGER &&
      `${schema.minimum} to ${schema.maximum}.`,
    schema.type === 'string' && !schema.enum && !schema.format && `At most ${schema.maxLength} characters.`,
  ];
  return [schema.description, ...limits].filter(Boolean).join(' ').replaceAll('|', '\\|');
}

function countOf({ minItems = 0, maxItems }: StructuralSchema): string {
  return minItems === 0 ? `At most ${maxItems}.` : `${minItems} to ${maxItems}.`;
}

function ruleList(path: string, schema: StructuralSchema): string[] {
  const nodes = [{ path, schema }, ...fieldsBelow(path, schema)];
  const inner = nodes.flatMap((node) => [node, ...elementsOf(node)]);
  const rules = inner.flatMap((node) =>
    (node.schema['x-kubernetes-validations'] ?? []).map(
      (rule) => `- \`${node.path}${rule.fieldPath ?? ''}\`: ${rule.message}.`,
    ),
  );
  return rules.length === 0 ? [] : ['', 'Rules:', '', ...new Set(rules)];
}

/** Elements of a list or map, which have rules but no row of their own. */
function elementsOf({
  path,
  schema,
}: {
  path: string;
  schema: StructuralSchema;
}): { path: string; schema: StructuralSchema }[] {
  const inner = schema.items ?? schema.additionalProperties;
  return inner ? [{ path: `${path}[]`, schema: inner }] : [];
}
