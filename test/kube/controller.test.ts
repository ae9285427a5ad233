import { EventBuffer } from '../../src/kube/event-buffer.ts';
import type { ObjectSource } from '../../src/kube/cluster-api.ts';
import { describe, expect, test } from 'vitest';
import {
  Controller,
  relate,
  specOrMetadataChanged,
  TerminalError,
  type ControllerOptions,
} from '../../src/kube/controller.ts';
import { ManifestClusterApi } from '../../src/kube/manifest-cluster-api.ts';
import { Reflectors } from '../../src/kube/reflectors.ts';
import { keyOf, type KubeObject, type ResourceType } from '../../src/kube/resource.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { ManualTime } from '../support/manual-time.ts';
import { widget, widgetResource, type Widget } from '../support/widget.ts';

interface Paint extends KubeObject {
  data: { colour: string };
}

const paintResource: ResourceType<Paint> = {
  group: '',
  version: 'v1',
  plural: 'paints',
  kind: 'Paint',
  namespaced: true,
};

/** A controller on a table in memory, in manual time. */
function setup(options: Partial<ControllerOptions<Widget>> = {}) {
  const time = new ManualTime();
  const stop = new AbortController();
  const { signal } = stop;
  const api = new ManifestClusterApi({ resources: [], clock: time.clock });
  const reflectors = new Reflectors({ source: api, log: silentLogger });
  const runs: string[] = [];
  const controller = new Controller<Widget>({
    name: 'widgets',
    primary: widgetResource,
    reconcile: async (key, object) => void runs.push(object === undefined ? `${key} gone` : key),
    reflectors,
    log: silentLogger,
    clock: time.clock,
    sleep: time.sleep,
    random: () => 0.5,
    ...options,
  });
  const put = (name: string, spec: Widget['spec'] = {}, labels: Record<string, string> = {}): Promise<Widget> =>
    api.apply(
      widgetResource,
      { metadata: { name, namespace: 'default', labels }, spec },
      { fieldManager: 'test', signal },
    );
  return { time, stop, signal, api, reflectors, runs, controller, put };
}

test('nothing runs before every store has synced, then every object does', async () => {
  const { time, signal, reflectors, runs, controller, put } = setup();
  await put('a');
  await put('b');
  void controller.run(signal);
  controller.enqueue('default/early');
  await time.settle();
  expect(runs).toEqual([]);
  void reflectors.run(signal);
  await time.advance(0);
  expect(runs.toSorted()).toEqual(['default/a', 'default/b', 'default/early gone']);
});

test('a change leads to a run, a deletion to one without an object', async () => {
  const { time, signal, api, reflectors, runs, controller, put } = setup();
  void reflectors.run(signal);
  void controller.run(signal);
  await time.settle();
  await put('a');
  await time.settle();
  await api.delete(widgetResource, { namespace: 'default', name: 'a' }, { signal });
  await time.settle();
  expect(runs).toEqual(['default/a', 'default/a gone']);
});

test('changes during a run lead to one run after it, never to two at once', async () => {
  let running = 0;
  const seen: (number | undefined)[] = [];
  const gate = Promise.withResolvers<void>();
  const { time, signal, reflectors, controller, put } = setup({
    reconcile: async (_key, object) => {
      running += 1;
      expect(running).toBe(1);
      seen.push(object?.spec.size);
      if (seen.length === 1) await gate.promise;
      running -= 1;
    },
  });
  void reflectors.run(signal);
  void controller.run(signal);
  for (const size of [1, 2, 3]) {
    await put('a', { size });
    await time.settle();
  }
  gate.resolve();
  await time.settle();
  expect(seen).toEqual([1, 3]);
});

test('no more keys are in work than the concurrency allows', async () => {
  let running = 0;
  let most = 0;
  const { time, signal, reflectors, controller, put } = setup({
    concurrency: 3,
    reconcile: async () => {
      most = Math.max(most, ++running);
      await time.sleep(10, signal);
      running -= 1;
    },
  });
  for (let index = 0; index < 10; index += 1) await put(`w${index}`);
  void reflectors.run(signal);
  void controller.run(signal);
  await time.advance(100);
  expect([most, running]).toEqual([3, 0]);
});

describe('the end of a run', () => {
  test('with a time leads to another run then', async () => {
    const { time, signal, reflectors, controller, put, runs } = setup({
      reconcile: async (key) => {
        runs.push(key);
        return { requeueAfterMs: 60_000 };
      },
    });
    await put('a');
    void reflectors.run(signal);
    void controller.run(signal);
    await time.advance(59_999);
    expect(runs).toHaveLength(1);
    await time.advance(1);
    expect(runs).toHaveLength(2);
  });

  test('by an error leads to retries with growing delays', async () => {
    const atMs: number[] = [];
    const { time, signal, reflectors, controller, put } = setup({
      queue: { backoff: { baseMs: 1000, maxMs: 60_000, jitter: 0 } },
      reconcile: async () => {
        atMs.push(time.clock.monotonic());
        throw new Error('the KMS is away');
      },
    });
    await put('a');
    void reflectors.run(signal);
    void controller.run(signal);
    await time.advance(7000);
    expect(atMs).toEqual([0, 1000, 3000, 7000]);
  });

  test('by a terminal error leads to nothing until something changes', async () => {
    const outcomes: string[] = [];
    const { time, signal, reflectors, controller, put } = setup({
      reconcile: async () => {
        throw new TerminalError('unsupported key spec');
      },
      metrics: { reconciled: (_controller, outcome) => outcomes.push(outcome) },
    });
    await put('a');
    void reflectors.run(signal);
    void controller.run(signal);
    await time.advance(3_600_000);
    expect(outcomes).toEqual(['terminal']);
    await put('a', { size: 2 });
    await time.settle();
    expect(outcomes).toEqual(['terminal', 'terminal']);
  });
});

