import { describe, expect, test } from 'vitest';
import type { KubeEvent } from '../../src/kube/cluster-api.ts';
import { EventRecorder, isTransition, type EventDetails } from '../../src/kube/events.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { ManualClock } from '../../src/lib/clock.ts';
import { widget } from '../support/widget.ts';

const { signal } = new AbortController();
const details: EventDetails = { type: 'Warning', reason: 'KeyDisabled', action: 'Reconcile', note: 'Enable the key.' };

function setup(emitEvent?: () => Promise<void>) {
  const clock = new ManualClock();
  const written: KubeEvent[] = [];
  const recorder = new EventRecorder({
    api: { emitEvent: emitEvent ?? (async (event: KubeEvent) => void written.push(event)) },
    controller: 'kaap.dev/operator',
    instance: 'operator-0',
    clock,
    random: () => 0.5,
    log: silentLogger,
  });
  return { clock, written, recorder };
}

test('an event says what it is about and who saw it', async () => {
  const { written, recorder } = setup();
  await recorder.record(widget('w'), details, { signal });
  expect(written[0]).toMatchObject({
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { namespace: 'default', name: expect.stringMatching(/^w\.[0-9a-f]+$/) },
    eventTime: '2026-01-01T00:00:00.000000Z',
    reportingController: 'kaap.dev/operator',
    reportingInstance: 'operator-0',
    ...details,
    regarding: { apiVersion: 'test.kaap.dev/v1', kind: 'Widget', name: 'w', namespace: 'default', uid: 'uid-w' },
  });
  expect(written[0]).not.toHaveProperty('series');
});

test('an event about a cluster-scoped object goes to the default namespace', async () => {
  const { written, recorder } = setup();
  const { namespace: _namespace, ...metadata } = widget('w').metadata;
  await recorder.record({ ...widget('w'), metadata }, details, { signal });
  expect(written[0]?.metadata.namespace).toBe('default');
  expect(written[0]?.regarding).not.toHaveProperty('namespace');
});

test('G7: of very many good news at once some are left out, and of warnings none', async () => {
  const { clock, written, recorder } = setup();
  const ofType = (type: string): number => written.filter((event) => event.type === type).length;
  for (let number = 0; number < 1000; number += 1) {
    await recorder.record(widget(`w${number}`), { ...details, type: 'Normal' }, { signal });
    await recorder.record(widget(`w${number}`), details, { signal });
  }
  expect([ofType('Normal'), ofType('Warning')]).toEqual([200, 1000]);
  clock.advance(3_000);
  for (let number = 1000; number < 1100; number += 1) {
    await recorder.record(widget(`w${number}`), { ...details, type: 'Normal' }, { signal });
  }
  expect(ofType('Normal')).toBe(230);
});

describe('repeats', () => {
  test('become one event with a series that is written now and then', async () => {
    const { clock, written, recorder } = setup();
    for (let repeat = 0; repeat < 100; repeat += 1) {
      await recorder.record(widget('w'), details, { signal });
      clock.advance(1000);
    }
    expect(new Set(written.map(({ metadata }) => metadata.name)).size).toBe(1);
    expect(written.map(({ series }) => series?.count)).toEqual([undefined, 2, 32, 62, 92]);
    expect(written.at(-1)?.series?.lastObservedTime).toBe('2026-01-01T00:01:31.000000Z');
  });

  test('are no longer expected after a quiet time: what pods that are gone gave rise to is forgotten', async () => {
    const { clock, recorder } = setup();
    for (let number = 0; number < 1000; number += 1) {
      await recorder.record(widget(`w${number}`), details, { signal });
      clock.advance(1000);
    }
    expect(recorder.series).toBe(361);
    for (let number = 0; number < 5000; number += 1) await recorder.record(widget(`v${number}`), details, { signal });
    expect(recorder.series).toBe(4096);
  });

  test('after a quiet time are a new event', async () => {
    const { clock, written, recorder } = setup();
    await recorder.record(widget('w'), details, { signal });
    clock.advance(6 * 60_000 + 1);
    await recorder.record(widget('w'), details, { signal });
    expect(written.map(({ series }) => series)).toEqual([undefined, undefined]);
  });

  test.each([
    ['another note', widget('w'), { ...details, note: 'Enable it.' }],
    ['another reason', widget('w'), { ...details, reason: 'Gone' }],
    ['another object', widget('v'), details],
    ['another incarnation of the object', widget('w', { metadata: { uid: 'other' } }), details],
  ])('are told apart by %s', async (_title, object, other) => {
    const { written, recorder } = setup();
    await recorder.record(widget('w'), details, { signal });
    await recorder.record(object, other, { signal });
    expect(written.map(({ series }) => series)).toEqual([undefined, undefined]);
  });

  test('of ever new things do not fill the memory', async () => {
    const { written, recorder } = setup();
    await recorder.record(widget('w'), details, { signal });
    for (let other = 0; other < 5000; other += 1) await recorder.record(widget(`w${other}`), details, { signal });
    await recorder.record(widget('w'), details, { signal });
    expect(written.at(-1)).not.toHaveProperty('series');
  });
});

test.each([
  ['a long note', 'x'.repeat(3000)],
  ['a note of several bytes a character', '密钥'.repeat(1000)],
  ['a note of surrogate pairs', '🔑'.repeat(1000)],
])('%s is cut to 1024 bytes of whole characters', async (_title, note) => {
  const { written, recorder } = setup();
  await recorder.record(widget('w'), { ...details, note }, { signal });
  const cut = written[0]?.note ?? '';
  expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(1024);
  expect(Buffer.byteLength(cut)).toBeGreaterThan(1000);
  expect(note.startsWith(cut.slice(0, -1))).toBe(true);
  expect(cut.isWellFormed()).toBe(true);
});

test('a failure to write does not reach the reconciler', async () => {
  const { recorder } = setup(() => Promise.reject(new Error('forbidden')));
  await recorder.record(widget('w'), details, { signal });
});

test('a transition is a new status or reason, not a new message', () => {
  const before = { type: 'Ready', status: 'True', reason: 'A', message: 'x', lastTransitionTime: '' } as const;
  expect(isTransition(undefined, before)).toBe(true);
  expect(isTransition(before, before)).toBe(false);
  expect(isTransition(before, { status: 'False', reason: 'A' })).toBe(true);
  expect(isTransition(before, { status: 'True', reason: 'B' })).toBe(true);
});
