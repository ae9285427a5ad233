import { describe, expect, it } from 'vitest';
import type { SecretBinding } from '../../src/api/v1alpha1/secret-binding.ts';
import { markOf, turnAnnotation } from '../../src/api/version-mark.ts';
import { podType, type Pod } from '../../src/controllers/pod.ts';
import { nextRestart, type RestartInput, type Turn, type TurnPod } from '../../src/controllers/restart/plan.ts';
import { restartReconciler } from '../../src/controllers/restart/reconcile.ts';
import { bindingsToNote } from '../../src/controllers/restart/turn-pods.ts';
import { keyOf } from '../../src/kube/resource.ts';
import { Store } from '../../src/kube/store.ts';
import { ManualClock } from '../../src/lib/clock.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { followedBinding } from './followed-binding.ts';

const pod = (name: string, change: Partial<TurnPod> = {}): TurnPod => ({
  namespace: 'shop',
  name,
  uid: name,
  mark: 'old',
  ready: true,
  failing: false,
  restarts: 0,
  whole: true,
  ...change,
});
const given = (change: Partial<Turn> = {}): RestartInput['turns'] =>
  new Map([['a', { restarts: 0, atMs: 0, sick: false, ...change }]]);
const first = (change: Partial<TurnPod> = {}): TurnPod => pod('a', { mark: 'new', ...change });

describe('The next step of restarts in place', () => {
  it.each<[string, Partial<RestartInput>, string]>([
    ['is none while the versions are those of before', { delivered: 'new', pods: [first()] }, 'UpToDate'],
    [
      'tells a pod that was made since what it has',
      { delivered: 'new', pods: [pod('c', { mark: undefined })] },
      'Note',
    ],
    ['is one pod first', {}, 'First'],
    ['is the end where nothing runs', { pods: [] }, 'Complete'],
    ['waits until the first has started again', { pods: [first(), pod('b')], turns: given() }, 'Await'],
    [
      'waits until it is ready, too',
      { pods: [first({ restarts: 1, ready: false }), pod('b')], turns: given() },
      'Await',
    ],
    [
      'waits while the first is ready and its agent has started again, but nothing else of it yet',
      { pods: [first({ restarts: 1, whole: false }), pod('b')], turns: given() },
      'Await',
    ],
    [
      'waits for the pod of a former leader as well',
      { pods: [first({ restarts: 1, whole: false }), pod('b')] },
      'Await',
    ],
    ['is all others once it is', { pods: [first({ restarts: 1 }), pod('b')], turns: given() }, 'Rest'],
    [
      'is all others when the first had nothing to start again for',
      { pods: [first(), pod('b')], turns: given(), nowMs: 60_000 },
      'Rest',
    ],
    [
      'learns nothing from a pod that was not ready before',
      { pods: [first({ ready: false }), pod('b')], turns: given({ sick: true }) },
      'Rest',
    ],
    ['goes on with the pod to which a former leader gave its turn', { pods: [first(), pod('b')] }, 'Rest'],
    [
      'waits for the others',
      { pods: [first({ restarts: 1 }), pod('b', { mark: 'new', ready: false })], turns: given() },
      'Await',
    ],
    ['is the end when all have it', { pods: [first({ restarts: 1 })], turns: given() }, 'Complete'],
    [
      'does not give back for a pod that has just been made and is ready, however late it is',
      { pods: [first()], turns: given({ atMs: 390_000 }), nowMs: 400_000, late: true },
      'Await',
    ],
    [
      'does not give back for a pod that is not ready but has just had its turn, however late the others are',
      { pods: [first({ ready: false }), pod('b')], turns: given({ atMs: 390_000 }), nowMs: 400_000, late: true },
      'Await',
    ],
    [
      'gives back for one that is not ready and had its minute, beside one that has just had its turn',
      {
        pods: [first({ ready: false }), pod('b', { mark: 'new', ready: false })],
        turns: given({ atMs: 390_000 }),
        nowMs: 400_000,
        late: true,
      },
      'GiveBack',
    ],
    [
      'gives back for one that is not ready, and not for one that is',
      {
        pods: [first(), pod('b', { mark: 'new', ready: false })],
        turns: given({ atMs: 399_000 }),
        nowMs: 400_000,
        late: true,
      },
      'GiveBack',
    ],
    [
      'gives back when the first fails',
      { pods: [first({ ready: false, failing: true }), pod('b')], turns: given() },
      'GiveBack',
    ],
    [
      'gives back when it takes too long',
      { pods: [first({ ready: false }), pod('b')], turns: given(), nowMs: 400_000, late: true },
      'GiveBack',
    ],
    [
      'does not blame a new version on a pod that failed before',
      { pods: [first({ ready: false, failing: true }), pod('b')], turns: given({ sick: true }) },
      'Rest',
    ],
  ])('%s', (_title, change, type) => {
    const input: RestartInput = {
      wanted: 'new',
      delivered: 'old',
      pods: [pod('a'), pod('b')],
      turns: new Map(),
      startedMs: 0,
      nowMs: 1000,
      late: false,
      ...change,
    };
    expect(nextRestart(input).type).toBe(type);
  });

  it('takes a pod that is ready before one that is not', () => {
    const pods = [pod('a', { ready: false }), pod('b')];
    const step = nextRestart({
      wanted: 'new',
      delivered: 'old',
      pods,
      turns: new Map(),
      startedMs: 0,
      nowMs: 0,
      late: false,
    });
    expect(step).toMatchObject({ type: 'First', pod: { name: 'b' } });
  });
});

