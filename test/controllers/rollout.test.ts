import { describe, expect, it } from 'vitest';
import type { SecretBinding } from '../../src/api/v1alpha1/secret-binding.ts';
import { markOf } from '../../src/api/version-mark.ts';
import { KmsClientError } from '../../src/client/kms-client-error.ts';
import { podType, type Pod } from '../../src/controllers/pod.ts';
import { nextStep, type Owner, type RolloutInput } from '../../src/controllers/rollout/plan.ts';
import { rolloutReconciler } from '../../src/controllers/rollout/reconcile.ts';
import { ManifestClusterApi } from '../../src/kube/manifest-cluster-api.ts';
import { keyOf, type KubeObject, type ResourceType } from '../../src/kube/resource.ts';
import { Store } from '../../src/kube/store.ts';
import { ManualClock } from '../../src/lib/clock.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { followedBinding } from './followed-binding.ts';

const wanted = { 'shop/db': 'v2' };
const delivered = { 'shop/db': 'v1' };
const ready = (name: string): Owner['pods'][number] => ({ name, uid: name, ready: true, failing: false });

function owner(change: Partial<Owner> = {}): Owner {
  return {
    kind: 'Deployment',
    name: 'web',
    uid: 'web',
    mark: undefined,
    settled: true,
    pods: [ready('a'), ready('b')],
    ...change,
  };
}

const rolled = owner({ mark: markOf(wanted) });
const canary = { ownerUid: 'web', before: ['a', 'b'] };

describe('The next step of a rollout', () => {
  it.each<[string, Partial<RolloutInput>, string]>([
    ['begins with a note of what is there', { delivered: undefined }, 'Record'],
    ['is none while the versions are those of before', { wanted: delivered }, 'UpToDate'],
    ['is the end where nothing runs', { owners: [] }, 'Complete'],
    ['is one pod first, where others go on serving', {}, 'EvictFirst'],
    ['is the workload itself, where there is one pod', { owners: [owner({ pods: [ready('a')] })] }, 'Roll'],
    ['waits for what the owner makes instead', { canary, owners: [owner({ pods: [ready('b')] })] }, 'Await'],
    [
      'waits until that is ready',
      { canary, owners: [owner({ pods: [ready('b'), { ...ready('c'), ready: false }] })] },
      'Await',
    ],
    ['is the rest, once it is', { canary, owners: [owner({ pods: [ready('b'), ready('c')] })] }, 'Roll'],
    ['waits for the workload', { owners: [owner({ mark: markOf(wanted), settled: false })] }, 'Await'],
    ['is the next workload', { owners: [rolled, owner({ uid: 'api', name: 'api' })] }, 'Roll'],
    ['is the end when all have it', { owners: [rolled] }, 'Complete'],
    [
      'gives back when the first pod fails',
      { canary, owners: [owner({ pods: [ready('b'), { ...ready('c'), ready: false, failing: true }] })] },
      'GiveBack',
    ],
    ['gives back when it takes too long', { canary, owners: [owner()], late: true }, 'GiveBack'],
    [
      'does not blame a new version on a pod that failed before',
      { owners: [owner({ pods: [ready('a'), { ...ready('b'), ready: false, failing: true }] })] },
      'Roll',
    ],
  ])('%s', (_title, change, type) => {
    const input: RolloutInput = { wanted, delivered, owners: [owner()], canary: undefined, late: false, ...change };
    expect(nextStep(input).type).toBe(type);
  });
});

const apps = { group: 'apps', version: 'v1', namespaced: true } as const;
const deploymentType: ResourceType<KubeObject & { spec: object; status?: object }> = {
  ...apps,
  plural: 'deployments',
  kind: 'Deployment',
};
const replicaSetType: ResourceType = { ...apps, plural: 'replicasets', kind: 'ReplicaSet' };
const signal = new AbortController().signal;
const context = { signal, log: silentLogger };

const bindingOf = (secret: string): SecretBinding => followedBinding('Rollout', secret);

