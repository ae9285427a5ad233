import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { canary } from './canaries.ts';
import { ChangedBinding } from './changed-binding.ts';
import {
  cluster,
  eventsAbout,
  eventually,
  isReady,
  kaap,
  operatorMetrics,
  podsOf,
  printed,
  type PodObject,
} from './installation.ts';
import { PodHistory, readyOf, type PodStates } from './pod-history.ts';
import { podTemplate, subjects } from './tenant.ts';

const namespace = 'e2e-rollout';
const binding = new ChangedBinding(namespace, 'Rollout');
const workload = 'workload=rolled';
/** Deployment, StatefulSet and the DaemonSet of one node. */
const replicas = { Deployment: 3, StatefulSet: 2, DaemonSet: 1 };
const total = replicas.Deployment + replicas.StatefulSet + replicas.DaemonSet;

const secretValue = (password: string): string => JSON.stringify({ user: 'app', password });

/** A workload of any kind with `count` pods of test-app. */
function rolled(kind: keyof typeof replicas): object {
  const name = kind.toLowerCase();
  const labels = { workload: 'rolled', kind: name };
  return {
    apiVersion: 'apps/v1',
    kind,
    metadata: { name, namespace },
    spec: {
      ...(kind === 'DaemonSet' ? {} : { replicas: replicas[kind] }),
      ...(kind === 'StatefulSet' ? { serviceName: name } : {}),
      selector: { matchLabels: { kind: name } },
      template: podTemplate({ namespace, labels, args: ['--serve', ...subjects] }),
    },
  };
}

/** The password in the environment of every pod that is ready. */
async function passwords(): Promise<(string | undefined)[]> {
  const pods = (await podsOf(namespace, workload)).filter(isReady);
  // A pod of a StatefulSet may have been replaced under its name since, by one that has printed nothing yet.
  const logs = await Promise.allSettled(pods.map(({ metadata }) => printed(namespace, metadata.name)));
  return logs.map((log) => (log.status === 'fulfilled' ? log.value.get('DB_PASSWORD')?.toString() : undefined));
}

async function allRunWith(password: string): Promise<void> {
  await eventually(
    async () => {
      const got = await passwords();
      return got.length === total && got.every((value) => value === password) ? true : undefined;
    },
    async () => `${JSON.stringify(await eventsAbout(namespace, 'db'))} ${JSON.stringify(await binding.rolledOut())}`,
    120_000,
  );
}

describe('A rollout of the workloads of a binding', () => {
  const [first, second] = [canary(), canary()];
  let before: Set<string>;
  let states: readonly PodStates[];

  beforeAll(async () => {
    await cluster().apply(binding.objects());
    await binding.put(secretValue(first));
    await cluster().kubectl(['wait', '--for=condition=Ready', 'sbind/db', '-n', namespace, '--timeout=60s']);
    await cluster().apply([rolled('Deployment'), rolled('StatefulSet'), rolled('DaemonSet')]);
    await allRunWith(first);
    before = new Set((await podsOf(namespace, workload)).map(({ metadata }) => metadata.uid));
    const history = await PodHistory.start(namespace, workload);
    await binding.put(secretValue(second));
    await allRunWith(second);
    states = await history.end();
  });

  it('takes one pod first: a second goes only after what was made in its place is ready', () => {
    const firstNew = states.findIndex((pods) => readyOf(pods).some((uid) => !before.has(uid)));
    expect(firstNew).toBeGreaterThan(0);
    for (const pods of states.slice(0, firstNew)) expect(readyOf(pods).length).toBeGreaterThanOrEqual(total - 1);
  });

  it('brings the new version to every pod of Deployment, StatefulSet and DaemonSet', async () => {
    expect((await binding.untilRolledOut('RolloutCompleted')).status).toBe('True');
    // A rollout is complete when what is new is ready; what was before may still be ending.
    const former = async (): Promise<PodObject[]> =>
      (await podsOf(namespace, workload)).filter(({ metadata }) => before.has(metadata.uid));
    for (const { metadata } of await former()) expect(metadata.deletionTimestamp).toBeDefined();
    await eventually(
      async () => ((await former()).length === 0 ? true : undefined),
      async () => JSON.stringify((await former()).map(({ metadata }) => metadata)),
    );
  });

  it('tells of its stages by events', async () => {
    const events = (await eventsAbout(namespace, 'db')).join('\n');
    for (const reason of ['RolloutStarted', 'RollingOut', 'RolloutCompleted']) expect(events).toContain(`${reason}: `);
  });

  it('is given back when the first pod fails: the version of before is current, and most pods never stopped', async () => {
    const settled = new Set((await podsOf(namespace, workload)).map(({ metadata }) => metadata.uid));
    const history = await PodHistory.start(namespace, workload);
    await binding.put(JSON.stringify({ user: 'app' }));
    const condition = await binding.untilRolledOut('RolloutFailed');
    for (const pods of await history.end()) {
      expect(readyOf(pods).filter((uid) => settled.has(uid)).length).toBeGreaterThanOrEqual(total - 1);
    }
    expect(condition.status).toBe('False');
    expect(condition.message).toContain(`${namespace}/db`);
    expect(await kaap(['secret', 'get', `${namespace}/db`])).toBe(secretValue(second));
    expect((await eventsAbout(namespace, 'db')).join('\n')).toContain('RolloutFailed: ');
    expect(await operatorMetrics()).toMatch(
      /^kaap_rollouts_total\{[^}]*on_change="Rollout"[^}]*result="given-back"[^}]*\} 1$/m,
    );
    await allRunWith(second);
  });
});

