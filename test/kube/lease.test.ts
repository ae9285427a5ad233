import { describe, expect, test } from 'vitest';
import { KubeError } from '../../src/kube/kube-error.ts';
import { LeaderElector, leaseResource, type Lease } from '../../src/kube/lease.ts';
import { ManifestClusterApi } from '../../src/kube/manifest-cluster-api.ts';
import type { ResourceType, KubeObject, ObjectRef } from '../../src/kube/resource.ts';
import type { CallOptions } from '../../src/kube/cluster-api.ts';
import { ManualClock, type Clock } from '../../src/lib/clock.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { ManualTime } from '../support/manual-time.ts';

const ref = { namespace: 'kaap-system', name: 'operator' };
const never = new AbortController().signal;

/** The way from one candidate to the API server. It can be cut or delayed. */
class Link {
  down = false;
  delayMs = 0;
  calls = 0;
  readonly #api: ManifestClusterApi;
  readonly #time: ManualTime;

  constructor(api: ManifestClusterApi, time: ManualTime) {
    this.#api = api;
    this.#time = time;
  }

  get<T extends KubeObject>(
    resource: ResourceType<T>,
    target: ObjectRef,
    options: CallOptions,
  ): Promise<T | undefined> {
    return this.#pass(() => this.#api.get(resource, target, options));
  }

  create(...args: Parameters<ManifestClusterApi['create']>): Promise<never> {
    return this.#pass(() => this.#api.create(...args)) as Promise<never>;
  }

  update<T extends KubeObject>(resource: ResourceType<T>, object: T, _options: CallOptions): Promise<T> {
    // Without the caller's signal: what has been sent may arrive after the caller gave up.
    return this.#pass(() => this.#api.update(resource, object, { signal: never }));
  }

  async #pass<R>(call: () => Promise<R>): Promise<R> {
    this.calls += 1;
    if (this.delayMs > 0) await this.#time.sleep(this.delayMs, never);
    if (this.down) throw new KubeError(503, 'ServiceUnavailable', 'the link is cut');
    return call();
  }
}

interface Candidate {
  elector: LeaderElector;
  link: Link;
  stop: AbortController;
  run: Promise<void>;
  /** Whether its work goes on now. */
  works: () => boolean;
  terms: number;
}

class Cluster {
  readonly time = new ManualTime();
  readonly api = new ManifestClusterApi({ resources: [], clock: this.time.clock });
  readonly candidates: Candidate[] = [];
  mostAtOnce = 0;

  /** Adds a candidate, whose work takes `stopsInMs` to stop. */
  join(identity: string, options: { clock?: Clock; stopsInMs?: number; lead?: () => Promise<void> } = {}): Candidate {
    const link = new Link(this.api, this.time);
    const { clock = this.time.clock, stopsInMs = 0 } = options;
    const common = { clock, sleep: this.time.sleep, random: () => 0.5, log: silentLogger };
    const elector = new LeaderElector({ api: link, ...ref, identity, ...common });
    let working = false;
    const lead = async (signal: AbortSignal): Promise<void> => {
      candidate.terms += 1;
      working = true;
      this.mostAtOnce = Math.max(this.mostAtOnce, this.candidates.filter(({ works }) => works()).length);
      await (options.lead?.() ?? this.time.sleep(Number.MAX_SAFE_INTEGER, signal));
      await this.time.sleep(stopsInMs, never);
      working = false;
    };
    const stop = new AbortController();
    const candidate: Candidate = { elector, link, stop, terms: 0, works: () => working, run: Promise.resolve() };
    this.candidates.push(candidate);
    candidate.run = elector.run(stop.signal, lead);
    return candidate;
  }

  leaders(): string[] {
    return this.candidates.flatMap(({ works, elector }, index) => (works() && elector.isLeading ? [`${index}`] : []));
  }

  async lease(): Promise<Lease | undefined> {
    return this.api.get(leaseResource, ref, { signal: never });
  }
}

test('the first candidate leads at once and renews every two seconds with one request', async () => {
  const cluster = new Cluster();
  const a = cluster.join('a');
  await cluster.time.advance(0);
  expect(cluster.leaders()).toEqual(['0']);
  a.link.calls = 0;
  await cluster.time.advance(20_000);
  expect(a.link.calls).toBe(10);
  const lease = await cluster.lease();
  expect(lease?.spec).toMatchObject({ holderIdentity: 'a', leaseDurationSeconds: 15, leaseTransitions: 0 });
  expect(lease?.spec?.renewTime).toMatch(/^2026-01-01T00:00:20\.\d{6}Z$/);
});

test('the second candidate waits while the first renews', async () => {
  const cluster = new Cluster();
  cluster.join('a');
  await cluster.time.advance(100);
  cluster.join('b');
  await cluster.time.advance(300_000);
  expect([cluster.leaders(), cluster.mostAtOnce]).toEqual([['0'], 1]);
});

test('a leader that is cut off stops before the second one starts', async () => {
  const cluster = new Cluster();
  const a = cluster.join('a');
  await cluster.time.advance(100);
  const b = cluster.join('b');
  await cluster.time.advance(5000);
  a.link.down = true;
  await cluster.time.advance(10_000);
  expect([a.works(), b.works()]).toEqual([false, false]);
  await cluster.time.advance(10_000);
  expect([a.works(), b.works(), cluster.mostAtOnce]).toEqual([false, true, 1]);
  expect((await cluster.lease())?.spec).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
  a.link.down = false;
  await cluster.time.advance(60_000);
  expect([a.works(), b.works(), cluster.mostAtOnce]).toEqual([false, true, 1]);
});

