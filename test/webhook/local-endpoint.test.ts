import { describe, expect, test } from 'vitest';
import { parseAgentConfig } from '../../webhook/agent/agent-config.ts';
import type { BindingObject } from '../../webhook/directory.ts';
import { plan } from '../../webhook/plan.ts';
import type { Container, Pod } from '../../webhook/pod.ts';
import { renderPod } from '../../webhook/render-pod.ts';
import { aBinding, aContext, aPod, installation } from './support/fixtures.ts';

const localEndpoint = { port: 2025, responseType: 'KMS', cacheSeconds: 300 } as const;
/** Delivers nothing by itself. */
const asked = { env: [], files: [], localEndpoint };

function inject(pod: Pod, bindings: readonly BindingObject[], version = installation.serverVersion): Pod {
  const result = plan(pod, aContext(bindings), { ...installation, serverVersion: version });
  if (!result.allowed) throw new Error(result.message);
  return renderPod(pod, result.patch);
}

const containerOf = ({ spec }: Pod, name: string): Container | undefined =>
  [...(spec.initContainers ?? []), ...spec.containers].find((candidate) => candidate.name === name);

const endpointOf = (pod: Pod): ReturnType<typeof parseAgentConfig>['localEndpoint'] =>
  parseAgentConfig(containerOf(pod, 'kaap-agent')?.env?.[0]?.value ?? '').localEndpoint;

describe('a binding with localEndpoint', () => {
  test('gives each of its containers the token, read-only, where the KMS Agent has it', () => {
    const pod = inject(aPod(), [aBinding(asked)]);
    const [mount] = containerOf(pod, 'app')?.volumeMounts ?? [];
    expect(mount).toMatchObject({ name: 'kaap-endpoint', mountPath: '/var/run/kmstoken', readOnly: true });
    const [token] = endpointOf(pod)?.tokens ?? [];
    expect(token).toEqual({ file: `/kaap/endpoint/${mount?.subPath}`, bindings: ['db'] });
    expect(pod.spec.volumes?.find(({ name }) => name === 'kaap-endpoint')?.emptyDir?.medium).toBe('Memory');
    expect(pod.spec.securityContext?.supplementalGroups).toEqual([65_532]);
  });

  test('A10: gives containers of other bindings a token of their own, and those of none nothing', () => {
    const pod = inject(aPod({ containers: [{ name: 'a' }, { name: 'b' }, { name: 'c' }] }), [
      aBinding({ ...asked, containers: ['a', 'b'] }, 'one'),
      aBinding({ ...asked, containers: ['b'] }, 'two'),
    ]);
    const tokens = endpointOf(pod)?.tokens.map(({ bindings }) => bindings);
    expect(tokens).toEqual([['one'], ['one', 'two']]);
    const places = ['a', 'b'].map((name) => containerOf(pod, name)?.volumeMounts?.[0]?.subPath);
    expect(new Set(places).size).toBe(2);
    expect(containerOf(pod, 'c')).toEqual({ name: 'c' });
  });

  test('leaves nothing in a pod of bindings without it', () => {
    const pod = inject(aPod(), [aBinding()]);
    expect(endpointOf(pod)).toBeUndefined();
    expect(JSON.stringify(pod)).not.toMatch(/endpoint"|kmstoken/);
  });

  test('A13: is the same when the webhook is asked again', () => {
    const pod = inject(aPod(), [aBinding(asked)]);
    expect(plan(pod, aContext([aBinding(asked)]), installation)).toMatchObject({ allowed: true, patch: [] });
  });

  test.each([
    ['A10: a pod with the network of its node', aPod({ hostNetwork: true }), [aBinding(asked)], /network of its node/],
    [
      'two bindings that want different ones',
      aPod(),
      [aBinding(asked, 'one'), aBinding({ ...asked, localEndpoint: { ...localEndpoint, port: 3000 } }, 'two')],
      /different spec\.localEndpoint/,
    ],
    [
      'a container with a mount in the place of the token',
      aPod({ containers: [{ name: 'app', volumeMounts: [{ name: 'x', mountPath: '/var/run/kmstoken' }] }] }),
      [aBinding(asked)],
      /has a mount at \/var\/run\/kmstoken/,
    ],
  ])('refuses %s', (_, pod, bindings, message) => {
    expect(() => inject(pod, bindings)).toThrow(message);
  });

  test('is refused where there are no native sidecars', () => {
    const old = { major: 1, minor: 28 };
    expect(() => inject(aPod(), [aBinding(asked)], old)).toThrow(/spec\.localEndpoint, which needs native sidecars/);
  });
});
