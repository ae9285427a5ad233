import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { plan } from '../../webhook/plan.ts';
import type { Container, EnvVar, Pod, Volume } from '../../webhook/pod.ts';
import { renderPod } from '../../webhook/render-pod.ts';
import { aBinding, aContext, aPod, installation } from './support/fixtures.ts';

function injected(pod: Pod = aPod({ initContainers: [{ name: 'migrate' }] })): Pod {
  const result = plan(pod, aContext(), installation);
  if (!result.allowed) throw new Error(result.message);
  return renderPod(pod, result.patch);
}

function again(pod: Pod): ReturnType<typeof plan> {
  return plan(pod, aContext(), installation);
}

/** Another value of the same type, or none. */
function emptied(value: unknown): unknown {
  if (typeof value === 'string') return `${value}x`;
  return Array.isArray(value) ? [] : undefined;
}

function agentOf(pod: Pod): Container {
  const agent = pod.spec.initContainers?.find(({ name }) => name === 'kaap-agent');
  if (agent === undefined) throw new Error('no agent');
  return agent;
}

describe('A13: a second look', () => {
  test('at an injected pod changes nothing', () => {
    expect(again(injected())).toMatchObject({ allowed: true, patch: [] });
  });

  test('changes nothing for pods of any shape', () => {
    const name = fc.constantFrom<string>('a', 'b', 'c', 'd');
    const variable: fc.Arbitrary<EnvVar> = fc.record({ name: fc.constantFrom('X', 'Y'), value: fc.string() });
    const container: fc.Arbitrary<Container> = fc.record(
      { name, env: fc.array(variable), volumeMounts: fc.constant([{ name: 'v', mountPath: '/v' }]) },
      { requiredKeys: ['name'] },
    );
    const containers = (minLength: number): fc.Arbitrary<Container[]> =>
      fc.uniqueArray(container, { minLength, maxLength: 3, selector: (entry) => entry.name });
    const spec: fc.Arbitrary<Pod['spec']> = fc.record(
      {
        containers: containers(1),
        initContainers: containers(0),
        volumes: fc.constantFrom<Volume[]>([], [{ name: 'v' }]),
        securityContext: fc.record({ runAsUser: fc.constantFrom(0, 9), fsGroup: fc.constant(5) }, { requiredKeys: [] }),
      },
      { requiredKeys: ['containers'] },
    );
    fc.assert(
      fc.property(spec, (shape) => {
        const pod = aPod(shape);
        const before = structuredClone(pod);
        const once = injected(pod);
        expect(again(once)).toMatchObject({ allowed: true, patch: [] });
        expect(pod).toEqual(before);
      }),
    );
  });

  test('forgives what the API server itself adds to every container', () => {
    const pod = injected();
    const agent = agentOf(pod);
    agent.volumeMounts?.push({
      name: 'kube-api-access-x',
      mountPath: '/var/run/secrets/kubernetes.io/serviceaccount',
      readOnly: true,
    });
    agent.imagePullPolicy = 'Always';
    agent.resources = { ...agent.resources, limits: { ...agent.resources?.limits, 'ephemeral-storage': '1Gi' } };
    expect(again(pod)).toMatchObject({ allowed: true, patch: [] });
  });

  test('gives its secrets to a container that another webhook has added since', () => {
    const pod = injected();
    pod.spec.containers.push({ name: 'mesh' });
    pod.spec.initContainers?.unshift({ name: 'mesh-init' });
    const result = again(pod);
    expect(result).toMatchObject({ allowed: false, message: expect.stringContaining('mesh-init goes before') });
    pod.spec.initContainers?.shift();
    const repaired = again(pod);
    if (!repaired.allowed) throw new Error(repaired.message);
    const whole = renderPod(pod, repaired.patch);
    expect(whole.spec.containers[1]?.env).toEqual(whole.spec.containers[0]?.env);
    expect(again(whole)).toMatchObject({ allowed: true, patch: [] });
  });
});

