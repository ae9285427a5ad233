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
import { PodHistory, readyOf, type PodState } from './pod-history.ts';
import { deployment } from './tenant.ts';

const namespace = 'e2e-restart';
const binding = new ChangedBinding(namespace, 'RestartContainers');
const workload = 'workload=restarted';
const replicas = 3;

const secretValue = (password: string): string => JSON.stringify({ user: 'app', password });

/** The password in the environment of every pod. */
async function passwords(): Promise<(string | undefined)[]> {
  const pods = await podsOf(namespace, workload);
  const logs = await Promise.allSettled(pods.map(({ metadata }) => printed(namespace, metadata.name)));
  return logs.map((log) => (log.status === 'fulfilled' ? log.value.get('DB_PASSWORD')?.toString() : undefined));
}

const whatHappened = async (): Promise<string> =>
  JSON.stringify([await binding.rolledOut(), await eventsAbout(namespace, 'db'), await passwords()]);

async function allRunWith(password: string): Promise<void> {
  await eventually(
    async () => {
      const got = await passwords();
      const pods = await podsOf(namespace, workload);
      const isDone = got.length === replicas && got.every((value) => value === password) && pods.every(isReady);
      return isDone ? true : undefined;
    },
    whatHappened,
    120_000,
  );
}

describe('Restarts in place after a new version', () => {
  const [first, second] = [canary(), canary()];
  let before: PodObject[];

  beforeAll(async () => {
    await cluster().apply(binding.objects());
    await binding.put(secretValue(first));
    await cluster().kubectl(['wait', '--for=condition=Ready', 'sbind/db', '-n', namespace, '--timeout=60s']);
    const object = deployment('restarted', { namespace }) as { spec: object };
    await cluster().apply([{ ...object, spec: { ...object.spec, replicas } }]);
    await allRunWith(first);
    before = await podsOf(namespace, workload);
  });

  it('begin with one pod: the others start again once it is ready, all of them in their places', async () => {
    const history = await PodHistory.start(namespace, workload);
    await binding.put(secretValue(second));
    await allRunWith(second);
    const states = await history.end();
    const [start] = states;
    const hasRestarted = ([uid, { restarts }]: [string, PodState]): boolean =>
      restarts > (start?.get(uid)?.restarts ?? restarts);
    const firstBack = states.findIndex((pods) => [...pods].some((pod) => hasRestarted(pod) && pod[1].ready));
    expect(firstBack).toBeGreaterThan(0);
    for (const pods of states.slice(0, firstBack + 1)) {
      expect([...pods].filter((pod) => hasRestarted(pod) || !pod[1].ready).length).toBeLessThanOrEqual(1);
    }
    const after = await podsOf(namespace, workload);
    const identity = ({ metadata, status }: PodObject): string => `${metadata.uid} ${status.podIP ?? ''}`;
    expect(after.map(identity).toSorted()).toEqual(before.map(identity).toSorted());
    expect((await binding.untilRolledOut('RestartCompleted')).status).toBe('True');
  });

  it('tell of their stages by events', async () => {
    const events = (await eventsAbout(namespace, 'db')).join('\n');
    for (const reason of ['RestartStarted', 'Restarting', 'RestartCompleted']) expect(events).toContain(`${reason}: `);
  });

  it('are given back when the first fails: the version of before is current, and the other pods never stopped', async () => {
    const history = await PodHistory.start(namespace, workload);
    await binding.put(JSON.stringify({ user: 'app' }));
    const condition = await binding.untilRolledOut('RestartFailed');
    for (const pods of await history.end()) expect(readyOf(pods).length).toBeGreaterThanOrEqual(replicas - 1);
    expect(condition).toMatchObject({ status: 'False', message: expect.stringContaining(`${namespace}/db`) as string });
    expect(await kaap(['secret', 'get', `${namespace}/db`])).toBe(secretValue(second));
    expect(await operatorMetrics()).toMatch(
      /^kaap_rollouts_total\{[^}]*on_change="RestartContainers"[^}]*result="given-back"[^}]*\} 1$/m,
    );
    await allRunWith(second);
  });
});
