import { describe, expect, test } from 'vitest';
import { parseAgentConfig, type AgentConfig } from '../../webhook/agent/agent-config.ts';
import { plan, type Installation, type PlanContext } from '../../webhook/plan.ts';
import type { Container, Pod } from '../../webhook/pod.ts';
import { renderPod } from '../../webhook/render-pod.ts';
import { aBinding, aContext, aPod, installation } from './support/fixtures.ts';

const old: Installation = { ...installation, serverVersion: { major: 1, minor: 34 } };
const prefix = ['/kaap/exec/kaap-exec', 'exec', '--environ', '/kaap/exec/environ', '--'];

function inject(pod: Pod, context: PlanContext = aContext(), on: Installation = old): Pod {
  const result = plan(pod, context, on);
  if (!result.allowed) throw new Error(`refused: ${result.message}`);
  return renderPod(pod, result.patch);
}

function refusal(pod: Pod, context: PlanContext = aContext(), on: Installation = old): string {
  const result = plan(pod, context, on);
  if (result.allowed) throw new Error('the pod was admitted');
  return result.message;
}

const app = (pod: Pod, index = 0): Container => pod.spec.containers[index] as Container;
const agentOf = (pod: Pod): Container => pod.spec.initContainers?.[0] as Container;
const config = (pod: Pod): AgentConfig => parseAgentConfig(agentOf(pod).env?.[0]?.value ?? '');
const aCommand = (more: Partial<Container> = {}): Pod =>
  aPod({ containers: [{ name: 'app', command: ['/bin/app', '--fast'], args: ['serve'], ...more }] });

describe('a pod on a cluster without fileKeyRef', () => {
  test('gets its variables through a wrapper that becomes its own command', () => {
    const pod = inject(aCommand());
    expect(app(pod)).toMatchObject({ command: [...prefix, '/bin/app', '--fast'], args: ['serve'] });
    expect(app(pod).env).toBeUndefined();
    const mount = app(pod).volumeMounts?.find(({ name }) => name === 'kaap-exec');
    expect(mount).toMatchObject({ mountPath: '/kaap/exec', readOnly: true });
    expect(pod.spec.volumes).toContainEqual({ name: 'kaap-exec', emptyDir: { medium: 'Memory', sizeLimit: '16Mi' } });
    expect(config(pod).execProgram).toBe('/kaap-exec');
    expect(config(pod).bindings[0]?.env).toEqual([
      {
        name: 'DB_PASSWORD',
        source: 'db',
        field: 'password',
        environs: [`/kaap/exec/${mount?.subPath ?? ''}/environ`],
      },
    ]);
  });

  test('sees the variables of its own containers only (A10)', () => {
    const other = aBinding({ env: [{ name: 'TOKEN', source: 'db' }], files: [], containers: ['side'] }, 'side');
    const pod = inject(
      aPod({
        containers: [
          { name: 'app', command: ['app'] },
          { name: 'side', command: ['side'] },
        ],
      }),
      aContext([aBinding({ files: [], containers: ['app'] }), other]),
    );
    const folders = [0, 1].map((index) => app(pod, index).volumeMounts?.[0]?.subPath);
    expect(folders[0]).not.toBe(folders[1]);
    const entries = config(pod).bindings.flatMap(({ env }) => env);
    expect(entries.map(({ name, environs }) => [name, environs])).toEqual([
      ['DB_PASSWORD', [`/kaap/exec/${folders[0] ?? ''}/environ`]],
      ['TOKEN', [`/kaap/exec/${folders[1] ?? ''}/environ`]],
    ]);
  });

  test('whose command is that of its image gets it from the binding', () => {
    const binding = aBinding({ commands: [{ container: 'app', command: ['/entrypoint.sh', 'run'] }] });
    const pod = inject(aPod({ containers: [{ name: 'app', args: ['x'] }] }), aContext([binding]));
    expect(app(pod)).toMatchObject({ command: [...prefix, '/entrypoint.sh', 'run'], args: ['x'] });
  });

  test('is refused where nobody says what it runs, and told the three ways out', () => {
    const message = refusal(aPod());
    expect(message).toContain('The container app has no command');
    expect(message).toContain('Kubernetes 1.34; 1.35 needs no wrapper');
    expect(message).toContain('spec.commands of the binding');
    expect(plan(aPod(), aContext([aBinding({ env: [] })]), old).allowed).toBe(true);
  });

  test('is refused where its binding insists on the kubelet', () => {
    const message = refusal(aCommand(), aContext([aBinding({ envMethod: 'FileKeyRef' })]));
    expect(message).toContain('1.35 or newer; this cluster has 1.34');
  });

  test('A8: is refused where a command line or another variable refers to what the wrapper sets', () => {
    expect(refusal(aCommand({ args: ['--password=$(DB_PASSWORD)'] }))).toContain('a secret on its command line');
    expect(refusal(aCommand({ env: [{ name: 'URL', value: 'db://$(DB_PASSWORD)@db' }] }))).toContain(
      'The variable URL',
    );
    expect(plan(aCommand({ env: [{ name: 'URL', value: '$$(DB_PASSWORD)' }] }), aContext(), old).allowed).toBe(true);
  });

  test('A13: that comes back is left as it is', () => {
    const pod = inject(aCommand());
    expect(plan(pod, aContext(), old)).toMatchObject({ allowed: true, patch: [] });
  });

  test('A2: that comes back with another command behind the wrapper gets no other secrets, and a changed wrapper is refused', () => {
    const pod = inject(aCommand());
    const wrapped = app(pod);
    wrapped.command = ['/kaap/exec/kaap-exec', 'exec', '--environ', '/tmp/mine', '--', '/bin/app'];
    expect(refusal(pod)).toContain('the secrets of the container app');
  });
});