describe('a related object', () => {
  const related = [
    relate(paintResource, (paint: Paint, widgets: { list(): Iterable<Widget> }) =>
      [...widgets.list()].filter(({ spec }) => spec.colour === paint.data.colour).map(keyOf),
    ),
  ];

  test('leads to runs for what it concerned before and concerns now', async () => {
    const { time, signal, api, reflectors, runs, controller, put } = setup({ related });
    const paint = (colour: string): Promise<Paint> =>
      api.apply(
        paintResource,
        { metadata: { name: 'p', namespace: 'default' }, data: { colour } },
        { fieldManager: 't', signal },
      );
    for (const colour of ['red', 'blue', 'green']) await put(colour, { colour });
    await paint('red');
    void reflectors.run(signal);
    void controller.run(signal);
    await time.settle();
    runs.length = 0;
    await paint('blue');
    await time.settle();
    expect(runs.toSorted()).toEqual(['default/blue', 'default/red']);
  });
});

test('a change of the status alone does not lead to a run where the controller says so', async () => {
  const { time, signal, api, reflectors, runs, controller, put } = setup({ changed: specOrMetadataChanged });
  void reflectors.run(signal);
  void controller.run(signal);
  await time.settle();
  await put('a');
  await time.settle();
  await api.applyStatus(
    widgetResource,
    { namespace: 'default', name: 'a' },
    { phase: 'x' },
    { fieldManager: 't', signal },
  );
  await time.settle();
  expect(runs).toHaveLength(1);
  await put('a', {}, { touched: 'yes' });
  await time.settle();
  expect(runs).toHaveLength(2);
});

test('a key from outside leads to a run', async () => {
  const { time, signal, reflectors, runs, controller } = setup();
  void reflectors.run(signal);
  void controller.run(signal);
  await time.settle();
  controller.enqueue('default/x', 500);
  await time.advance(499);
  expect(runs).toEqual([]);
  await time.advance(1);
  expect(runs).toEqual(['default/x gone']);
});

test('run ends with the signal after the work in hand, and can begin again', async () => {
  const gate = Promise.withResolvers<void>();
  const signals: AbortSignal[] = [];
  const { time, signal, reflectors, controller, put } = setup({
    reconcile: async (_key, _object, context) => {
      signals.push(context.signal);
      if (signals.length === 1) await gate.promise;
    },
  });
  await put('a');
  void reflectors.run(signal);
  const first = new AbortController();
  let ended = false;
  const run = controller.run(first.signal).then(() => (ended = true));
  await time.settle();
  first.abort();
  await time.settle();
  expect([signals[0]?.aborted, ended]).toEqual([true, false]);
  gate.resolve();
  await run;
  void controller.run(signal);
  await time.settle();
  expect(signals).toHaveLength(2);
});

test('two controllers of one kind share a watch', async () => {
  const { time, signal, api, reflectors, controller, put } = setup();
  let watches = 0;
  const source: ObjectSource = {
    get: (resource, ref, options) => api.get(resource, ref, options),
    list: (resource, options) => api.list(resource, options),
    watch: (resource, options) => {
      watches += 1;
      return api.watch(resource, options);
    },
  };
  expect(controller.primary).toBe(reflectors.store(widgetResource));
  const shared = new Reflectors({ source, log: silentLogger });
  const stores = [shared.store(widgetResource), shared.store(widgetResource)];
  void shared.run(signal);
  const late = shared.store(widgetResource, { labelSelector: 'a=b' });
  await put('a');
  await time.settle();
  expect([watches, stores[0] === stores[1], stores[0]?.size, late.size, late.hasSynced]).toEqual([2, true, 1, 0, true]);
});

test('a watch that ends by itself is not passed over in silence', async () => {
  const source = {
    watch: () => new EventBuffer<never>(AbortSignal.abort()),
    get: () => Promise.resolve(undefined),
    list: () => Promise.resolve([]),
  };
  const reflectors = new Reflectors({ source, log: silentLogger });
  reflectors.store(widgetResource);
  await expect(reflectors.run(new AbortController().signal)).rejects.toThrow(
    'the watch of widgets.test.kaap.dev ended by itself',
  );
});

test('only spec and metadata that people write count as a change', () => {
  const before = widget('a');
  expect(specOrMetadataChanged(before, widget('a', { metadata: { resourceVersion: '9' } }))).toBe(false);
  for (const metadata of [{ generation: 2 }, { labels: { a: 'b' } }, { finalizers: ['f'] }, { uid: 'other' }]) {
    expect(specOrMetadataChanged(before, widget('a', { metadata }))).toBe(true);
  }
});
