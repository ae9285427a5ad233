// SPDX-License-Identifier: Apache-2.0
import { Document, isScalar, YAMLMap } from 'yaml';
import { generatedFrom, type Artifact } from './artifact.ts';
import { isSection, type JsonSchema, type Section, type Setting, type Settings } from './chart-settings.ts';
import { chartValues } from './chart-values.ts';

const source = 'tools/generate/chart-values.ts';

/** values.yaml, values.schema.json and the README of the chart. */
export function chartArtifacts(): Artifact[] {
  return [
    { path: 'charts/kaap/values.yaml', content: valuesYaml() },
    { path: 'charts/kaap/values.schema.json', content: `${JSON.stringify(valuesSchema(), undefined, 2)}\n` },
    { path: 'charts/kaap/README.md', content: readme() },
  ];
}

/** The chart's values as they are when nobody sets any. */
export function defaultValues(settings: Settings = chartValues): Record<string, unknown> {
  const entries = Object.entries(settings).map(([name, entry]) => [
    name,
    isSection(entry) ? defaultValues(entry.settings) : entry.default,
  ]);
  return Object.fromEntries(entries) as Record<string, unknown>;
}

function valuesYaml(): string {
  const document = new Document(defaultValues(), { aliasDuplicateObjects: false });
  comment(document.contents as YAMLMap, chartValues, true);
  document.commentBefore = ` ${generatedFrom(source)}`;
  return document.toString({ lineWidth: 0 });
}

function comment(map: YAMLMap, settings: Settings, top: boolean): void {
  for (const [index, { key, value }] of map.items.entries()) {
    if (!isScalar(key)) continue;
    const entry = settings[String(key.value)];
    if (!entry) continue;
    key.commentBefore = ` ${entry.description}`;
    key.spaceBefore = top && index > 0;
    if (isSection(entry) && value instanceof YAMLMap) comment(value, entry.settings, false);
  }
}

function valuesSchema(): JsonSchema {
  const schema = sectionSchema({ description: 'Values of the chart kaap.', settings: chartValues });
  // Helm hands `global` to a chart that is part of another.
  const properties = { ...(schema['properties'] as object), global: { type: 'object' } };
  return { $schema: 'http://json-schema.org/draft-07/schema#', ...schema, properties };
}

function sectionSchema({ description, settings }: Section): JsonSchema {
  const properties = Object.fromEntries(
    Object.entries(settings).map(([name, entry]) => [
      name,
      isSection(entry) ? sectionSchema(entry) : leafSchema(entry),
    ]),
  );
  return { description, type: 'object', properties, additionalProperties: false };
}

function leafSchema({ description, schema, default: value }: Setting): JsonSchema {
  return { description, ...schema, default: value };
}

function readme(): string {
  const lines = [
    '# Chart kaap',
    '',
    `<!-- ${generatedFrom(source)} -->`,
    '',
    'Installs the KMS, the operator and the webhook. One release per cluster: the names of what it makes are fixed.',
    '',
    '```sh',
    'helm install kaap charts/kaap --namespace kaap-system --create-namespace',
    '```',
    '',
    'Uninstalling keeps the custom resources, the volume with the state, and the Secrets `kaap-kms-ca` and `kaap-kms-seal`:',
    'without the seal key, the state cannot be read. Back both up.',
    '',
    '| Value | Default | Meaning |',
    '|---|---|---|',
    ...valueRows('', chartValues),
  ];
  return `${lines.join('\n')}\n`;
}

function valueRows(prefix: string, settings: Settings): string[] {
  return Object.entries(settings).flatMap(([name, entry]) => {
    const path = `${prefix}${name}`;
    if (isSection(entry)) return valueRows(`${path}.`, entry.settings);
    return [`| \`${path}\` | \`${JSON.stringify(entry.default)}\` | ${entry.description.replaceAll('|', '\\|')} |`];
  });
}