const annotation = turnAnnotation('db');

const bindingOf = (secret: string): SecretBinding => followedBinding('RestartContainers', secret);

interface PodState {
  mark?: string | undefined;
  isReady?: boolean;
  restarts?: number;
  waiting?: string;
  /** Seconds after which the application has started after the agent; before, where negative. */
  appAfter?: number;
  /** Whether the webhook gave it a file for turns. */
  waits?: boolean;
}

function podOf(name: string, state: PodState): Pod {
  const { mark, isReady = true, restarts = 0, waiting, appAfter = 1, waits = true } = state;
  const startedAt = (seconds: number): string => new Date(1e12 + seconds * 1000).toISOString();
  const fieldPath = `metadata.annotations['${annotation}']`;
  const volume = { projected: { sources: [{ downwardAPI: { items: [{ fieldRef: { fieldPath } }] } }] } };
  const app =
    waiting === undefined ? { running: { startedAt: startedAt(appAfter) } } : { waiting: { reason: waiting } };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'shop',
      uid: name,
      ...(mark === undefined ? {} : { annotations: { [annotation]: mark } }),
    },
    spec: { volumes: waits ? [volume] : [] },
    status: {
      conditions: [{ type: 'Ready', status: isReady ? 'True' : 'False' }],
      initContainerStatuses: [
        { name: 'kaap-agent', restartCount: restarts, state: { running: { startedAt: startedAt(0) } } },
      ],
      containerStatuses: [{ name: 'app', restartCount: restarts, state: app }],
    },
  };
}

/** Pods of a namespace, and a KMS that knows which version is current. */
class Workplace {
  readonly pods: Store<Pod> = new Store<Pod>();
  readonly clock: ManualClock = new ManualClock();
  readonly events: string[] = [];
  readonly conditions: string[] = [];
  readonly states = new Map<string, PodState>();
  readonly binding: SecretBinding;
  current = 'v1';
  /** What a feed says of the next look, where there is one. */
  nextLookMs: number | undefined;
  #reconcile: ReturnType<typeof restartReconciler>;

  constructor(secret = 'shop/db') {
    this.binding = bindingOf(secret);
    this.pods.addIndex('namespace', ({ metadata }) => [metadata.namespace ?? '']);
    this.#reconcile = this.newLeader();
  }

