import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseManifest } from '../../src/api/manifest.ts';
import { parseAgentConfig, type AgentConfig } from '../../webhook/agent/agent-config.ts';
import type { AccessPointObject, BindingObject } from '../../webhook/directory.ts';
import { plan } from '../../webhook/plan.ts';
import type { Pod } from '../../webhook/pod.ts';
import { renderPod } from '../../webhook/render-pod.ts';
import { installation } from './support/fixtures.ts';

const examples = join(import.meta.dirname, '../../examples');
const folders = readdirSync(examples).filter((folder) => injectedIn(folder).length > 0);

interface Workload {
  kind: string;
  metadata: { name: string; namespace?: string };
  spec: Record<string, unknown> & { template?: Pod };
}

function objectsOf(folder: string): ReturnType<typeof parseManifest> {
  const files = readdirSync(join(examples, folder)).filter((name) => name.endsWith('.yaml'));
  return parseManifest(files.map((name) => readFileSync(join(examples, folder, name), 'utf8')).join('\n---\n'));
}

/** The pods that workloads of a folder would make, by the name of the workload. */
function injectedIn(folder: string): [name: string, namespace: string, pod: Pod][] {
  const workloads = objectsOf(folder).others as unknown as Workload[];
  return workloads.flatMap((workload) => {
    const pod = workload.kind === 'Pod' ? (workload as unknown as Pod) : workload.spec?.template;
    if (pod?.metadata?.labels?.['kaap.dev/inject'] !== 'true') return [];
    return [[workload.metadata.name, workload.metadata.namespace ?? '', pod]];
  });
}

function inject(folder: string, name: string): Pod {
  const { objects } = objectsOf(folder);
  const [, namespace, pod] = injectedIn(folder).find(([candidate]) => candidate === name) ?? ['', '', undefined];
  if (pod === undefined) throw new Error(`no workload ${name}`);
  const bindings = objects.filter(({ kind }) => kind === 'SecretBinding') as unknown as BindingObject[];
  const points = objects.filter(({ kind }) => kind === 'ApplicationAccessPoint') as unknown as AccessPointObject[];
  const accessPoints = new Map(points.map((point) => [point.metadata.name, point]));
  const result = plan(pod, { namespace, bindings, accessPoints }, installation);
  if (!result.allowed) throw new Error(result.message);
  return renderPod(pod, result.patch);
}

function configOf(pod: Pod): AgentConfig {
  return parseAgentConfig(pod.spec.initContainers?.[0]?.env?.[0]?.value ?? '');
}

describe.each(folders)('examples/%s', (folder) => {
  test.each(injectedIn(folder).map(([name]) => name))(
    'the pod of %s is injected, by a binding of its folder',
    (name) => {
      expect(inject(folder, name).spec.initContainers?.[0]?.name).toBe('kaap-agent');
    },
  );
});

/** What each example is there to show, seen in the pod that comes of it. */
describe('examples/pods', () => {
  const made = (name: string): { pod: Pod; config: AgentConfig } => {
    const pod = inject('pods', name);
    return { pod, config: configOf(pod) };
  };

  test('every workload has a row here', () => {
    const shown = ['files', 'wrapper', 'references', 'signal', 'rollout', 'endpoint'];
    expect(injectedIn('pods').map(([name]) => name)).toEqual(shown);
  });

  test('files: are made by templates', () => {
    expect(made('files').config.bindings[0]?.files.map(({ template }) => template?.includes('{{'))).toEqual([
      true,
      true,
    ]);
  });

  test('wrapper: goes before the entry point of the image', () => {
    expect(made('wrapper').pod.spec.containers[0]?.command).toEqual([
      '/kaap/exec/kaap-exec',
      'exec',
      '--environ',
      '/kaap/exec/environ',
      '--',
      '/docker-entrypoint.sh',
      'nginx',
      '-g',
      'daemon off;',
    ]);
  });

  test('references: take the place of what the chart wrote', () => {
    const env = made('references').pod.spec.containers[0]?.env ?? [];
    expect(env.map(({ name, valueFrom }) => [name, valueFrom?.fileKeyRef?.volumeName])).toEqual([
      ['PGUSER', 'kaap-env'],
      ['PGPASSWORD', 'kaap-env'],
    ]);
  });

  test('signal: is what the agent sends', () => {
    expect(made('signal').config.bindings[0]?.signal).toEqual({ process: 'nginx', signal: 'SIGHUP' });
  });

  test('rollout: is left to the operator, and an outage bridged', () => {
    const { config } = made('rollout');
    expect(config.bindings[0]).not.toHaveProperty('restartOnChange');
    expect(config.outageSeconds).toBe(3600);
  });

  test('endpoint: listens where the program asks', () => {
    expect(made('endpoint').config.localEndpoint).toMatchObject({ port: 2025, responseType: 'KMS', cacheSeconds: 60 });
  });
});
