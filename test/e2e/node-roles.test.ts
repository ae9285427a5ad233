import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundledProgram } from './bundled-program.ts';
import { cluster, kaap, read, systemNamespace } from './installation.ts';

const apiVersion = 'kaap.dev/v1alpha1';
const namespace = 'e2e-node-role';
const excluded = 'e2e-no-node-role';
const roleName = 'E2eWorker';
const secretName = `${namespace}/db`;
const chart = resolve(import.meta.dirname, '../../charts/kaap');

const kubectl = (...args: string[]): Promise<string> => cluster().kubectl(args);

const helm = (...args: string[]): Promise<string> =>
  cluster().helm([...args, '--namespace', systemNamespace, '--wait', '--timeout', '3m'], { timeoutMs: 240_000 });

/** A pod that waits to be told what to do, in an image that has Node. */
function idlePod(name: string, inNamespace: string, labels: Record<string, string> = {}, further: object = {}): object {
  const command = [
    '/usr/local/bin/node',
    '-e',
    'process.on("SIGTERM", () => process.exit(0)); setInterval(() => {}, 60000)',
  ];
  const container = { name: 'app', image: 'localhost/kaap/cli:dev', imagePullPolicy: 'Never', command };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: inNamespace, labels },
    spec: {
      containers: [container],
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 5,
      ...further,
    },
  };
}

const trust = { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: ['ecs.aliyuncs.com'] } };
const objects = [
  ...[namespace, excluded].map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })),
  {
    apiVersion,
    kind: 'RamRole',
    metadata: { name: namespace },
    spec: { name: roleName, trustPolicy: JSON.stringify({ Version: '1', Statement: [trust] }) },
  },
  {
    apiVersion,
    kind: 'RbacPolicy',
    metadata: { name: namespace },
    spec: { scope: 'shared', templates: ['SecretUser'], resources: [`secret/${namespace}/*`] },
  },
  {
    apiVersion,
    kind: 'ApplicationAccessPoint',
    metadata: { name: namespace },
    spec: { authentication: { ramRole: { trustedRole: 'ACKWorkerRole', roleName } }, policies: [namespace] },
  },
  { apiVersion, kind: 'KmsSecret', metadata: { name: 'db', namespace }, spec: { generate: { length: 24 } } },
  idlePod('app', namespace),
  idlePod('shy', namespace, { 'kaap.dev/node-role': 'none' }),
  idlePod('stranger', excluded),
];

let program: string;
let caPem: string;

interface Seen {
  plain: string;
  hardened: string;
  sdk: string;
}

/** What a pod gets. */
async function seenBy(pod: string, inNamespace: string): Promise<Seen> {
  const node = ['/usr/local/bin/node', '--input-type=module', '-', caPem, secretName];
  const command = ['exec', '-i', '-n', inNamespace, pod, '--', ...node];
  return JSON.parse(await cluster().kubectl(command, { input: program })) as Seen;
}

describe('The metadata address of a node', () => {
  beforeAll(async () => {
    program = await bundledProgram('node-role-program.ts');
    const settings = [
      `metadata.enabled=true`,
      `metadata.role=${roleName}`,
      `metadata.excludedNamespaces={${excluded}}`,
    ];
    await helm('upgrade', 'kaap', chart, '--reset-then-reuse-values', ...settings.flatMap((one) => ['--set', one]));
    await cluster().apply(objects);
    for (const object of [`aap/${namespace}`, `rrole/${namespace}`]) {
      await kubectl('wait', '--for=condition=Ready', object, '--timeout=60s');
    }
    await kubectl('wait', '--for=condition=Ready', 'ksec/db', 'pod/app', 'pod/shy', '-n', namespace, '--timeout=60s');
    await kubectl('wait', '--for=condition=Ready', 'pod/stranger', '-n', excluded, '--timeout=60s');
    const found = await read<{ data: Record<string, string> }>(['configmap', 'kaap-kms-trust', '-n', systemNamespace]);
    caPem = found?.data['ca.crt'] ?? expect.unreachable('there is no authority');
  }, 300_000);

  afterAll(async () => {
    await kubectl('delete', 'namespace', namespace, excluded, '--timeout=90s');
    for (const kind of ['aap', 'rbacp', 'rrole']) await kubectl('delete', kind, namespace);
    await helm('rollback', 'kaap', '1');
  }, 300_000);

  it("gives a pod the node's role in both modes, and the SDKs of Alibaba Cloud the secret that it may read", async () => {
    const { SecretData } = JSON.parse(await kaap(['call', 'GetSecretValue', `SecretName=${secretName}`])) as {
      SecretData: string;
    };
    const expected = `${roleName} Success`;
    expect(await seenBy('app', namespace)).toEqual({ plain: expected, hardened: expected, sdk: SecretData });
  });

  it.each([
    ['a pod that says it wants none', 'shy', namespace],
    ['a pod of an excluded namespace', 'stranger', excluded],
  ])('gives %s no role, in neither mode, and the SDKs nothing', async (_what, pod, inNamespace) => {
    const { plain, hardened, sdk } = await seenBy(pod, inNamespace);
    const refusal = 'failed: Error: 404 There is nothing here for this pod.';
    expect([plain, hardened]).toEqual([refusal, refusal]);
    expect(sdk).toMatch(/^failed: /);
  });

  it("gives a pod on the network of the node nothing: its address is everybody's there", async () => {
    await cluster().apply([
      idlePod('host', namespace, {}, { hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' }),
    ]);
    await kubectl('wait', '--for=condition=Ready', 'pod/host', '-n', namespace, '--timeout=60s');
    const { plain, hardened, sdk } = await seenBy('host', namespace);
    const refusal = 'failed: Error: 403 No pod of this node is known by this address.';
    expect([plain, hardened]).toEqual([refusal, refusal]);
    expect(sdk).toMatch(/^failed: /);
  });

  it('says in its log which pod got which access key id, and no secret of it', async () => {
    const log = await kubectl('logs', '-n', systemNamespace, 'daemonset/kaap-metadata', '-c', 'metadata');
    expect(log).toMatch(new RegExp(`"namespace":"${namespace}","pod":"app".*gave the node's role`));
    expect(log).not.toMatch(/"pod":"(shy|stranger|host)".*gave/);
    expect(log).not.toMatch(/SecurityToken|AccessKeySecret/);
  });
});