describe('A2: a forged or damaged injection is refused', () => {
  const damage: [string, (pod: Pod) => void][] = [
    ['only the mark', (pod) => delete pod.spec.initContainers],
    ['another mark', (pod) => Object.assign(pod.metadata?.annotations ?? {}, { 'kaap.dev/injected': 'x' })],
    ['another image', (pod) => (agentOf(pod).image = 'evil')],
    ['another command', (pod) => (agentOf(pod).command = ['sleep', '1d'])],
    ['no hook', (pod) => delete agentOf(pod).lifecycle],
    ['more environment for the agent', (pod) => agentOf(pod).env?.push({ name: 'NODE_OPTIONS', value: '-r /x' })],
    ['a foreign mount in the agent', (pod) => agentOf(pod).volumeMounts?.push({ name: 'v', mountPath: '/kaap-exec' })],
    ['a privileged agent', (pod) => Object.assign(agentOf(pod).securityContext ?? {}, { runAsNonRoot: false })],
    ['the agent twice', (pod) => pod.spec.initContainers?.push(agentOf(pod))],
    ['the agent last', (pod) => pod.spec.initContainers?.push(...pod.spec.initContainers.splice(0, 1))],
    ['a volume that is not memory', (pod) => Object.assign(pod.spec.volumes?.[1] ?? {}, { emptyDir: {} })],
    ['a volume too few', (pod) => pod.spec.volumes?.pop()],
    ['the variable taken away but not the files', (pod) => (pod.spec.containers[0]!.env = [])],
    [
      'a variable from the file of another name',
      (pod) => (pod.spec.containers[0]!.env![0]!.valueFrom!.fileKeyRef!.path = '../x'),
    ],
    ['files that can be written', (pod) => (pod.spec.containers[0]!.volumeMounts![0]!.readOnly = false)],
    ['all files of all containers', (pod) => delete pod.spec.containers[0]!.volumeMounts![0]!.subPath],
    ['a container in the list of others by the name of the agent', (pod) => pod.spec.containers.push(agentOf(pod))],
  ];
  test.each(damage)('%s', (_, break_) => {
    const pod = structuredClone(injected());
    break_(pod);
    expect(again(pod)).toMatchObject({ allowed: false });
  });

  const brought: [string, Partial<Pod['spec']>, string][] = [
    ['a volume', { volumes: [{ name: 'kaap-env' }] }, 'the volume kaap-env'],
    ['a volume of any kaap- name', { volumes: [{ name: 'kaap-x' }] }, 'the volume kaap-x'],
    ['a container', { containers: [{ name: 'kaap-agent' }] }, 'the container kaap-agent'],
    ['an init container', { initContainers: [{ name: 'kaap-agent' }] }, 'the container kaap-agent'],
    [
      'a mount',
      { containers: [{ name: 'app', volumeMounts: [{ name: 'kaap-token', mountPath: '/t' }] }] },
      'a mount of kaap-token',
    ],
    [
      'a variable from our volume',
      {
        containers: [
          {
            name: 'app',
            env: [
              {
                name: 'OTHER',
                valueFrom: { fileKeyRef: { volumeName: 'kaap-env', path: 'env', key: 'K', optional: true } },
              },
            ],
          },
        ],
      },
      'the variable OTHER',
    ],
  ];
  test.each(brought)('%s under a name of ours that the pod brings', (_, spec, message) => {
    expect(again(aPod(spec))).toMatchObject({ allowed: false, message: expect.stringContaining(message) });
  });

  test('any single difference in what was injected is refused or put right, never skipped', () => {
    const whole = injected();
    fc.assert(
      fc.property(fc.nat(), fc.nat(), (which, how) => {
        const pod = structuredClone(whole);
        const targets: unknown[] = [agentOf(pod), ...(pod.spec.volumes ?? [])];
        const target = targets[which % targets.length] as Record<string, unknown>;
        const keys = Object.keys(target).filter((key) => key !== 'resources' && key !== 'imagePullPolicy');
        const key = keys[how % keys.length] as string;
        target[key] = emptied(target[key]);
        expect(again(JSON.parse(JSON.stringify(pod)) as Pod).allowed).toBe(false);
      }),
    );
  });
});

test('a pod whose binding changed since is refused with the way out', () => {
  const context = aContext([aBinding({ env: [{ name: 'OTHER', source: 'db' }] })]);
  expect(plan(injected(), context, installation)).toMatchObject({
    allowed: false,
    message: expect.stringContaining('remove the annotation and everything named kaap-*'),
  });
});