describe('a pod on a cluster without native sidecars', () => {
  const ancient: Installation = { ...installation, serverVersion: { major: 1, minor: 28 } };

  test('gets the agent as a classic init container that delivers once and ends', () => {
    const pod = inject(aCommand({ command: ['app'] }), aContext(), ancient);
    expect(agentOf(pod).restartPolicy).toBeUndefined();
    expect(agentOf(pod).lifecycle).toBeUndefined();
    expect(config(pod).once).toBe(true);
    expect(plan(pod, aContext(), ancient)).toMatchObject({ allowed: true, patch: [] });
  });

  test('is refused when its binding refreshes, and told so', () => {
    const context = aContext([aBinding({ refresh: { intervalSeconds: 60, onChange: 'None' } })]);
    expect(refusal(aCommand(), context, ancient)).toContain('needs native sidecars (Kubernetes 1.29)');
  });
});

describe('a binding of the method Exec', () => {
  test('wraps on a new cluster too, beside bindings that do not', () => {
    const other = aBinding({ env: [{ name: 'B', source: 'db' }], files: [], envMethod: 'Exec' }, 'other');
    const pod = inject(aCommand(), aContext([aBinding({ files: [] }), other]), installation);
    expect(app(pod).env?.map(({ name }) => name)).toEqual(['DB_PASSWORD']);
    expect(app(pod).command?.slice(0, 5)).toEqual(prefix);
    expect(
      config(pod).bindings.map(({ env }) => env.map(({ name, environs }) => [name, environs !== undefined])),
    ).toEqual([[['DB_PASSWORD', false]], [['B', true]]]);
    expect(plan(pod, aContext([aBinding({ files: [] }), other]), installation)).toMatchObject({ patch: [] });
  });
});

describe('a reference in the value of a variable', () => {
  const open = aBinding({ env: [], files: [], envReferences: 'SourcesOnly' });
  const referring = (value: string, more: Partial<Container> = {}): Pod =>
    aPod({
      containers: [
        {
          name: 'app',
          env: [
            { name: 'A', value: 'x' },
            { name: 'PASSWORD', value },
            { name: 'Z', value: 'z' },
          ],
          ...more,
        },
      ],
    });

  test('becomes a variable from the kubelet, in its place, so that others can refer to it', () => {
    const pod = inject(referring('kms:shop/db#password'), aContext([open]), installation);
    const [first, second, third] = app(pod).env ?? [];
    expect([first, third]).toEqual([
      { name: 'A', value: 'x' },
      { name: 'Z', value: 'z' },
    ]);
    const key = second?.valueFrom?.fileKeyRef?.key ?? '';
    expect(second).toMatchObject({
      name: 'PASSWORD',
      valueFrom: { fileKeyRef: { volumeName: 'kaap-env', path: 'env' } },
    });
    expect(config(pod).bindings[0]?.env).toEqual([{ name: key, source: 'db', field: 'password' }]);
  });

  test('A13: is found again in a pod that comes back', () => {
    const pod = inject(referring('kms:shop/db#password'), aContext([open]), installation);
    expect(plan(pod, aContext([open]), installation)).toMatchObject({ allowed: true, patch: [] });
  });

  test('goes beside variables of bindings, and through the wrapper where that is the way', () => {
    const both = aBinding({ files: [], envReferences: 'SourcesOnly' });
    const pod = inject(referring('kms:shop/db'), aContext([both]), installation);
    expect(app(pod).env?.map(({ name }) => name)).toEqual(['DB_PASSWORD', 'A', 'PASSWORD', 'Z']);
    const wrapped = inject(referring('kms:shop/db', { command: ['app'] }), aContext([both]), old);
    expect(config(wrapped).bindings[0]?.env.map(({ name }) => name)).toEqual(['DB_PASSWORD', 'PASSWORD']);
    expect(plan(wrapped, aContext([both]), old)).toMatchObject({ patch: [] });
  });

  test.each([
    ['kms:other/secret', 'refers to the secret other/secret, which is no source'],
    ['kms:', 'refers to the secret , which is no source'],
    ['kms:shop/db?endpoint=https://evil', 'which is no source'],
    [`kms:shop/db#${'x'.repeat(100)}`, 'more than 90 characters'],
  ])('A1: %s names nothing that the namespace was not given, and is refused', (value, why) => {
    expect(refusal(referring(value), aContext([open]), installation)).toContain(why);
  });

  test('A1: stays as it is, with a warning, where no binding of the container allows references', () => {
    const result = plan(referring('kms:shop/db'), aContext([aBinding({ env: [] })]), installation);
    expect(result).toMatchObject({
      allowed: true,
      warnings: [expect.stringContaining('The variable PASSWORD'.slice(4))],
    });
    const elsewhere = aBinding({ env: [], files: [], envReferences: 'SourcesOnly', containers: ['side'] }, 'side');
    const pod = inject(
      aPod({ containers: [{ name: 'app', env: [{ name: 'P', value: 'kms:shop/db' }] }, { name: 'side' }] }),
      aContext([aBinding({ env: [] }), elsewhere]),
      installation,
    );
    expect(app(pod).env).toEqual([{ name: 'P', value: 'kms:shop/db' }]);
  });

  test('A8: on a command line is refused like any secret', () => {
    const pod = referring('kms:shop/db', { args: ['$(PASSWORD)'] });
    expect(refusal(pod, aContext([open]), installation)).toContain('command line');
  });
});
