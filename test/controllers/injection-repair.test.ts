import { describe, expect, it } from 'vitest';
import type { SecretBinding } from '../../src/api/v1alpha1/secret-binding.ts';
import { planRepair } from '../../src/controllers/injection-repair/plan.ts';
import { injectionRepairer } from '../../src/controllers/injection-repair/reconcile.ts';
import type { Pod } from '../../src/controllers/pod.ts';
import { Store } from '../../src/kube/store.ts';
import { ManualClock } from '../../src/lib/clock.ts';
import { silentLogger } from '../../src/lib/log.ts';

const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: 'owner', controller: true };

function pod(metadata: Partial<Pod['metadata']> = {}, rest: Partial<Pod> = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'web-1',
      namespace: 'shop',
      uid: 'pod',
      labels: { app: 'web', 'kaap.dev/inject': 'true' },
      ownerReferences: [owner],
      ...metadata,
    },
    spec: {},
    ...rest,
  };
}

function binding(spec: Partial<SecretBinding['spec']> = {}, name = 'db'): SecretBinding {
  return {
    apiVersion: 'kaap.dev/v1alpha1',
    kind: 'SecretBinding',
    metadata: { name, namespace: 'shop' },
    spec: {
      podSelector: { matchLabels: { app: 'web' } },
      accessPoint: 'shop',
      sources: [],
      mountPath: '/x',
      envMethod: 'Auto',
      envReferences: 'Forbidden',
      ...spec,
    },
  };
}

const agent = { initContainers: [{ name: 'kaap-agent' }] };
const mark = { 'kaap.dev/injected': 'abc' };

describe('A4, A5: a pod with the label', () => {
  it.each<[string, Pod, string]>([
    ['that was not injected is evicted', pod(), 'Evict'],
    ['that has the agent and no mark is evicted', pod({}, { spec: agent }), 'Evict'],
    ['that has the mark and no agent is evicted', pod({ annotations: mark }), 'Evict'],
    ['that was injected is left alone', pod({ annotations: mark }, { spec: agent }), 'Nothing'],
    ['that belongs to nobody is reported and never removed', pod({ ownerReferences: [] }), 'Report'],
    [
      'whose owner does not control it is reported',
      pod({ ownerReferences: [{ ...owner, controller: false }] }),
      'Report',
    ],
    ['that no binding takes is left alone', pod({ labels: { app: 'other' } }), 'Nothing'],
    ['that names the binding is evicted', pod({ labels: {}, annotations: { 'kaap.dev/bindings': 'x, db' } }), 'Evict'],
    ['that names another is left alone', pod({ annotations: { 'kaap.dev/bindings': 'x' } }), 'Nothing'],
    ['of another namespace is left alone', pod({ namespace: 'other' }), 'Nothing'],
    ['of an exempt namespace is left alone', pod({ namespace: 'kube-system' }), 'Nothing'],
    [
      'that mirrors a file of a kubelet is left alone',
      pod({ annotations: { 'kubernetes.io/config.mirror': 'x' } }),
      'Nothing',
    ],
    ['that ends is left alone', pod({ deletionTimestamp: '2026-01-01T00:00:00Z' }), 'Nothing'],
    ['that has ended is left alone', pod({}, { status: { phase: 'Succeeded' } }), 'Nothing'],
  ])('%s', (_title, subject, type) => {
    expect(planRepair(subject, [binding()], { exemptNamespaces: new Set(['kube-system']), evicts: true }).type).toBe(
      type,
    );
  });

  it('of a service account that the binding does not list is left alone', () => {
    const bindings = [binding({ serviceAccounts: ['app'] })];
    const options = { exemptNamespaces: new Set<string>(), evicts: true };
    expect(planRepair(pod(), bindings, options).type).toBe('Nothing');
    expect(planRepair(pod({}, { spec: { serviceAccountName: 'app' } }), bindings, options).type).toBe('Evict');
  });
});

describe('The repair', () => {
  const context = { signal: new AbortController().signal, log: silentLogger };

  function repairer(permits: () => boolean) {
    const bindings = new Store<SecretBinding>();
    bindings.addIndex('namespace', ({ metadata }) => [metadata.namespace ?? '']);
    for (const event of [{ type: 'Init' }, { type: 'InitApply', object: binding() }, { type: 'InitDone' }] as const) {
      bindings.handle(event);
    }
    const seen = { events: [] as string[], evicted: [] as (string | undefined)[], uninjected: 0 };
    const clock = new ManualClock();
    const reconcile = injectionRepairer({
      cluster: {
        evict: ({ uid }) => {
          if (permits()) seen.evicted.push(uid);
          return Promise.resolve(permits());
        },
      },
      bindings,
      exemptNamespaces: new Set(),
      evicts: true,
      recordEvent: (_object, _type, reason) => seen.events.push(reason),
      setUninjected: (pods) => (seen.uninjected = pods),
      countRepair: () => undefined,
      clock,
      random: () => 0.5,
    });
    return { reconcile, seen, clock };
  }

  it('tells once and evicts, and counts the pod until it is gone', async () => {
    const { reconcile, seen } = repairer(() => true);
    await reconcile('shop/web-1', pod(), context);
    await reconcile('shop/web-1', pod(), context);
    expect(seen).toEqual({ events: ['NotInjected', 'Evicted'], evicted: ['pod'], uninjected: 1 });
    await reconcile('shop/web-1', undefined, context);
    expect(seen.uninjected).toBe(0);
  });

  it('evicts the pods of one owner more and more seldom while they come back as they were', async () => {
    const { reconcile, seen, clock } = repairer(() => true);
    for (let round = 0; round < 3; round += 1) {
      const result = await reconcile(`shop/web-${round}`, pod({ name: `web-${round}`, uid: `pod-${round}` }), context);
      clock.advance(result?.requeueAfterMs ?? 0);
    }
    expect(seen.evicted).toEqual(['pod-0', 'pod-1', 'pod-2']);
    const soon = await reconcile('shop/web-9', pod({ name: 'web-9', uid: 'pod-9' }), context);
    clock.advance(1000);
    expect((await reconcile('shop/web-10', pod({ name: 'web-10', uid: 'pod-10' }), context))?.requeueAfterMs).toBe(
      79_000,
    );
    expect(soon?.requeueAfterMs).toBe(80_000);
    expect(seen.evicted).toContain('pod-9');
    expect(seen.evicted).not.toContain('pod-10');
  });

  it('waits where a PodDisruptionBudget forbids it', async () => {
    const { reconcile, seen } = repairer(() => false);
    expect(await reconcile('shop/web-1', pod(), context)).toEqual({ requeueAfterMs: 15_000 });
    expect(seen.evicted).toEqual([]);
  });
});
