import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';
import type { Pod } from '../../../webhook/pod.ts';
import { ConfigError } from '../../lib/config.ts';

interface Workload {
  kind?: unknown;
  metadata?: { namespace?: string; name?: string };
  spec?: { template?: Pod; jobTemplate?: { spec?: { template?: Pod } } };
}

/** The first pod of a manifest: a Pod itself, or the template of a workload. Throws ConfigError where there is none. */
export function readPod(file: string): Pod {
  const documents = parseAllDocuments(readFileSync(file === '-' ? 0 : file, 'utf8'));
  for (const document of 'empty' in documents ? [] : documents) {
    const fault = document.errors[0];
    if (fault !== undefined) throw new ConfigError(`${file} is not YAML: ${fault.message}`);
    const pod = podOf(document.toJS() as Workload | null);
    if (pod !== undefined) return pod;
  }
  throw new ConfigError(`${file} holds no Pod and no workload with a pod template.`);
}

function podOf(object: Workload | null): Pod | undefined {
  if (object === null || typeof object !== 'object') return undefined;
  if (object.kind === 'Pod') return object as unknown as Pod;
  const template = object.spec?.template ?? object.spec?.jobTemplate?.spec?.template;
  if (template === undefined) return undefined;
  const metadata = { ...object.metadata, ...template.metadata };
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec: template.spec };
}
