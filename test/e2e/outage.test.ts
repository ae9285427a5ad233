import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canary } from './canaries.ts';
import { cluster, eventsAbout, eventually, kaap, podsOf, printed, systemNamespace } from './installation.ts';
import { deployment, tenantObjects } from './tenant.ts';

const namespace = 'e2e-outage';
const value = JSON.stringify({ user: 'app', password: canary() });

function scaleKms(replicas: number): Promise<string> {
  return cluster().kubectl(['scale', 'statefulset/kaap-kms', '-n', systemNamespace, `--replicas=${replicas}`]);
}

describe('With kms stopped', () => {
  beforeAll(async () => {
    await cluster().apply(tenantObjects({ namespace, method: 'role' }));
    await kaap(['secret', 'put', `${namespace}/db`], value);
    await cluster().kubectl(['wait', '--for=condition=Ready', 'sbind/db', '-n', namespace, '--timeout=60s']);
    await scaleKms(0);
    await cluster().kubectl(['wait', '--for=delete', 'pod/kaap-kms-0', '-n', systemNamespace, '--timeout=90s']);
  });

  afterAll(async () => {
    await scaleKms(1);
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