  set(name: string, change: PodState): void {
    const state = { ...this.states.get(name), ...change };
    this.states.set(name, state);
    this.pods.handle({ type: 'Apply', object: podOf(name, state) });
  }

  marks(): Record<string, string | undefined> {
    return Object.fromEntries([...this.states].map(([name, { mark }]) => [name, mark]));
  }

  look(): ReturnType<typeof this.newLeader> extends (...args: never[]) => infer R ? R : never {
    const signal = new AbortController().signal;
    return this.#reconcile(keyOf(this.binding), this.binding, { signal, log: silentLogger });
  }

  newLeader(): ReturnType<typeof restartReconciler> {
    this.#reconcile = restartReconciler({
      cluster: {
        apply: (type, object) => {
          expect(type).toBe(podType);
          const { name, annotations } = object.metadata as { name: string; annotations: Record<string, string> };
          this.set(name, { mark: annotations[annotation] });
          return Promise.resolve(object as never);
        },
      },
      kms: { call: (action, parameters) => this.#call(action, parameters) },
      pods: this.pods,
      clock: this.clock,
      timeoutMs: 300_000,
      recordEvent: (_object, _type, reason) => void this.events.push(reason),
      report: (_key, report) => void this.conditions.push(report.reason),
      countRestart: (result) => void this.events.push(result),
      nextLookMs: (_key, pollMs) => this.nextLookMs ?? pollMs,
    });
    return this.#reconcile;
  }

  #call(action: string, parameters: Readonly<Record<string, unknown>>): Promise<Readonly<Record<string, unknown>>> {
    if (action === 'UpdateSecretVersionStage') {
      this.current = String(parameters['MoveToVersion']);
      return Promise.resolve({});
    }
    expect(action).toBe('ListSecretVersionIds');
    const VersionId = [{ VersionId: this.current, VersionStages: { VersionStage: ['ACSCurrent'] } }];
    return Promise.resolve({ VersionIds: { VersionId } });
  }
}

const mark = (version: string, secret = 'shop/db'): string => markOf({ [secret]: version });

async function workplace(secret?: string): Promise<Workplace> {
  const made = new Workplace(secret);
  for (const name of ['a', 'b', 'c']) made.set(name, {});
  await made.look();
  return made;
}