/** Lets pods pass the webhook by and the policy behind it, or stops that again. */
async function passBy(isOn: boolean): Promise<void> {
  const condition = { name: 'passed-by', expression: 'false' };
  const webhook = isOn
    ? [{ op: 'add', path: '/webhooks/0/matchConditions/0', value: condition }]
    : [{ op: 'remove', path: '/webhooks/0/matchConditions/0' }];
  const policy = [{ op: 'replace', path: '/spec/validationActions', value: [isOn ? 'Audit' : 'Deny'] }];
  const patch = (kind: string, name: string, operations: object[]): Promise<string> =>
    cluster().kubectl(['patch', kind, name, '--type=json', `--patch=${JSON.stringify(operations)}`]);
  await patch('mutatingwebhookconfiguration', 'kaap', webhook);
  await patch('validatingadmissionpolicybinding', 'kaap-injected', policy);
}

describe('A4: pods that passed the webhook by', () => {
  const late = 'workload=late';
  const isInjected = ({ spec }: PodObject): boolean =>
    spec.initContainers?.some(({ name }) => name === 'kaap-agent') === true;

  beforeAll(async () => {
    await passBy(true);
    try {
      await eventually(
        async () => {
          const template = podTemplate({ namespace, labels: { workload: 'late' }, args: ['--serve', ...subjects] });
          const spec = { replicas: 1, selector: { matchLabels: { workload: 'late' } }, template };
          const metadata = { name: 'late', namespace };
          await cluster().kubectl(['delete', 'deployment', 'late', '-n', namespace, '--ignore-not-found']);
          await cluster().apply([{ apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec }]);
          await sleep(1000);
          return (await podsOf(namespace, late)).some((pod) => !isInjected(pod)) ? true : undefined;
        },
        () => 'the webhook could not be passed by',
      );
    } finally {
      await passBy(false);
    }
  });

  it('are evicted, and what their owner makes instead has its secrets', async () => {
    await eventually(
      async () => {
        const pods = await podsOf(namespace, late);
        return pods.length > 0 && pods.every((pod) => isInjected(pod) && isReady(pod)) ? true : undefined;
      },
      async () => JSON.stringify(await eventsAbout(namespace, 'late')),
      120_000,
    );
    const [pod] = await podsOf(namespace, late);
    expect((await printed(namespace, pod?.metadata.name ?? '')).get('DB_USER')?.toString()).toBe('app');
  });

  it('are told of by events and counted', async () => {
    expect((await eventsAbout(namespace, 'late')).join('\n')).toContain('NotInjected: ');
    expect(await operatorMetrics()).toMatch(/^kaap_injection_repairs_total\{[^}]*result="evicted"[^}]*\} [1-9]/m);
  });
});
