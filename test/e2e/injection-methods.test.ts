import { beforeAll, describe, expect, it } from 'vitest';
import { canary } from './canaries.ts';
import { cluster, eventually, kaap, podsOf, printed } from './installation.ts';
import { podTemplate, tenantObjects } from './tenant.ts';

const namespace = 'e2e-methods';
const secret = `${namespace}/db`;
const apiVersion = 'kaap.dev/v1alpha1';
/** What the kubelet's env file cannot express, and more than 64 KiB in three variables. */
const awkward = { password: `it's "${canary()}" $(HOME)\r\n`, long: 'ä'.repeat(12_000) };
const app = '/test-app';

const source = { podSelector: {}, accessPoint: namespace, sources: [{ name: 'db', secret: { name: secret } }] };

function binding(name: string, spec: object): object {
  return {
    apiVersion,
    kind: 'SecretBinding',
    metadata: { name, namespace },
    spec: { ...source, podSelector: { matchLabels: { binding: name } }, ...spec },
  };
}

const bindings = [
  binding('wrapped', {
    envMethod: 'Exec',
    commands: [{ container: 'app', command: [app] }],
    env: [
      { name: 'PASSWORD', source: 'db', field: 'password' },
      ...['A', 'B', 'C'].map((letter) => ({ name: `LONG_${letter}`, source: 'db', field: 'long' })),
    ],
    files: [{ path: 'app.json', template: '{"p": {{ .db.password | json }}}\n', mode: '0440' }],
  }),
  binding('referred', { envReferences: 'SourcesOnly' }),
  binding('restarted', {
    sources: [{ name: 'db', secret: { name: `${namespace}/rotating` } }],
    env: [{ name: 'VALUE', source: 'db' }],
    refresh: { onChange: 'RestartContainers' },
  }),
  binding('signalled', {
    sources: [{ name: 'db', secret: { name: `${namespace}/signalling` } }],
    files: [{ path: 'value', source: 'db', mode: '0444' }],
    refresh: { signal: { process: app.slice(1), signal: 'SIGHUP' } },
  }),
];

interface Template {
  metadata: object;
  spec: { containers: Record<string, unknown>[] };
}

function template(name: string, args: string[], more: Record<string, unknown> = {}, restartPolicy?: string): Template {
  const options = { namespace, args, labels: { binding: name, ...(more['labels'] as object) } };
  const made = podTemplate({ ...options, ...(restartPolicy === undefined ? {} : { restartPolicy }) }) as Template;
  if (more['env'] !== undefined) Object.assign(made.spec.containers[0] as object, { env: more['env'] });
  return made;
}

function pod(name: string, made: Template): object {
  const metadata = { ...made.metadata, name, namespace };
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec: made.spec };
}

async function printedBy(name: string, names: readonly string[]): Promise<Map<string, Buffer | null>> {
  return eventually(
    async () => {
      const seen = await printed(namespace, name).catch(() => new Map<string, Buffer | null>());
      return names.every((wanted) => seen.has(wanted)) ? seen : undefined;
    },
    async () =>
      `${name} did not print ${names.join(', ')}: ${await cluster().kubectl(['describe', 'pod', '-n', namespace, name])}`,
  );
}

beforeAll(async () => {
  const objects = tenantObjects({ namespace, method: 'role' }).filter(
    (o) => (o as { kind: string }).kind !== 'SecretBinding',
  );
  await cluster().apply([...objects, ...bindings]);
  await cluster().kubectl(['wait', '--for=condition=Ready', `aap/${namespace}`, '--timeout=60s']);
  await kaap(['secret', 'put', secret], JSON.stringify(awkward));
  for (const name of ['rotating', 'signalling']) await kaap(['secret', 'put', `${namespace}/${name}`], 'first');
  await cluster().kubectl(['wait', '--for=condition=Ready', 'sbind', '--all', '-n', namespace, '--timeout=60s']);
});

describe('the wrapper', () => {
  it('A7, A8: gives an image without shell and libc exactly what the kubelet could not, and a file from a template', async () => {
    const names = ['PASSWORD', 'LONG_A', 'LONG_B', 'LONG_C', '/var/run/secrets/kaap/app.json'];
    await cluster().apply([pod('wrapped', template('wrapped', names, {}, 'Never'))]);
    const got = await printedBy('wrapped', names);
    expect(got.get('PASSWORD')?.toString()).toBe(awkward.password);
    for (const letter of ['A', 'B', 'C']) expect(got.get(`LONG_${letter}`)?.toString()).toBe(awkward.long);
    expect(JSON.parse(got.get('/var/run/secrets/kaap/app.json')?.toString() ?? '')).toEqual({ p: awkward.password });
  });
});