describe('Restarts in place after a new version', () => {
  it('begin with one pod, go on with the others once it is ready, and are told when they are done', async () => {
    const place = await workplace();
    expect(place.marks()).toEqual({ a: mark('v1'), b: mark('v1'), c: mark('v1') });
    expect(place.events).toEqual([]);
    place.current = 'v2';
    await place.look();
    await place.look();
    expect(place.marks()).toEqual({ a: mark('v2'), b: mark('v1'), c: mark('v1') });
    place.set('a', { restarts: 1, appAfter: -60 });
    await place.look();
    expect(place.marks()).toEqual({ a: mark('v2'), b: mark('v1'), c: mark('v1') });
    place.set('a', { appAfter: 1 });
    await place.look();
    expect(place.marks()).toEqual({ a: mark('v2'), b: mark('v2'), c: mark('v2') });
    for (const name of ['b', 'c']) place.set(name, { restarts: 1 });
    await place.look();
    expect(place.conditions).toEqual(['RestartStarted', 'Restarting', 'RestartCompleted']);
    expect(place.events).toContain('completed');
  });

  it('give the former version back when the first pod fails, which starts again with it; the others never did', async () => {
    const place = await workplace();
    place.current = 'v2';
    await place.look();
    place.set('a', { restarts: 1, isReady: false, waiting: 'CrashLoopBackOff' });
    await place.look();
    expect(place.current).toBe('v1');
    expect(place.marks()).toEqual({ a: mark('v1'), b: mark('v1'), c: mark('v1') });
    expect(place.conditions.at(-1)).toBe('RestartFailed');
    await place.look();
    expect(place.events.filter((event) => event === 'given-back')).toHaveLength(1);
  });

  it('give the former version back when the first pod is not ready in time', async () => {
    const place = await workplace();
    place.current = 'v2';
    await place.look();
    place.set('a', { restarts: 1, isReady: false });
    place.clock.advance(300_001);
    await place.look();
    expect([place.current, place.conditions.at(-1)]).toEqual(['v1', 'RestartFailed']);
  });

  it('B7: do not touch the versions of a secret that is not of their namespace, nor go on', async () => {
    const place = await workplace('payments/db');
    place.current = 'v2';
    await place.look();
    place.set('a', { isReady: false, waiting: 'CrashLoopBackOff' });
    await place.look();
    await place.look();
    expect([place.current, place.conditions.at(-1)]).toEqual(['v2', 'RestartFailed']);
    expect(place.marks()['b']).toBe(mark('v1', 'payments/db'));
  });

  it('go on after a change of leaders, by what the pods say', async () => {
    const place = await workplace();
    place.current = 'v2';
    await place.look();
    place.set('a', { restarts: 1, isReady: false });
    place.newLeader();
    await place.look();
    expect(place.marks()).toEqual({ a: mark('v2'), b: mark('v1'), c: mark('v1') });
    place.set('a', { isReady: true });
    await place.look();
    expect(place.marks()['c']).toBe(mark('v2'));
  });

  it('are looked for again later where KMS tells of new versions, and as ever while there is something to do', async () => {
    const place = await workplace();
    place.nextLookMs = 300_000;
    expect(await place.look()).toEqual({ requeueAfterMs: 300_000 });
    place.set('d', {});
    expect(await place.look()).toEqual({ requeueAfterMs: 300_000 });
    place.current = 'v2';
    const looks = [await place.look()];
    place.set('a', { restarts: 1 });
    looks.push(await place.look());
    for (const name of ['b', 'c', 'd']) place.set(name, { restarts: 1 });
    looks.push(await place.look(), await place.look());
    expect(looks.map((look) => look?.requeueAfterMs)).toEqual([1000, 1000, 10_000, 300_000]);
    place.nextLookMs = undefined;
    expect(await place.look()).toEqual({ requeueAfterMs: 10_000 });
  });

  it('leave pods alone whose agents start again by themselves', async () => {
    const place = await workplace();
    place.set('old', { waits: false });
    place.current = 'v2';
    for (let step = 0; step < 4; step += 1) {
      for (const name of ['a', 'b', 'c']) place.set(name, { restarts: step });
      await place.look();
    }
    expect(place.marks()['old']).toBeUndefined();
    expect(place.conditions.at(-1)).toBe('RestartCompleted');
  });
});

describe('A pod that waits for its turn and has not been told what it has', () => {
  const bindings = new Store<SecretBinding>();
  bindings.addIndex('namespace', ({ metadata }) => [metadata.namespace ?? '']);
  bindings.handle({ type: 'Apply', object: bindingOf('shop/db') });
  const toNote = (state: PodState): string[] => bindingsToNote(podOf('a', state), bindings);

  it('has its binding looked at', () => {
    expect(toNote({})).toEqual(['shop/db']);
  });

  it.each<[string, PodState]>([
    ['has been told', { mark: mark('v1') }],
    ['starts again by itself', { waits: false }],
  ])('is left alone once it %s', (_title, state) => {
    expect(toNote(state)).toEqual([]);
  });

  it('is left alone where the binding rolls out', () => {
    const rolled = new Store<SecretBinding>();
    rolled.addIndex('namespace', ({ metadata }) => [metadata.namespace ?? '']);
    rolled.handle({ type: 'Apply', object: followedBinding('Rollout', 'shop/db') });
    expect(bindingsToNote(podOf('a', {}), rolled)).toEqual([]);
  });
});
