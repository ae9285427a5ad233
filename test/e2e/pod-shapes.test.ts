import { beforeAll, describe, expect, it } from 'vitest';
import { canary } from './canaries.ts';
import { cluster, eventually, kaap, printed, read } from './installation.ts';
import { podTemplate, tenantObjects } from './tenant.ts';

const namespace = 'e2e-shapes';
const value = JSON.stringify({ user: 'app', password: canary() });
const file = '/var/run/secrets/kaap/db.json';
const tokenFile = '/var/run/kmstoken';
const wanted = ['DB_PASSWORD', file];

interface Container extends Record<string, unknown> {
  name: string;
}

interface Template {
  metadata: { labels: Record<string, string> };
  spec: { containers: [Container]; initContainers?: Container[]; securityContext: object };
}

function template(args: readonly string[], labels: Record<string, string> = {}): Template {
  return podTemplate({ namespace, args, restartPolicy: 'Never', labels }) as unknown as Template;
}

function pod(name: string, { metadata, spec }: Template): object {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, name, namespace }, spec };
}

/** Another container like the application. */
function beside(base: Template, name: string, more: object): Container {
  return { ...base.spec.containers[0], name, ...more };
}

async function printedBy(
  name: string,
  names: readonly string[],
  container = 'app',
): Promise<Map<string, Buffer | null>> {
  return eventually(
    async () => {
      const seen = await printed(namespace, name, container).catch(() => new Map<string, Buffer | null>());
      return names.every((each) => seen.has(each)) ? seen : undefined;
    },
    () => cluster().kubectl(['describe', 'pod', '-n', namespace, name]),
  );
}

beforeAll(async () => {
  const objects = tenantObjects({ namespace, method: 'role' });
  const [binding] = objects.filter((object) => (object as { kind: string }).kind === 'SecretBinding') as [
    { spec: { files: { mode: string }[] } },
  ];
  const spec = { ...binding.spec, files: binding.spec.files.map((entry) => ({ ...entry, mode: '0440' })) };
  const bindings = [
    { name: 'db', spec },
    { name: 'app-only', spec: { ...spec, podSelector: { matchLabels: { app: 'one' } }, containers: ['app'] } },
    {
      name: 'asked',
      spec: { ...spec, podSelector: { matchLabels: { app: 'asks' } }, env: [], files: [], localEndpoint: {} },
    },
  ].map(({ name, spec: own }) => ({ ...binding, metadata: { name, namespace }, spec: own }));
  await cluster().apply([...objects.filter((object) => object !== binding), ...bindings]);
  await cluster().kubectl(['wait', '--for=condition=Ready', `aap/${namespace}`, '--timeout=60s']);
  await kaap(['secret', 'put', `${namespace}/db`], value);
  await cluster().kubectl(['wait', '--for=condition=Ready', 'sbind', '--all', '-n', namespace, '--timeout=60s']);
});

describe('A11: under the restricted Pod Security standard, with a read-only root', () => {
  it.each([
    ['a user and an fsGroup as OpenShift assigns them', { runAsUser: 1_000_680_000, fsGroup: 1_000_680_000 }],
    ['a user that no image knows, and no fsGroup', { runAsUser: 1_234_567 }],
    ['a group and supplemental groups of its own', { runAsUser: 30_001, runAsGroup: 30_002, supplementalGroups: [77] }],
  ])('a pod with %s reads its variable and its file of mode 0440', async (title, security) => {
    const made = template(wanted);
    made.spec.securityContext = { ...made.spec.securityContext, ...security };
    const name = `uid-${Object.keys(security).length}-${title.length}`;
    await cluster().apply([pod(name, made)]);
    expect((await printedBy(name, wanted)).get(file)?.toString()).toBe(value);
  });
});

describe('A3: a pod with containers of every kind', () => {
  beforeAll(async () => {
    const made = template(['--serve', ...wanted]);
    made.spec.initContainers = [
      beside(made, 'migrate', { args: wanted }),
      beside(made, 'own-sidecar', { restartPolicy: 'Always' }),
    ];
    await cluster().apply([pod('mixed', made)]);
  });

  it.each(['migrate', 'own-sidecar', 'app'])('has its secrets in %s', async (container) => {
    const got = await printedBy('mixed', wanted, container);
    expect(got.get(file)?.toString()).toBe(value);
    expect(got.get('DB_PASSWORD')?.toString()).toBe((JSON.parse(value) as { password: string }).password);
  });

  it('takes an ephemeral container, which has none of them', async () => {
    const container = { ...template(wanted).spec.containers[0], name: 'debugger' };
    const present = await read<{ spec: object }>(['pod', 'mixed', '-n', namespace]);
    const input = JSON.stringify({ ...present, spec: { ...present?.spec, ephemeralContainers: [container] } });
    const path = `/api/v1/namespaces/${namespace}/pods/mixed/ephemeralcontainers`;
    await cluster().kubectl(['replace', '--raw', path, '-f', '-'], { input });
    const got = await printedBy('mixed', wanted, 'debugger');
    expect([...got.values()]).toEqual([null, null]);
  });
});

describe('A3: a pod with variables from elsewhere', () => {
  it('has the secret where a ConfigMap says otherwise, and all else that the ConfigMap says', async () => {
    const data = { DB_PASSWORD: 'from the ConfigMap', OTHER: 'other' };
    const made = template(['DB_PASSWORD', 'OTHER']);
    Object.assign(made.spec.containers[0], { envFrom: [{ configMapRef: { name: 'settings' } }] });
    const metadata = { name: 'settings', namespace };
    await cluster().apply([{ apiVersion: 'v1', kind: 'ConfigMap', metadata, data }, pod('env-from', made)]);
    const got = await printedBy('env-from', ['DB_PASSWORD', 'OTHER']);
    expect(got.get('DB_PASSWORD')?.toString()).toBe((JSON.parse(value) as { password: string }).password);
    expect(got.get('OTHER')?.toString()).toBe('other');
  });
});

