import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { secretBindingType, type SecretBinding } from '../../src/api/v1alpha1/secret-binding.ts';
import { markOf, turnAnnotation } from '../../src/api/version-mark.ts';
import { KmsClient, oidcCredentials } from '../../src/client/kms-client.ts';
import { clientThatWaits } from '../../src/cmd/kms-clients.ts';
import { openManifests } from '../../src/cmd/standalone/manifests.ts';
import { standaloneProvider } from '../../src/cmd/standalone/standalone.ts';
import type { KmsApi } from '../../src/controllers/kms-api.ts';
import { newVersionRunnables } from '../../src/controllers/new-versions.ts';
import { injectedPods, podType, type Pod } from '../../src/controllers/pod.ts';
import type { Controller } from '../../src/kube/controller.ts';
import type { ManifestClusterApi } from '../../src/kube/manifest-cluster-api.ts';
import { Reflectors } from '../../src/kube/reflectors.ts';
import type { StoreReader } from '../../src/kube/store.ts';
import { ManualClock } from '../../src/lib/clock.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { OPERATOR_AUDIENCE, OPERATOR_ROLE } from '../../src/ram/operator-role.ts';
import { followedBinding } from './followed-binding.ts';
import { startOperatorScene, until, type OperatorScene } from './operator-scene.ts';

const operator = { namespace: 'kaap-system', serviceAccount: 'kaap-operator' };
const account = 'acs:ram::1000000000000000';

/** A real KMS as the operator's role sees it, and the calls that it got. */
class OperatorsKms {
  readonly calls: string[] = [];
  readonly kms: KmsApi;
  readonly waits: KmsApi;
  readonly #clients: KmsClient[];

  constructor({ standalone }: OperatorScene) {
    const location = { endpoint: standalone.endpoint, caPem: standalone.service.caPem, region: 'local' };
    const credentials = oidcCredentials({
      ...location,
      roleArn: `${account}:role/${OPERATOR_ROLE}`,
      oidcProviderArn: `${account}:oidc-provider/${standaloneProvider}`,
      token: () => standalone.issuer.issue({ ...operator, audience: OPERATOR_AUDIENCE }),
      sessionName: 'operator',
    });
    const [kms, waits] = [new KmsClient({ ...location, credentials }), clientThatWaits({ ...location, credentials })];
    this.#clients = [kms, waits];
    this.kms = this.#recorded(kms);
    this.waits = this.#recorded(waits);
  }

  called(action: string): number {
    return this.calls.filter((call) => call === action).length;
  }

  async untilCalled(action: string, times: number): Promise<void> {
    await until(() => Promise.resolve(this.called(action) >= times ? true : undefined));
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }

  #recorded(client: KmsClient): KmsApi {
    return {
      call: (action, parameters, signal) => {
        this.calls.push(action);
        return client.call('Kms', action, parameters, { signal });
      },
    };
  }
}

const annotation = turnAnnotation('db');

function podOf(name: string): Pod {
  const fieldPath = `metadata.annotations['${annotation}']`;
  const volume = { projected: { sources: [{ downwardAPI: { items: [{ fieldRef: { fieldPath } }] } }] } };
  const labels = { 'kaap.dev/inject': 'true' };
  const metadata = { name, namespace: 'shop', labels };
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec: { volumes: [volume] } };
}

let scene: OperatorScene;
let operators: OperatorsKms;
let stopping: AbortController;
let running: Promise<unknown>;
beforeEach(async () => {
  scene = await startOperatorScene();
  operators = new OperatorsKms(scene);
  stopping = new AbortController();
  running = Promise.resolve();
  await scene.kms.createSecret({ SecretName: 'shop/db', SecretData: 'one', VersionId: 'v1' });
});
afterEach(async () => {
  stopping.abort();
  await running;
  operators.close();
  await scene.close();
});

/** The controller of new versions on objects in memory, by a clock that stands still: no look at KMS becomes due by itself. */
class Pods {
  readonly clock: ManualClock = new ManualClock();
  readonly cluster: ManifestClusterApi;
  readonly controller: Controller<SecretBinding>;
  readonly store: StoreReader<Pod>;

  constructor(cluster: ManifestClusterApi) {
    this.cluster = cluster;
    const { signal } = stopping;
    const reflectors = new Reflectors({ source: cluster, log: silentLogger });
    const pods = reflectors.store<Pod>(podType, injectedPods);
    const bindings = reflectors.store<SecretBinding>(secretBindingType);
    for (const store of [pods, bindings]) store.addIndex('namespace', namespaceOf);
    this.store = pods;
    const { kms, waits } = operators;
    const common = { clock: this.clock, random: Math.random, log: silentLogger, recordEvent: () => undefined };
    const runnables = newVersionRunnables({ ...common, cluster, kms, waits, reflectors }, pods, () => undefined);
    this.controller = runnables[0] as Controller<SecretBinding>;
    running = Promise.all([reflectors, ...runnables].map((each) => each.run(signal)));
  }

  async create(name: string): Promise<void> {
    await this.cluster.create(podType, podOf(name), { signal: stopping.signal });
  }

  /** Resolves when KMS is waited for, and the binding has been looked at since: by itself it is not looked at soon. */
  async settle(): Promise<void> {
    await operators.untilCalled('WaitSecretChanges', 2);
    this.controller.enqueue('shop/db');
    await operators.untilCalled('ListSecretVersionIds', operators.called('ListSecretVersionIds') + 1);
    await this.have('v1', undefined);
  }

