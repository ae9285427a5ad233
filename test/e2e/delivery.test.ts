import { beforeAll, describe, expect, it } from 'vitest';
import { canary, disguises } from './canaries.ts';
import { cluster, eventually, kaap, podsOf, printed, read, type PodObject } from './installation.ts';
import { deployment, job, tenantObjects, type Tenant } from './tenant.ts';

const tenants: readonly (Tenant & { title: string })[] = [
  { namespace: 'e2e-role', method: 'role', title: 'by service-account role' },
  { namespace: 'e2e-client-key', method: 'client-key', title: 'by client key' },
];

const values = new Map(tenants.map(({ namespace }) => [namespace, { user: 'app', password: canary() }]));
/** Seen while the suite runs: passwords of client keys, read with the root credential. */
const clientKeyPasswords: string[] = [];

function valueOf(namespace: string): string {
  return JSON.stringify(values.get(namespace));
}

async function running(namespace: string, workload: string): Promise<PodObject> {
  return eventually(
    async () => {
      const pods = await podsOf(namespace, `workload=${workload}`);
      return pods.find(({ status }) => status.containerStatuses?.[0]?.state.running !== undefined);
    },
    async () =>
      `${namespace}/${workload} does not run: ${JSON.stringify(await podsOf(namespace, `workload=${workload}`))}`,
  );
}

describe.each(tenants)('A pod $title', ({ namespace, method }) => {
  beforeAll(async () => {
    await cluster().apply(tenantObjects({ namespace, method }));
    await cluster().kubectl(['wait', '--for=condition=Ready', `aap/${namespace}`, '--timeout=60s']);
    await kaap(['secret', 'put', `${namespace}/db`], valueOf(namespace));
    await cluster().kubectl(['wait', '--for=condition=Ready', 'sbind/db', '-n', namespace, '--timeout=60s']);
    if (method === 'client-key') {
      const point = await read<{ status: { clientKeyId: string } }>(['aap', namespace]);
      clientKeyPasswords.push(
        await kaap(['secret', 'get', `kaap/client-key/${namespace}/${point?.status.clientKeyId}`]),
      );
    }
    await cluster().apply([deployment('stays', { namespace }), job('ends', { namespace })]);
  });

  it('of a Deployment, whose image has no shell, gets the exact bytes in environment and file', async () => {
    const pod = await running(namespace, 'stays');
    const got = await eventually(
      async () => {
        const seen = await printed(namespace, pod.metadata.name);
        return seen.size === 3 ? seen : undefined;
      },
      () => 'test-app did not print what it got',
    );
    expect(got.get('DB_USER')?.toString()).toBe('app');
    expect(got.get('DB_PASSWORD')?.toString()).toBe(values.get(namespace)?.password);
    expect(got.get('/var/run/secrets/kaap/db.json')?.toString()).toBe(valueOf(namespace));
  });

  it('of a Job gets the same, and the Job completes with the sidecar in it', async () => {
    await cluster().kubectl(['wait', '--for=condition=complete', 'job/ends', '-n', namespace, '--timeout=90s']);
    const [pod] = await podsOf(namespace, 'workload=ends');
    const got = await printed(namespace, pod?.metadata.name ?? '');
    expect(got.get('DB_PASSWORD')?.toString()).toBe(values.get(namespace)?.password);
    expect(got.get('/var/run/secrets/kaap/db.json')?.toString()).toBe(valueOf(namespace));
  });

  it('starts its application only after the agent has everything', async () => {
    const pod = await running(namespace, 'stays');
    const agent = pod.status.initContainerStatuses?.find(({ name }) => name === 'kaap-agent');
    const app = pod.status.containerStatuses?.[0];
    expect(agent?.state.running?.startedAt).toBeDefined();
    expect(Date.parse(app?.state.running?.startedAt ?? '')).toBeGreaterThanOrEqual(
      Date.parse(agent?.state.running?.startedAt ?? ''),
    );
    expect([...(await printed(namespace, pod.metadata.name)).values()]).not.toContain(null);
  });

  it('sees a new version of the secret in its file', async () => {
    const pod = await running(namespace, 'stays');
    values.set(namespace, { user: 'app', password: canary() });
    await kaap(['secret', 'put', `${namespace}/db`], valueOf(namespace));
    await eventually(
      async () => {
        const file = (await printed(namespace, pod.metadata.name)).get('/var/run/secrets/kaap/db.json');
        return file?.toString() === valueOf(namespace) ? true : undefined;
      },
      () => 'the file did not change',
      30_000,
    );
  });
});

describe('A9: no secret value and no password of a client key', () => {
  it('is in etcd, in any form', async () => {
    const needles = [...secrets()].flatMap(disguises);
    const found: string[] = [];
    for (const [key, stored] of await cluster().dumpEtcd()) {
      for (const { form, bytes } of needles) if (stored.includes(bytes)) found.push(`${key} (${form})`);
    }
    expect(found).toEqual([]);
  });

  it('is in any object that the API server shows, or in the logs of Kaap', async () => {
    const needles = [...secrets()].flatMap(disguises);
    const texts = await everythingReadable();
    const found = texts.flatMap(({ source, text }) =>
      needles.filter(({ bytes }) => text.includes(bytes)).map(({ form }) => `${source} (${form})`),
    );
    expect(found).toEqual([]);
    expect(texts.length).toBeGreaterThan(20);
  });

  it('would be found by this search, which finds what really is there', async () => {
    const dump = await cluster().dumpEtcd('/registry/kaap.dev/secretbindings/e2e-role/db');
    expect([...dump.values()].some((stored) => stored.includes('DB_PASSWORD'))).toBe(true);
    expect(disguises(clientKeyPasswords[0] ?? '')[0]?.bytes.length).toBeGreaterThan(20);
  });
});

function* secrets(): Generator<string> {
  for (const { password } of values.values()) yield password;
  yield* clientKeyPasswords;
}

async function everythingReadable(): Promise<{ source: string; text: Buffer }[]> {
  const kinds = (await cluster().kubectl(['api-resources', '--verbs=list', '-o', 'name'])).trim().split('\n');
  const sources = kinds.map((kind) => ['get', kind, '-A', '-o', 'json', '--show-managed-fields', '--ignore-not-found']);
  for (const component of ['kms', 'operator', 'webhook']) {
    sources.push(['logs', '-n', 'kaap-system', '-l', `app.kubernetes.io/component=${component}`, '--tail=-1']);
  }
  for (const { namespace } of tenants) {
    sources.push(['logs', '-n', namespace, '-l', 'workload=stays', '-c', 'kaap-agent', '--tail=-1']);
  }
  const texts: { source: string; text: Buffer }[] = [];
  for (const args of sources) {
    texts.push({ source: args.join(' '), text: Buffer.from(await cluster().kubectl(args)) });
  }
  return texts;
}