describe('A8: a secret on a command line', () => {
  it.each([
    ['that the wrapper sets', 'wrapped', 'PASSWORD'],
    ['that the kubelet sets', 'restarted', 'VALUE'],
  ])('%s is refused before any node sees it', async (_title, bound, variable) => {
    const name = `line-${bound}`;
    const made = pod(name, template(bound, [`--password=$(${variable})`], {}, 'Never'));
    await expect(cluster().apply([made])).rejects.toThrow(/command line/);
    expect(await podsOf(namespace, `binding=${bound}`)).not.toContainEqual(
      expect.objectContaining({ metadata: expect.objectContaining({ name }) }),
    );
  });
});

describe('a reference in the value of a variable', () => {
  it('is what it refers to when the container starts', async () => {
    const env = [{ name: 'LONG', value: `kms:${secret}#long` }];
    await cluster().apply([pod('referred', template('referred', ['LONG'], { env }, 'Never'))]);
    expect((await printedBy('referred', ['LONG'])).get('LONG')?.toString()).toBe(awkward.long);
  });
});

describe('a new version', () => {
  it('restarts the containers of the same pod in place with the new variable, where the binding asks for that', async () => {
    await cluster().apply([pod('restarted', template('restarted', ['--serve', 'VALUE']))]);
    expect((await printedBy('restarted', ['VALUE'])).get('VALUE')?.toString()).toBe('first');
    const [before] = await podsOf(namespace, 'binding=restarted');
    await kaap(['secret', 'put', `${namespace}/rotating`], 'second');
    await eventually(
      async () => {
        const seen = await printed(namespace, 'restarted').catch(() => new Map<string, Buffer | null>());
        return seen.get('VALUE')?.toString() === 'second' ? true : undefined;
      },
      async () => cluster().kubectl(['describe', 'pod', '-n', namespace, 'restarted']),
    );
    const [after] = await podsOf(namespace, 'binding=restarted');
    expect(after?.status.podIP).toBe(before?.status.podIP);
  });
});

describe('a signal after a new version', () => {
  it('reaches the application in the process namespace that the pod shares, and it finds the new file', async () => {
    const path = '/var/run/secrets/kaap/value';
    const made = template('signalled', ['--serve', path]);
    Object.assign(made.spec, { shareProcessNamespace: true });
    await cluster().apply([pod('signalled', made)]);
    expect((await printedBy('signalled', [path])).get(path)?.toString()).toBe('first');
    await kaap(['secret', 'put', `${namespace}/signalling`], 'second');
    // test-app has no handler: the signal ends it, and it starts again.
    const ended = await eventually(
      async () => {
        const [seen] = await podsOf(namespace, 'binding=signalled');
        const status = seen?.status.containerStatuses?.find(({ name }) => name === 'app');
        return (status as { lastState?: { terminated?: { exitCode: number } } } | undefined)?.lastState?.terminated;
      },
      async () => cluster().kubectl(['logs', '-n', namespace, 'signalled', '-c', 'kaap-agent']),
    );
    expect(ended.exitCode).toBe(128 + 1);
    const value = await eventually(
      async () => {
        const seen = await printed(namespace, 'signalled').catch(() => new Map<string, Buffer | null>());
        return seen.get(path)?.toString();
      },
      () => 'test-app printed nothing',
    );
    expect(value).toBe('second');
  });
});

describe('A3: every kind of workload', () => {
  const selector = (kind: string): object => ({ selector: { matchLabels: { workload: kind } } });
  const serving = (kind: string): Template =>
    template('referred', ['--serve', 'LONG'], {
      labels: { workload: kind },
      env: [{ name: 'LONG', value: `kms:${secret}#long` }],
    });
  const ending = {
    ...template(
      'referred',
      ['LONG'],
      { labels: { workload: 'CronJob' }, env: [{ name: 'LONG', value: `kms:${secret}#long` }] },
      'Never',
    ),
  };
  const objects = [
    {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      spec: { ...selector('StatefulSet'), serviceName: 'x', template: serving('StatefulSet') },
    },
    { apiVersion: 'apps/v1', kind: 'DaemonSet', spec: { ...selector('DaemonSet'), template: serving('DaemonSet') } },
    { apiVersion: 'apps/v1', kind: 'ReplicaSet', spec: { ...selector('ReplicaSet'), template: serving('ReplicaSet') } },
    {
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      spec: { schedule: '* * * * *', jobTemplate: { spec: { template: ending } } },
    },
  ].map((object) => ({ ...object, metadata: { name: object.kind.toLowerCase(), namespace } }));

  beforeAll(() => cluster().apply(objects));

  it.each(objects.map(({ kind }) => kind))('a pod of a %s has its secret', async (kind) => {
    const found = await eventually(
      async () => (await podsOf(namespace, `workload=${kind}`))[0],
      () => `no pod of the ${kind} appeared`,
    );
    expect((await printedBy(found.metadata.name, ['LONG'])).get('LONG')?.toString()).toBe(awkward.long);
  });
});
