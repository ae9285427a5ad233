// SPDX-License-Identifier: Apache-2.0
import { stringify } from 'yaml';
import { customResourceDefinition } from '../../src/api/crd/generate.ts';
import type { CustomResourceType } from '../../src/api/custom-resource.ts';
import { customResourceTypes } from '../../src/api/registry.ts';
import { generatedFrom, type Artifact } from './artifact.ts';

/** Where `kubectl apply -f crds/` finds them, and the chart's copy. */
export const crdFolder = 'crds';
const chartFolder = 'charts/kaap/templates';

/** Every kind, in the order of the registry. */
export function kinds(): CustomResourceType[] {
  return Object.values(customResourceTypes);
}

/** The CustomResourceDefinitions, once for themselves and once as templates of the chart. */
export function crdArtifacts(): Artifact[] {
  return kinds().flatMap((kind) => {
    const definition = customResourceDefinition(kind);
    const yaml = stringify(definition, { lineWidth: 0, aliasDuplicateObjects: false });
    return [
      { path: `${crdFolder}/${kind.group}_${kind.plural}.yaml`, content: `# ${source(kind)}\n${yaml}` },
      { path: `${chartFolder}/crd-${kind.plural}.yaml`, content: chartTemplate(kind, yaml) },
    ];
  });
}

function source(kind: CustomResourceType): string {
  return generatedFrom(`src/api (${kind.kind})`);
}

/**
 * In templates/ rather than in the chart's crds/ folder, which Helm installs once and never upgrades. The annotation
 * keeps the definitions, and with them every object, when the release is uninstalled. Braces in descriptions are no
 * template of Helm's.
 */
function chartTemplate(kind: CustomResourceType, yaml: string): string {
  const literal = yaml.replaceAll('{{', '{{ "{{" }}');
  const name = `  name: ${kind.plural}.${kind.group}\n`;
  const metadata = [
    name.trimEnd(),
    '  labels:',
    '    {{- include "kaap.labels" . | nindent 4 }}',
    '  {{- if .Values.crds.keep }}',
    '  annotations:',
    '    helm.sh/resource-policy: keep',
    '  {{- end }}',
    '',
  ].join('\n');
  const comment = `{{- /* ${source(kind)} */ -}}\n`;
  return `${comment}{{- if .Values.crds.install }}\n${literal.replace(name, metadata)}{{- end }}\n`;
}
