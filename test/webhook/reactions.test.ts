import { describe, expect, test } from 'vitest';
import type { BindingRefresh } from '../../src/api/v1alpha1/binding-refresh.ts';
import { parseAgentConfig, type AgentConfig } from '../../webhook/agent/agent-config.ts';
import { plan, type Installation } from '../../webhook/plan.ts';
import type { Container, Pod } from '../../webhook/pod.ts';
import { renderPod } from '../../webhook/render-pod.ts';
import { aBinding, aContext, aPod, installation } from './support/fixtures.ts';

const refresh = (more: Partial<BindingRefresh>): BindingRefresh => ({ intervalSeconds: 60, onChange: 'None', ...more });

function injectedPod(binding = aBinding(), pod = aPod(), on: Installation = installation): Pod {
  const result = plan(pod, aContext([binding]), on);
  if (!result.allowed) throw new Error(result.message);
  return renderPod(pod, result.patch);
}

function agentOf(pod: Pod, binding = aBinding(), on: Installation = installation): Container {
  return injectedPod(binding, pod, on).spec.initContainers?.[0] as Container;
}

const configOf = ({ env }: Container): AgentConfig => parseAgentConfig(env?.[0]?.value ?? '');

describe('a binding that restarts containers in place', () => {
  const binding = aBinding({ refresh: refresh({ onChange: 'RestartContainers' }) });

  test('gives the agent an exit code after which all containers start again', () => {
    const agent = agentOf(aPod(), binding);
    expect(agent.restartPolicyRules).toEqual([
      { action: 'RestartAllContainers', exitCodes: { operator: 'In', values: [88] } },
    ]);
    expect(configOf(agent).bindings[0]).toMatchObject({ refreshSeconds: 60, restartOnChange: true });
    expect(agentOf(aPod(), aBinding({ refresh: refresh({ onChange: 'Rollout' }) })).restartPolicyRules).toBeUndefined();
  });

  test('shows the agent, as a file of its own, for which versions it is the turn of the pod', () => {
    const pod = injectedPod(binding);
    expect(configOf(pod.spec.initContainers?.[0] as Container).bindings[0]?.turnFile).toBe('/kaap/token/.turn/db');
    const sources = pod.spec.volumes?.find(({ name }) => name === 'kaap-token')?.projected?.sources;
    const fieldPath = "metadata.annotations['restart.kaap.dev/db']";
    const items = [{ path: '.turn/db', fieldRef: { apiVersion: 'v1', fieldPath } }];
    expect(sources?.at(-1)).toEqual({ downwardAPI: { items } });
    const others = injectedPod(aBinding({ refresh: refresh({ onChange: 'Rollout' }) }));
    expect(JSON.stringify(others)).not.toContain('downwardAPI');
  });

  test('A13: is the same when the webhook is asked again, also after its turn', () => {
    const pod = injectedPod(binding);
    const annotations = { ...pod.metadata?.annotations, 'restart.kaap.dev/db': 'abc' };
    const again = { ...pod, metadata: { ...pod.metadata, annotations } };
    expect(plan(again, aContext([binding]), installation)).toMatchObject({ allowed: true, patch: [] });
  });

  test('is refused on a cluster that cannot, and told the other choices', () => {
    const before = { ...installation, serverVersion: { major: 1, minor: 35 } };
    const result = plan(aPod(), aContext([binding]), before);
    expect(result).toMatchObject({ allowed: false, message: expect.stringContaining('needs Kubernetes 1.36') });
    expect(result).toMatchObject({ message: expect.stringContaining('Rollout or None') });
  });
});

describe('a binding with a signal', () => {
  const binding = aBinding({ refresh: refresh({ signal: { process: 'nginx', signal: 'SIGHUP' } }) });
  const shared = { shareProcessNamespace: true, securityContext: { runAsUser: 101 } };

  test('tells the agent, in a pod whose processes it sees and may signal', () => {
    expect(configOf(agentOf(aPod(shared), binding)).bindings[0]?.signal).toEqual({
      process: 'nginx',
      signal: 'SIGHUP',
    });
  });

  test.each([
    [
      'does not share its process namespace',
      { securityContext: { runAsUser: 101 } },
      'spec.shareProcessNamespace: true',
    ],
    ['does not say its user', { shareProcessNamespace: true }, 'processes of its own user only'],
    ['runs as root', { ...shared, securityContext: { runAsUser: 0 } }, 'processes of its own user only'],
    [
      'runs every container as another user',
      { ...shared, containers: [{ name: 'app', securityContext: { runAsUser: 7 } }] },
      'processes of its own user only',
    ],
  ])('is refused for a pod that %s', (_, spec, why) => {
    const result = plan(aPod(spec), aContext([binding]), installation);
    expect(result).toMatchObject({ allowed: false, message: expect.stringContaining(why) });
  });
});

test('old values are allowed only where every binding allows them, and as old as the strictest says', () => {
  const allowing = (seconds: number, name: string): ReturnType<typeof aBinding> =>
    aBinding(
      { env: [{ name: name.toUpperCase(), source: 'db' }], files: [], outage: { maxAgeSeconds: seconds } },
      name,
    );
  const configFor = (...bindings: ReturnType<typeof aBinding>[]): AgentConfig => {
    const result = plan(aPod(), aContext(bindings), installation);
    if (!result.allowed) throw new Error(result.message);
    return configOf(renderPod(aPod(), result.patch).spec.initContainers?.[0] as Container);
  };
  expect(configFor(allowing(600, 'a'), allowing(300, 'b')).outageSeconds).toBe(300);
  const silent = aBinding({ env: [{ name: 'C', source: 'db' }], files: [] }, 'c');
  expect(configFor(allowing(600, 'a'), silent).outageSeconds).toBeUndefined();
});