/** A Deployment of two pods, and a KMS that knows which version is current. */
class Workplace {
  readonly cluster = new ManifestClusterApi({ resources: [podType] });
  readonly pods: Store<Pod> = new Store<Pod>();
  readonly clock: ManualClock = new ManualClock();
  readonly events: string[] = [];
  readonly conditions: string[] = [];
  readonly evicted: string[] = [];
  current = 'v1';
  /** What a feed says of the next look, where there is one. */
  nextLookMs: number | undefined;
  readonly binding: SecretBinding;
  #replicaSetUid = '';

  constructor(secret: string) {
    this.binding = bindingOf(secret);
    this.pods.addIndex('namespace', ({ metadata }) => [metadata.namespace ?? '']);
  }

  async setUp(): Promise<void> {
    const spec = { replicas: 2, template: { metadata: {} } };
    const metadata = { name: 'web', namespace: 'shop' };
    const deployment = await this.cluster.create(deploymentType, { metadata, spec }, { signal });
    const reference = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      name: 'web',
      uid: `${deployment.metadata.uid}`,
      controller: true,
    };
    const replicaSet = await this.cluster.create(
      replicaSetType,
      { metadata: { name: 'web-1', namespace: 'shop', ownerReferences: [reference] } },
      { signal },
    );
    this.#replicaSetUid = `${replicaSet.metadata.uid}`;
    for (const name of ['a', 'b']) this.pod(name, true);
  }

  pod(name: string, isReady: boolean, waiting?: string): void {
    const reference = {
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      name: 'web-1',
      uid: this.#replicaSetUid,
      controller: true,
    };
    const state = waiting === undefined ? {} : { waiting: { reason: waiting } };
    const object: Pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: 'shop', uid: name, ownerReferences: [reference] },
      spec: {},
      status: {
        conditions: [{ type: 'Ready', status: isReady ? 'True' : 'False' }],
        containerStatuses: [{ name: 'app', restartCount: 0, state }],
      },
    };
    this.pods.handle({ type: 'Apply', object });
  }

  async mark(): Promise<string | undefined> {
    const found = await this.cluster.get(deploymentType, { name: 'web', namespace: 'shop' }, { signal });
    const { template } = (found?.spec ?? { template: {} }) as {
      template: { metadata?: { annotations?: Record<string, string> } };
    };
    return template.metadata?.annotations?.['rollout.kaap.dev/db'];
  }

  /** What the Deployment's controller reports once all pods are new. */
  async settle(): Promise<void> {
    const ref = { name: 'web', namespace: 'shop' };
    const generation = (await this.cluster.get(deploymentType, ref, { signal }))?.metadata.generation;
    const status = { observedGeneration: generation, replicas: 2, updatedReplicas: 2, readyReplicas: 2 };
    await this.cluster.applyStatus(deploymentType, ref, status, { fieldManager: 'deployment', signal });
  }

  reconciler(enabled = true) {
    const { cluster, pods, clock, events, conditions, evicted } = this;
    return rolloutReconciler({
      cluster: {
        get: (type, ref, options) => cluster.get(type, ref, options),
        apply: (type, object, options) => cluster.apply(type, object, options),
        evict: ({ name }) => {
          evicted.push(name);
          const pod = pods.get(`shop/${name}`);
          if (pod !== undefined) pods.handle({ type: 'Delete', object: pod });
          return Promise.resolve(true);
        },
      },
      kms: { call: (action, parameters) => this.#call(action, parameters) },
      pods,
      clock,
      enabled,
      timeoutMs: 60_000,
      recordEvent: (_object, _type, reason) => events.push(reason),
      report: (_key, report) => conditions.push(report?.reason ?? 'none'),
      countRollout: (result) => events.push(result),
      nextLookMs: (_key, pollMs) => this.nextLookMs ?? pollMs,
    });
  }

  #call(action: string, parameters: Readonly<Record<string, unknown>>): Promise<Readonly<Record<string, unknown>>> {
    if (action === 'UpdateSecretVersionStage') {
      this.current = String(parameters['MoveToVersion']);
      return Promise.resolve({});
    }
    if (action !== 'ListSecretVersionIds') {
      throw new KmsClientError({ code: 'InvalidApi.NotFound', message: action, httpStatus: 404, retryable: false });
    }
    const VersionId = [{ VersionId: this.current, VersionStages: { VersionStage: ['ACSCurrent'] } }];
    return Promise.resolve({ VersionIds: { VersionId } });
  }
}

