import { beforeAll, describe, expect, it } from 'vitest';
import { canary } from './canaries.ts';
import { cluster, eventsAbout, eventually, kaap, podsOf } from './installation.ts';
import { deployment, job, podTemplate, subjects, tenantObjects } from './tenant.ts';

const namespace = 'e2e-refused';
const stranger = 'e2e-stranger';

async function refusalEvent(ns: string, workload: string, containing: string): Promise<string> {
  return eventually(
    async () => (await eventsAbout(ns, workload)).find((event) => event.includes(containing)),
    async () =>
      `no event about ${ns}/${workload} says "${containing}": ${JSON.stringify(await eventsAbout(ns, workload))}`,
  );
}

describe('A pod that may not have the secret', () => {
  beforeAll(async () => {
    await cluster().apply(tenantObjects({ namespace, method: 'role' }));
    await cluster().apply([
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: stranger } },
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'app', namespace: stranger } },
    ]);
    await kaap(['secret', 'put', `${namespace}/db`], JSON.stringify({ user: 'app', password: canary() }));
    await cluster().kubectl(['wait', '--for=condition=Ready', 'sbind/db', '-n', namespace, '--timeout=60s']);
  });

  it('of another service account is not created, and an event of its owner says why', async () => {
    await cluster().apply([deployment('other', { namespace, serviceAccountName: 'other' })]);
    const event = await refusalEvent(namespace, 'other', 'serviceAccounts');
    expect(event).toContain(namespace);
    expect(await podsOf(namespace, 'workload=other')).toEqual([]);
  });

  it('of another namespace that names the same binding is not created, and an event says why', async () => {
    const annotations = { 'kaap.dev/bindings': 'db' };
    await cluster().apply([job('thief', { namespace: stranger, annotations })]);
    const event = await refusalEvent(stranger, 'thief', 'db');
    expect(event).toMatch(/SecretBinding/);
    expect(await podsOf(stranger, 'workload=thief')).toEqual([]);
  });

  it('is refused by kms too, when its author copies an injected pod past the webhook', async () => {
    await cluster().apply([deployment('honest', { namespace })]);
    const honest = await eventually(
      async () => (await podsOf(namespace, 'workload=honest'))[0],
      () => 'the honest pod was not created',
    );
    const injected = honest as unknown as { spec: { initContainers: object[]; volumes: { name: string }[] } };
    const template = podTemplate({ namespace: stranger, args: [...subjects], labels: { workload: 'copy' } });
    const { ['kaap.dev/inject']: _inject, ...labels } = (template.metadata as { labels: Record<string, string> })
      .labels;
    const agent = withoutTokenMounts(injected.spec.initContainers[0] ?? {});
    await cluster().apply([
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'copy', namespace: stranger, labels },
        spec: {
          ...template.spec,
          restartPolicy: 'Always',
          initContainers: [agent],
          volumes: injected.spec.volumes
            .filter(({ name }) => name.startsWith('kaap-'))
            .filter(({ name }) => !name.startsWith('kaap-api')),
        },
      },
    ]);
    const reason = await eventually(
      async () => {
        const [pod] = await podsOf(stranger, 'workload=copy');
        const status = pod?.status.initContainerStatuses?.[0];
        return status?.state.terminated?.message ?? status?.lastState.terminated?.message;
      },
      async () => `the copy was not refused: ${JSON.stringify((await podsOf(stranger, 'workload=copy'))[0]?.status)}`,
    );
    expect(reason).toMatch(/AuthenticationFail|NoPermission/);
    const [pod] = await podsOf(stranger, 'workload=copy');
    expect(pod?.status.containerStatuses?.[0]?.state.running).toBeUndefined();
  });

  it('that lost its access gets the reason from its agent in an event of the pod', async () => {
    await cluster().kubectl([
      'patch',
      `rbacp/${namespace}`,
      '--type=merge',
      '-p',
      '{"spec":{"resources":["secret/nothing"]}}',
    ]);
    await cluster().kubectl(['wait', '--for=condition=Ready=False', 'sbind/db', '-n', namespace, '--timeout=60s']);
    await cluster().apply([deployment('late', { namespace })]);
    const event = await refusalEvent(namespace, 'late', 'SecretsNotDelivered');
    expect(event).toContain(`${namespace}/db`);
    expect(event).toContain('Forbidden.NoPermission');
  });
});

/** The API server puts a token mount into every container of its own; a copy must not bring the old one. */
function withoutTokenMounts(container: object): object {
  const { volumeMounts = [] } = container as { volumeMounts?: { name: string }[] };
  return { ...container, volumeMounts: volumeMounts.filter(({ name }) => !name.startsWith('kube-api-access')) };
}