describe('A3: a pod with the network of its node', () => {
  it('has its secrets', async () => {
    const host = 'e2e-shapes-host';
    const labels = { 'pod-security.kubernetes.io/enforce': 'privileged' };
    const objects = tenantObjects({ namespace: host, method: 'role' }).map((object) =>
      (object as { kind: string }).kind === 'Namespace' ? { ...object, metadata: { name: host, labels } } : object,
    );
    await cluster().apply(objects);
    await kaap(['secret', 'put', `${host}/db`], value);
    await cluster().kubectl(['wait', '--for=condition=Ready', 'sbind/db', '-n', host, '--timeout=60s']);
    const { metadata, spec } = podTemplate({ namespace: host, args: wanted, restartPolicy: 'Never' });
    const network = { hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' };
    const named = { ...metadata, name: 'host', namespace: host };
    await cluster().apply([{ apiVersion: 'v1', kind: 'Pod', metadata: named, spec: { ...spec, ...network } }]);
    const got = await eventually(
      async () => {
        const seen = await printed(host, 'host').catch(() => new Map<string, Buffer | null>());
        return seen.size === wanted.length ? seen : undefined;
      },
      () => cluster().kubectl(['describe', 'pod', '-n', host, 'host']),
    );
    expect(got.get(file)?.toString()).toBe(value);
  });
});

describe('A10: a hostile container of the same pod', () => {
  it('that a binding does not name has neither variable nor file', async () => {
    const made = template(['--serve', ...wanted], { app: 'one' });
    const pair = { ...made, spec: { ...made.spec, containers: [made.spec.containers[0], beside(made, 'other', {})] } };
    await cluster().apply([pod('pair', pair as unknown as Template)]);
    expect((await printedBy('pair', wanted)).get(file)?.toString()).toBe(value);
    expect([...(await printedBy('pair', wanted, 'other')).values()]).toEqual([null, null]);
  });

  it('that mounts a volume of Kaap is not admitted', async () => {
    const made = template(wanted);
    const mount = { volumeMounts: [{ name: 'kaap-files', mountPath: '/stolen' }] };
    const volumes = [{ name: 'kaap-files', emptyDir: {} }];
    const spec = { ...made.spec, containers: [made.spec.containers[0], beside(made, 'thief', mount)], volumes };
    await expect(cluster().apply([pod('thief', { ...made, spec } as unknown as Template)])).rejects.toThrow(
      /kaap-files/,
    );
  });

  it('cannot reach the memory volumes through the node: hostPath is not admitted', async () => {
    const made = template(wanted);
    const volumes = [{ name: 'node', hostPath: { path: '/var/lib/kubelet/pods' } }];
    const spec = { ...made.spec, volumes };
    await expect(cluster().apply([pod('node', { ...made, spec })])).rejects.toThrow(/hostPath/);
  });
});

describe('the local endpoint', () => {
  it('answers inside the pod, to who has the token of the application', async () => {
    const made = template(['--serve', tokenFile], { app: 'asks' });
    const command = ['/usr/local/bin/node', '-e', 'setInterval(() => {}, 60000)'];
    const asker = beside(made, 'asker', { image: 'localhost/kaap/cli:dev', command, args: [] });
    const containers = [made.spec.containers[0], asker];
    await cluster().apply([pod('asks', { ...made, spec: { ...made.spec, containers } } as unknown as Template)]);
    const token = (await printedBy('asks', [tokenFile])).get(tokenFile)?.toString() ?? '';
    const inside = `exec -n ${namespace} asks -c asker --`.split(' ');
    const ask = `const headers = { 'X-KMS-Token': process.argv[1] };
      require('node:http').get('http://127.0.0.1:2025/v1/${namespace}/db', { headers }, async (answer) =>
        console.log(answer.statusCode, (await answer.toArray()).join('')));`;
    const answer = (given: string): Promise<string> =>
      cluster().kubectl([...inside, '/usr/local/bin/node', '-e', ask, given]);
    const [status, ...body] = (await answer(token)).split(' ');
    expect(status).toBe('200');
    expect(JSON.parse(body.join(' '))).toMatchObject({ SecretName: `${namespace}/db`, SecretData: value });
    expect(await answer('x'.repeat(43))).toMatch(/^403 .*InvalidToken/);
  });
});

describe('the status of a KmsSecret', () => {
  it('names the service account whose pods have read it', async () => {
    await cluster().apply([
      {
        apiVersion: 'kaap.dev/v1alpha1',
        kind: 'KmsSecret',
        metadata: { name: 'db', namespace },
        spec: {},
      },
    ]);
    const status = await eventually(
      async () => {
        const found = await read<{ status?: { consumers?: object[]; versionId?: string } }>([
          'ksec/db',
          '-n',
          namespace,
        ]);
        return found?.status?.consumers === undefined ? undefined : found.status;
      },
      () => cluster().kubectl(['describe', 'ksec/db', '-n', namespace]),
    );
    expect(status.consumers).toContainEqual(
      expect.objectContaining({ name: `system:serviceaccount:${namespace}:app` }),
    );
    expect(status.versionId).toBeDefined();
  });
});
