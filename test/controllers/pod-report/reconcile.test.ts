import { describe, expect, it } from 'vitest';
import type { ContainerStatus, Pod } from '../../../src/controllers/pod.ts';
import { agentFailure, podReportReconciler } from '../../../src/controllers/pod-report/reconcile.ts';
import { ManualClock } from '../../../src/lib/clock.ts';
import { silentLogger } from '../../../src/lib/log.ts';

function pod(status: Partial<ContainerStatus>, name = 'kaap-agent'): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', namespace: 'shop' },
    spec: {},
    status: { initContainerStatuses: [{ name, restartCount: 1, ...status }] },
  };
}

const failed = { terminated: { exitCode: 1, message: 'Forbidden.NoPermission: no\n' } };

describe('The reason why an agent ended', () => {
  it.each([
    ['is its termination message', pod({ state: failed }), 'Forbidden.NoPermission: no'],
    [
      'is that of the last run while the next one works',
      pod({ state: {}, lastState: failed }),
      'Forbidden.NoPermission: no',
    ],
    [
      'is the exit code when it left no message',
      pod({ state: { terminated: { exitCode: 9 } } }),
      'The agent ended with code 9 and left no message.',
    ],
    ['is nothing after a good end', pod({ state: { terminated: { exitCode: 0 } } }), undefined],
    ['is nothing while it runs', pod({ state: {} }), undefined],
    ['is not that of another container', pod({ state: failed }, 'init-db'), undefined],
  ])('%s', (_title, subject, reason) => {
    expect(agentFailure(subject)).toBe(reason);
  });
});

describe('The report of a pod', () => {
  it('is one event for a reason, another for another, and one again after the pod is gone', async () => {
    const events: string[] = [];
    const reconcile = podReportReconciler((_object, _type, _reason, note) => events.push(note), new ManualClock());
    const context = { signal: new AbortController().signal, log: silentLogger };
    const other = pod({ state: { terminated: { exitCode: 1, message: 'other' } } });
    for (const next of [pod({ state: failed }), pod({ state: failed }), other, other, undefined, other]) {
      await reconcile('shop/p', next, context);
    }
    expect(events).toEqual(['Forbidden.NoPermission: no', 'other', 'other']);
  });
});

describe('A pod that waits on its node', () => {
  const created = Date.UTC(2026, 0, 1);
  const waiting: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', namespace: 'shop', creationTimestamp: new Date(created).toISOString() },
    spec: { nodeName: 'node' },
    status: { phase: 'Pending' },
  };
  const context = { signal: new AbortController().signal, log: silentLogger };

  it('is looked at again, and told about once after half a minute', async () => {
    const clock = new ManualClock(created + 1000);
    const events: string[] = [];
    const reconcile = podReportReconciler((_object, _type, reason) => events.push(reason), clock);
    expect(await reconcile('shop/p', waiting, context)).toEqual({ requeueAfterMs: 30_000 });
    clock.advance(30_000);
    expect(await reconcile('shop/p', waiting, context)).toBeUndefined();
    await reconcile('shop/p', waiting, context);
    expect(events).toEqual(['WaitingForSecrets']);
  });

  it.each([
    [{ hostNetwork: true, dnsPolicy: 'ClusterFirst' }, true],
    [{ dnsPolicy: 'Default' }, true],
    [{ hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' }, false],
    [{ dnsPolicy: 'ClusterFirst' }, false],
  ])('with %j is told whose DNS it asks: %s', async (lookup, isTold) => {
    const notes: string[] = [];
    const clock = new ManualClock(created + 60_000);
    const reconcile = podReportReconciler((_object, _type, _reason, note) => notes.push(note), clock);
    await reconcile('shop/p', { ...waiting, spec: { ...waiting.spec, ...lookup } }, context);
    expect(notes).toHaveLength(1);
    expect(notes[0]?.includes('ClusterFirstWithHostNet')).toBe(isTold);
  });

  it.each([
    ['runs', { ...waiting, status: { phase: 'Running' } }],
    ['is not on a node', { ...waiting, spec: {} }],
  ])('is not told about when it %s', async (_title, subject) => {
    const events: string[] = [];
    const clock = new ManualClock(created + 3_600_000);
    const reconcile = podReportReconciler((_object, _type, reason) => events.push(reason), clock);
    await reconcile('shop/p', subject, context);
    expect(events).toEqual([]);
  });
});