async function workplace(secret = 'shop/db'): Promise<Workplace> {
  const made = new Workplace(secret);
  await made.setUp();
  return made;
}

describe('A rollout after a new version', () => {
  it('takes one pod first, then the Deployment, and says when it is done', async () => {
    const place = await workplace();
    const { binding } = place;
    const reconcile = place.reconciler();
    const look = (): ReturnType<typeof reconcile> => reconcile(keyOf(binding), binding, context);
    await look();
    place.current = 'v2';
    await look();
    expect(place.evicted).toEqual(['a']);
    await look();
    expect(await place.mark()).toBeUndefined();
    place.pod('c', true);
    await look();
    expect(await place.mark()).toBe(markOf({ 'shop/db': 'v2' }));
    await look();
    expect(place.conditions.at(-1)).toBe('RollingOut');
    await place.settle();
    await look();
    expect(place.conditions).toEqual(['RolloutStarted', 'RollingOut', 'RolloutCompleted']);
    expect(place.events).toContain('completed');
  });

  it('gives the former version back when the first pod fails, and replaces that pod', async () => {
    const place = await workplace();
    const { binding } = place;
    const reconcile = place.reconciler();
    await reconcile(keyOf(binding), binding, context);
    place.current = 'v2';
    await reconcile(keyOf(binding), binding, context);
    place.pod('c', false, 'CrashLoopBackOff');
    await reconcile(keyOf(binding), binding, context);
    expect(place.current).toBe('v1');
    expect(place.evicted).toEqual(['a', 'c']);
    expect(await place.mark()).toBeUndefined();
    expect(place.conditions.at(-1)).toBe('RolloutFailed');
    await reconcile(keyOf(binding), binding, context);
    expect(place.events.filter((event) => event === 'given-back')).toHaveLength(1);
  });

  it('B7: does not touch the versions of a secret that is not of its namespace', async () => {
    const place = await workplace('payments/db');
    const { binding } = place;
    const reconcile = place.reconciler();
    await reconcile(keyOf(binding), binding, context);
    place.current = 'v2';
    await reconcile(keyOf(binding), binding, context);
    place.pod('c', false, 'CrashLoopBackOff');
    await reconcile(keyOf(binding), binding, context);
    expect(place.current).toBe('v2');
    expect(place.conditions.at(-1)).toBe('RolloutFailed');
  });

  it('looks again later where KMS tells of new versions, and as ever while there is something to do', async () => {
    const place = await workplace();
    const { binding } = place;
    const reconcile = place.reconciler();
    place.nextLookMs = 300_000;
    const look = async (): Promise<number | undefined> =>
      (await reconcile(keyOf(binding), binding, context))?.requeueAfterMs;
    expect([await look(), await look()]).toEqual([300_000, 300_000]);
    place.current = 'v2';
    expect([await look(), await look()]).toEqual([2000, 2000]);
    place.nextLookMs = undefined;
    place.current = 'v1';
    expect(await look()).toBe(15_000);
  });

  it('changes nothing where the operator has not been given the right, and says so', async () => {
    const place = await workplace();
    await place.reconciler(false)(keyOf(place.binding), place.binding, context);
    expect(place.conditions).toEqual(['RolloutDisabled']);
    expect(place.evicted).toEqual([]);
  });

  it('goes on after a change of leaders, by what the workloads say', async () => {
    const place = await workplace();
    const { binding } = place;
    const first = place.reconciler();
    await first(keyOf(binding), binding, context);
    place.current = 'v2';
    await first(keyOf(binding), binding, context);
    place.pod('c', true);
    await first(keyOf(binding), binding, context);
    place.current = 'v3';
    const second = place.reconciler();
    await second(keyOf(binding), binding, context);
    await second(keyOf(binding), binding, context);
    expect(place.conditions.at(-1)).toBe('RolloutStarted');
  });
});