test('a leader whose requests hang stops in time, though no request ever failed', async () => {
  const cluster = new Cluster();
  const a = cluster.join('a');
  await cluster.time.advance(100);
  const b = cluster.join('b');
  a.link.delayMs = 3_600_000;
  await cluster.time.advance(12_001);
  expect(a.works()).toBe(false);
  await cluster.time.advance(20_000);
  expect([b.works(), cluster.mostAtOnce]).toEqual([true, 1]);
});

test('wall clocks that are hours apart, or step, change nothing', async () => {
  const cluster = new Cluster();
  const wrong = new ManualClock(0);
  const clock = { now: () => wrong.now(), monotonic: () => cluster.time.clock.monotonic() };
  cluster.join('a');
  await cluster.time.advance(100);
  cluster.join('b', { clock });
  await cluster.time.advance(60_000);
  wrong.stepWallClockTo(Date.UTC(2100, 0, 1));
  cluster.time.clock.stepWallClockTo(Date.UTC(1990, 0, 1));
  await cluster.time.advance(60_000);
  expect([cluster.leaders(), cluster.mostAtOnce]).toEqual([['0'], 1]);
});

test('a candidate that joins late waits a full lease from when it first saw the record', async () => {
  const cluster = new Cluster();
  const a = cluster.join('a');
  await cluster.time.advance(100);
  a.link.down = true;
  await cluster.time.advance(100_000);
  const b = cluster.join('b');
  await cluster.time.advance(14_999);
  expect(b.works()).toBe(false);
  await cluster.time.advance(5000);
  expect(b.works()).toBe(true);
});

describe('shutdown', () => {
  test('releases the lease, so that the next leads within a retry period', async () => {
    const cluster = new Cluster();
    const a = cluster.join('a');
    await cluster.time.advance(100);
    const b = cluster.join('b');
    await cluster.time.advance(10_000);
    a.stop.abort();
    await cluster.time.advance(0);
    await a.run;
    expect((await cluster.lease())?.spec).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 1 });
    await cluster.time.advance(4500);
    expect([b.works(), cluster.mostAtOnce]).toEqual([true, 1]);
  });

  test('holds the lease until the work has ended, however long that takes', async () => {
    const cluster = new Cluster();
    const a = cluster.join('a', { stopsInMs: 60_000 });
    await cluster.time.advance(100);
    const b = cluster.join('b');
    a.stop.abort();
    await cluster.time.advance(59_000);
    expect([a.works(), b.works()]).toEqual([true, false]);
    await cluster.time.advance(6000);
    expect([a.works(), b.works(), cluster.mostAtOnce]).toEqual([false, true, 1]);
  });

  test('of a candidate that does not lead touches nothing', async () => {
    const cluster = new Cluster();
    cluster.join('a');
    await cluster.time.advance(100);
    const b = cluster.join('b');
    await cluster.time.advance(3000);
    b.stop.abort();
    await b.run;
    expect((await cluster.lease())?.spec?.holderIdentity).toBe('a');
  });
});

test('work that ends by itself ends the candidacy, work that fails is told', async () => {
  const cluster = new Cluster();
  const done = cluster.join('a', { lead: () => Promise.resolve() });
  await cluster.time.advance(0);
  await done.run;
  const failing = cluster.join('b', { lead: () => Promise.reject(new Error('out of work')) });
  const told = expect(failing.run).rejects.toThrow('out of work');
  await cluster.time.advance(20_000);
  await told;
  expect((await cluster.lease())?.spec?.holderIdentity).toBe('');
});

test('a leader that was cut off becomes a candidate again and may lead another term', async () => {
  const cluster = new Cluster();
  const a = cluster.join('a');
  await cluster.time.advance(100);
  a.link.down = true;
  await cluster.time.advance(15_000);
  a.link.down = false;
  await cluster.time.advance(10_000);
  expect([a.terms, a.works()]).toEqual([2, true]);
});

test('under random faults two candidates never work at once', async () => {
  for (let seed = 1; seed <= 20; seed += 1) {
    let state = seed;
    const random = (): number => (state = (state * 16_807) % 2_147_483_647) / 2_147_483_647;
    const cluster = new Cluster();
    for (const identity of ['a', 'b', 'c']) cluster.join(identity);
    for (let turn = 0; turn < 60; turn += 1) {
      const link = cluster.candidates[Math.floor(random() * 3)]?.link;
      if (link !== undefined) {
        link.down = random() < 0.4;
        link.delayMs = random() < 0.3 ? Math.floor(random() * 20_000) : 0;
      }
      await cluster.time.advance(random() * 6000);
      expect(cluster.leaders().length).toBeLessThanOrEqual(1);
    }
    expect(cluster.mostAtOnce).toBe(1);
  }
});

test('times that would let two lead are refused', () => {
  const { api, time } = new Cluster();
  const common = {
    api,
    ...ref,
    identity: 'a',
    clock: time.clock,
    sleep: time.sleep,
    random: () => 0,
    log: silentLogger,
  };
  expect(() => new LeaderElector({ ...common, renewDeadlineMs: 15_000 })).toThrow('shorter than the lease');
  expect(() => new LeaderElector({ ...common, retryPeriodMs: 10_000 })).toThrow('shorter than the renew deadline');
});