  async marks(): Promise<(string | undefined)[]> {
    const names = ['a', 'b'];
    const found = await Promise.all(
      names.map((name) => this.cluster.get<Pod>(podType, { namespace: 'shop', name }, { signal: stopping.signal })),
    );
    return found.map((pod) => pod?.metadata.annotations?.[annotation]);
  }

  /** Resolves once the marks are those of the versions. */
  async have(...versions: (string | undefined)[]): Promise<void> {
    const wanted = versions.map((version) => (version === undefined ? undefined : markOf({ 'shop/db': version })));
    await until(async () => ((await this.marks()).join() === wanted.join() ? true : undefined));
  }
}

function namespaceOf({ metadata }: { metadata: { namespace?: string } }): string[] {
  return [metadata.namespace ?? ''];
}

async function podsWithBinding(): Promise<Pods> {
  const { cluster } = await openManifests(undefined, new ManualClock());
  const { apiVersion, kind, spec } = followedBinding('RestartContainers', 'shop/db');
  const metadata = { name: 'db', namespace: 'shop' };
  const binding = {
    apiVersion,
    kind,
    metadata,
    spec: { ...spec, files: [{ path: 'db', source: 'db', mode: '0440' }] },
  };
  await cluster.create(secretBindingType, binding, { signal: stopping.signal });
  const pods = new Pods(cluster);
  await pods.create('a');
  await pods.settle();
  return pods;
}

describe('A new version in KMS', () => {
  it('reaches the pods of a binding that follows it, although nobody asks for versions meanwhile', async () => {
    const pods = await podsWithBinding();
    await scene.kms.putSecretValue({ SecretName: 'shop/db', SecretData: 'two', VersionId: 'v2' });
    await pods.have('v2', undefined);
  });

  it('is told to the operator, which can read no value, and not wait as those who can', async () => {
    const Secrets = JSON.stringify([{ SecretName: 'shop/db' }]);
    const { signal } = stopping;
    const denied = { code: 'Forbidden.NoPermission' };
    await expect(operators.kms.call('GetSecretValue', { SecretName: 'shop/db' }, signal)).rejects.toMatchObject(denied);
    await expect(operators.waits.call('WaitSecretChanges', { Secrets }, signal)).rejects.toMatchObject(denied);
    const first = await operators.waits.call('WaitSecretChanges', { Secrets, Watch: 'Versions' }, signal);
    const { Secret } = first['Secrets'] as { Secret: { State: string }[] };
    const parameters = { Secrets: JSON.stringify(Secret), Watch: 'Versions', WaitSeconds: 30 };
    const waiting = operators.waits.call('WaitSecretChanges', parameters, signal);
    await scene.kms.putSecretValue({ SecretName: 'shop/db', SecretData: 'two', VersionId: 'v2' });
    expect(await waiting).toMatchObject({ Secrets: { Secret: [{ SecretName: 'shop/db', Changed: true }] } });
    const records = await auditLines();
    expect(
      records.filter(({ action, permission }) => action === 'WaitSecretChanges' && permission !== undefined),
    ).toEqual([
      expect.objectContaining({ permission: 'kms:ListSecretVersionIds', decision: 'Allow' }),
      expect.objectContaining({ permission: 'kms:ListSecretVersionIds', decision: 'Allow' }),
    ]);
  });
});

describe('Calls that wait', () => {
  it('leave room for others, however many of them there are', async () => {
    const { signal } = stopping;
    const wait = async (SecretName: string, State = ''): Promise<string> => {
      const parameters = { Secrets: JSON.stringify([{ SecretName, State }]), Watch: 'Versions', WaitSeconds: 30 };
      const answer = await operators.waits.call('WaitSecretChanges', parameters, signal);
      return (answer['Secrets'] as { Secret: { State: string }[] }).Secret[0]?.State ?? '';
    };
    const state = await wait('shop/db');
    let ended = 0;
    const waiting = Array.from({ length: 40 }, () => wait('shop/db', state).finally(() => (ended += 1)));
    // Without more connections than a client has by itself, this one would have to wait for the others.
    expect(await wait('shop/none')).toBe('absent');
    expect(await operators.kms.call('ListSecretVersionIds', { SecretName: 'shop/db' }, signal)).toBeDefined();
    expect(ended).toBe(0);
    stopping.abort();
    await Promise.allSettled(waiting);
  });
});

describe('A pod that was made since the last look', () => {
  it('is told what it has some seconds later, together with those that come with it', async () => {
    const pods = await podsWithBinding();
    await pods.create('b');
    await until(() => Promise.resolve(pods.store.get('shop/b')));
    expect(await pods.marks()).toEqual([markOf({ 'shop/db': 'v1' }), undefined]);
    pods.clock.advance(10_000);
    // The clock wakes nobody.
    pods.controller.enqueue('shop/nobody');
    await pods.have('v1', 'v1');
  });
});

async function auditLines(): Promise<Record<string, unknown>[]> {
  const folder = join(scene.standalone.dataDir, 'audit');
  const texts = await Promise.all((await readdir(folder)).map((file) => readFile(join(folder, file), 'utf8')));
  const lines = texts.flatMap((text) => text.split('\n')).filter((line) => line.includes('WaitSecretChanges'));
  return lines.map((line) => (JSON.parse(line) as { event: Record<string, unknown> }).event);
}
