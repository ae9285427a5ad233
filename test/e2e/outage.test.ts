import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canary } from './canaries.ts';
import { cluster, eventsAbout, eventually, kaap, podsOf, printed, read, systemNamespace } from './installation.ts';
import { deployment, tenantObjects } from './tenant.ts';

const namespace = 'e2e-outage';
const value = JSON.stringify({ user: 'app', password: canary() });

function scaleKms(replicas: number): Promise<string> {
  return cluster().kubectl(['scale', 'statefulset/kaap-kms', '-n', systemNamespace, `--replicas=${replicas}`]);
}

interface BindingStatus {
  valuesReadTime?: string;
  conditions?: { type: string; status: string }[];
}

async function statusOf(name: string): Promise<BindingStatus> {
  return (await read<{ status?: BindingStatus }>(['sbind', name, '-n', namespace]))?.status ?? {};
}

/** A second binding like the tenant's, for pods that may run on with what they had. */
function lasting(objects: readonly object[]): object {
  const binding = objects.find((object) => (object as { kind: string }).kind === 'SecretBinding') as { spec: object };
  const podSelector = { matchLabels: { app: 'lasting' } };
  const spec = { ...binding.spec, podSelector, outage: { maxAgeSeconds: 3600 } };
  return { ...binding, metadata: { name: 'lasting', namespace }, spec };
}

/** A program for Node: ends the agent of the pod, as when it fails. */
const endAgent = `const { readdirSync, readFileSync } = require('node:fs');
  const isAgent = (pid) => { try { return readFileSync('/proc/' + pid + '/comm', 'utf8') === 'kaap-agent\\n' } catch {} };
  process.kill(readdirSync('/proc').find(isAgent), 'SIGTERM');`;

/** Beside the application a container from which the agent can be ended: in the image of the agent nothing could do that. */
function withEnder(workload: object): object {
  const made = structuredClone(workload) as { spec: { template: { spec: { containers: object[] } } } };
  const { spec } = made.spec.template;
  const command = ['node', '-e', 'process.on("SIGTERM", () => process.exit()); setInterval(() => {}, 60000)'];
  const ender = { ...spec.containers[0], name: 'ender', image: 'localhost/kaap/cli:dev', command, args: [] };
  Object.assign(spec, { shareProcessNamespace: true, containers: [...spec.containers, ender] });
  return made;
}

describe('With kms stopped', () => {
  let readAt: string;

  beforeAll(async () => {
    const objects = tenantObjects({ namespace, method: 'role' });
    await cluster().apply([...objects, lasting(objects)]);
    const put = Date.now();
    await kaap(['secret', 'put', `${namespace}/db`], value);
    await cluster().kubectl(['wait', '--for=condition=Ready', 'sbind', '--all', '-n', namespace, '--timeout=60s']);
    await cluster().apply([withEnder(deployment('lasts', { namespace, labels: { app: 'lasting' } }))]);
    await cluster().kubectl(['rollout', 'status', 'deployment/lasts', '-n', namespace, '--timeout=60s']);
    readAt = await eventually(
      async () => (await statusOf('lasting')).valuesReadTime,
      async () => JSON.stringify(await statusOf('lasting')),
    );
    expect(Date.parse(readAt)).toBeGreaterThanOrEqual(put - 5_000);
    expect(Date.parse(readAt)).toBeLessThanOrEqual(Date.now() + 5_000);
    await scaleKms(0);
    await cluster().kubectl(['wait', '--for=delete', 'pod/kaap-kms-0', '-n', systemNamespace, '--timeout=90s']);
  });

  afterAll(async () => {
    await scaleKms(1);
  });

  it('a pod whose agent starts again runs on with what it had, as old as the status of its binding says', async () => {
    const [before] = await podsOf(namespace, 'workload=lasts');
    const name = before?.metadata.name ?? '';
    await cluster().kubectl(['exec', '-n', namespace, name, '-c', 'ender', '--', 'node', '-e', endAgent]);
    const log = (): Promise<string> => cluster().kubectl(['logs', '-n', namespace, name, '-c', 'kaap-agent']);
    const line = await eventually(
      async () =>
        (await log().catch(() => '')).split('\n').find((text) => text.includes('runs on with the last values')),
      log,
    );
    const { ageSeconds } = JSON.parse(line) as { ageSeconds: number };
    expect(ageSeconds).toBeGreaterThanOrEqual(0);
    expect(ageSeconds).toBeLessThan(600);
    await cluster().kubectl(['wait', '--for=condition=Ready', `pod/${name}`, '-n', namespace, '--timeout=60s']);
    const status = await eventually(
      async () => {
        const seen = await statusOf('lasting');
        const isStale = seen.conditions?.some(({ type, status: is }) => type === 'Stale' && is === 'True');
        return isStale === true ? seen : undefined;
      },
      async () => JSON.stringify(await statusOf('lasting')),
    );
    expect(Math.abs(Date.parse(status.valuesReadTime ?? '') - Date.parse(readAt))).toBeLessThan(120_000);
    expect((await printed(namespace, name)).get('/var/run/secrets/kaap/db.json')?.toString()).toBe(value);
  });

  it('a new pod waits, and starts by itself with its secret once kms is back', async () => {
    await cluster().apply([deployment('waits', { namespace })]);
    const waiting = await eventually(
      async () => {
        const [pod] = await podsOf(namespace, 'workload=waits');
        const events = pod === undefined ? [] : await eventsAbout(namespace, pod.metadata.name);
        return events.some((event) => event.startsWith('Started')) ? pod : undefined;
      },
      async () => `the agent was not started: ${JSON.stringify(await eventsAbout(namespace, 'waits'))}`,
    );
    await new Promise((resolve) => setTimeout(resolve, 5000));
    const [still] = await podsOf(namespace, 'workload=waits');
    expect(still?.metadata.name).toBe(waiting.metadata.name);
    expect(still?.status.containerStatuses?.[0]?.state.running).toBeUndefined();
    await eventually(
      async () =>
        (await eventsAbout(namespace, waiting.metadata.name)).find((event) => event.startsWith('WaitingForSecrets')),
      async () => `no event says what the pod waits for: ${JSON.stringify(await eventsAbout(namespace, 'waits'))}`,
    );

    await scaleKms(1);
    await eventually(
      async () => {
        const [pod] = await podsOf(namespace, 'workload=waits');
        return pod?.status.containerStatuses?.[0]?.state.running;
      },
      async () => `the pod did not start: ${JSON.stringify((await podsOf(namespace, 'workload=waits'))[0]?.status)}`,
    );
    const got = await eventually(
      async () => {
        const seen = await printed(namespace, waiting.metadata.name);
        return seen.size === 3 ? seen : undefined;
      },
      () => 'test-app printed nothing',
    );
    expect(got.get('/var/run/secrets/kaap/db.json')?.toString()).toBe(value);
  });
});
