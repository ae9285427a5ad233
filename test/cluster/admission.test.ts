import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { KubeClient } from '../../src/kube/kube-client.ts';
import { KubeClusterApi } from '../../src/kube/kube-cluster-api.ts';
import { kubeconfigConnection } from '../../src/kube/kube-config.ts';
import { Reflectors } from '../../src/kube/reflectors.ts';
import type { KubeObject, ResourceType } from '../../src/kube/resource.ts';
import { systemSleep } from '../../src/kube/sleep.ts';
import { createTransport } from '../../src/kube/transport.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { startHttpServer, type HttpServer } from '../../src/lib/http-server.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { controlPlaneBinaries, startControlPlane, type ControlPlane } from '../../tools/cluster/control-plane.ts';
import { clusterDirectory } from '../../webhook/cluster-directory.ts';
import type { Pod } from '../../webhook/pod.ts';
import { createWebhookHandler } from '../../webhook/server.ts';
import { secretResource, ServingCert, webhookConfigurationResource } from '../../webhook/serving-cert.ts';
import { aBinding, anAccessPoint, aPod, installation } from '../webhook/support/fixtures.ts';

type AnyObject = KubeObject & Record<string, unknown>;

const core = (plural: string, kind: string, namespaced: boolean): ResourceType<AnyObject> => ({
  group: '',
  version: 'v1',
  plural,
  kind,
  namespaced,
});
const pods = core('pods', 'Pod', true);
const custom = (plural: string, kind: string, namespaced: boolean): ResourceType<AnyObject> => ({
  ...core(plural, kind, namespaced),
  group: 'kaap.dev',
  version: 'v1alpha1',
});
const definitions: ResourceType<AnyObject> = {
  ...core('customresourcedefinitions', 'CustomResourceDefinition', false),
  group: 'apiextensions.k8s.io',
};

const stop = new AbortController();
const { signal } = stop;
let plane: ControlPlane;
let client: KubeClient;
let cert: ServingCert;
let server: HttpServer;
/** What another webhook, called after ours, does to a pod: JSON patch operations. */
let meshPatch: object[] = [];

/** Another webhook, called after ours: it makes the API server ask ours again. */
function mesh(request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const { uid } = (JSON.parse(Buffer.concat(chunks).toString()) as { request: { uid: string } }).request;
    const patch = Buffer.from(JSON.stringify(meshPatch)).toString('base64');
    const answer = { uid, allowed: true, patchType: 'JSONPatch', patch };
    const review = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: answer };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(review));
  });
}

async function eventually<T>(work: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await systemSleep(100, signal);
    }
  }
}

async function createAll(api: KubeClusterApi): Promise<void> {
  const folder = join(import.meta.dirname, '../../crds');
  for (const file of readdirSync(folder)) {
    await api.create(definitions, parse(readFileSync(join(folder, file), 'utf8')) as AnyObject, { signal });
  }
  for (const name of ['shop', 'kaap-system']) {
    await api.create(core('namespaces', 'Namespace', false), { metadata: { name } }, { signal });
  }
  for (const name of ['web', 'default']) {
    const object = { metadata: { name, namespace: 'shop' } };
    await eventually(() => api.create(core('serviceaccounts', 'ServiceAccount', true), object, { signal })).catch(
      () => undefined,
    );
  }
  await eventually(() => api.create(custom('secretbindings', 'SecretBinding', true), { ...aBinding() }, { signal }));
  const points = custom('applicationaccesspoints', 'ApplicationAccessPoint', false);
  await eventually(() => api.create(points, { ...anAccessPoint() }, { signal }));
}

function registration(name: string, url: string, reinvocationPolicy: string): object {
  return {
    name,
    admissionReviewVersions: ['v1'],
    sideEffects: 'None',
    failurePolicy: 'Fail',
    reinvocationPolicy,
    clientConfig: { url },
    objectSelector: { matchLabels: { 'kaap.dev/inject': 'true' } },
    rules: [{ apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], operations: ['CREATE'] }],
  };
}

async function startWebhook(api: KubeClusterApi): Promise<void> {
  const reflectors = new Reflectors({ source: api, log: silentLogger });
  const directory = clusterDirectory(reflectors);
  void reflectors.run(signal);
  const ours = createWebhookHandler({
    directory,
    installation: () => installation,
    metrics: { count: () => undefined, observe: () => undefined },
    clock: systemClock,
    log: silentLogger,
  });
  const handler = (request: IncomingMessage, response: ServerResponse): void =>
    request.url?.startsWith('/mesh') === true ? mesh(request, response) : ours(request, response);
  const started = Promise.withResolvers<HttpServer>();
  cert = new ServingCert({
    api,
    namespace: 'kaap-system',
    secretName: 'kaap-webhook-cert',
    configurationName: 'kaap',
    dnsNames: ['localhost'],
    clock: systemClock,
    sleep: systemSleep,
    random: randomBytes,
    log: silentLogger,
    onCertificate: (certificate) => {
      const address = { host: '127.0.0.1', port: 0 };
      started.resolve(startHttpServer({ address, certificate, handler }));
    },
  });
  await cert.check(signal);
  server = await started.promise;
  const base = `https://localhost:${server.port}`;
  const webhooks = [
    registration('inject.kaap.dev', `${base}/mutate`, 'IfNeeded'),
    registration('mesh.example.com', `${base}/mesh`, 'Never'),
  ];
  await api.create(webhookConfigurationResource, { metadata: { name: 'kaap' }, webhooks } as never, { signal });
  await cert.check(signal);
  while (!directory.hasSynced()) await systemSleep(50, signal);
}

function createPod(pod: Pod, name: string): Promise<Pod> {
  const metadata = { name, labels: pod.metadata?.labels ?? {}, annotations: pod.metadata?.annotations ?? {} };
  const object = { metadata: { ...metadata, namespace: 'shop' }, spec: pod.spec };
  return client.create(pods, object, { signal }) as unknown as Promise<Pod>;
}

describe.skipIf(controlPlaneBinaries() === undefined)('admission by a real API server (needs its binaries)', () => {
  beforeAll(async () => {
    plane = await startControlPlane();
    const transport = createTransport(await kubeconfigConnection(plane.kubeconfigPath));
    const api = new KubeClusterApi({ transport, log: silentLogger });
    client = api.client;
    await createAll(api);
    await startWebhook(api);
    // The API server takes a moment to see a new registration.
    await eventually(async () => {
      const pod = await createPod(aPod(), `probe-${Date.now()}`);
      if (pod.metadata?.annotations?.['kaap.dev/injected'] === undefined) throw new Error('not injected yet');
    });
  }, 120_000);

  afterAll(async () => {
    stop.abort();
    await server.close(100);
    await plane.stop();
  });

  test('what is injected is a valid pod: agent first, variables by fileKeyRef, files read-only', async () => {
    const { spec } = await createPod(aPod({ initContainers: [{ name: 'migrate', image: 'x' }] }), 'whole');
    expect(spec.initContainers?.map(({ name }) => name)).toEqual(['kaap-agent', 'migrate']);
    expect(spec.containers[0]?.env?.[0]?.valueFrom?.fileKeyRef).toMatchObject({
      volumeName: 'kaap-env',
      key: 'DB_PASSWORD',
    });
    expect(spec.containers[0]?.volumeMounts?.find(({ name }) => name === 'kaap-files')?.readOnly).toBe(true);
  });

  test.each([
    ['the address of the KMS', { annotations: { 'kaap.dev/endpoint': 'https://kms.evil.example' } }],
    ['a role', { annotations: { 'kaap.dev/role': 'acs:ram::1:role/admin' } }],
    ['another access point', { annotations: { 'kaap.dev/access-point': 'other' } }],
    ['the image of the agent', { annotations: { 'kaap.dev/agent-image': 'evil' } }],
    ['a command', { annotations: { 'kaap.dev/command': 'sh -c env' } }],
    ['an authority', { annotations: { 'kaap.dev/ca': 'evil' } }],
    ['that nothing be verified', { annotations: { 'kaap.dev/skip-verify': 'true' } }],
    ['a service account', { labels: { 'kaap.dev/service-account': 'admin' } }],
    ['a binding of another namespace', { annotations: { 'kaap.dev/bindings': 'other/db' } }],
    ['a binding that does not exist', { annotations: { 'kaap.dev/bindings': 'none' } }],
  ])('A1: a pod that names %s is not created', async (what, metadata) => {
    const name = `names-${what.length}-${Date.now()}`;
    const created = createPod(aPod({}, metadata), name);
    await expect(created).rejects.toThrow(/admission webhook "inject\.kaap\.dev" denied the request: kaap: /);
    expect(await client.get(pods, { namespace: 'shop', name }, { signal })).toBeUndefined();
  });

  test('A13: a dry run is answered with the pod as it would be, and nothing is there afterwards', async () => {
    const { metadata, spec } = aPod();
    const object = { metadata: { ...metadata, name: 'imagined', namespace: 'shop' }, spec };
    const imagined = (await client.create(pods, object, { signal, dryRun: true })) as unknown as Pod;
    expect(await client.get(pods, { namespace: 'shop', name: 'imagined' }, { signal })).toBeUndefined();
    const real = (await client.create(pods, object, { signal })) as unknown as Pod;
    const injected = ({ spec: { initContainers = [], volumes = [] } }: Pod): unknown[] => [
      ...initContainers.map(({ env, command }) => ({ env, command })),
      ...volumes.filter(({ name }) => name.startsWith('kaap-')),
    ];
    expect(injected(imagined)).toHaveLength(4);
    expect(injected(imagined)).toEqual(injected(real));
  });

  test('A13: another webhook after ours makes the API server ask again, and nothing is injected twice', async () => {
    meshPatch = [{ op: 'add', path: '/spec/containers/-', value: { name: 'proxy', image: 'mesh/proxy:1' } }];
    const { spec } = await createPod(aPod(), 'meshed').finally(() => (meshPatch = []));
    expect(spec.containers.map(({ name }) => name)).toEqual(['app', 'proxy']);
    expect(spec.initContainers?.map(({ name }) => name)).toEqual(['kaap-agent']);
    expect(spec.volumes?.filter(({ name }) => name.startsWith('kaap-'))).toHaveLength(3);
    expect(spec.containers.map(({ env }) => env?.map(({ name }) => name))).toEqual([['DB_PASSWORD'], ['DB_PASSWORD']]);
  });

  test('A2: a copy of an injected pod is taken as it is, a changed copy is refused', async () => {
    const original = await createPod(aPod(), 'original');
    const copy = await createPod(original, 'copy');
    expect(copy.spec.initContainers).toEqual(original.spec.initContainers);
    const forged = structuredClone(original);
    const agent = forged.spec.initContainers?.[0];
    if (agent !== undefined) agent.command = ['sleep', '1d'];
    await expect(createPod(forged, 'forged')).rejects.toThrow('is not what Kaap would make of it now');
  });

  test('a refusal reaches the author of the pod with its reason', async () => {
    await expect(createPod(aPod({ serviceAccountName: 'default' }), 'stranger')).rejects.toThrow(
      'The access point shop does not list the service account shop/default',
    );
  });

  test('A4, A12: without trust in the webhook no labelled pod passes, others do, and trust comes back', async () => {
    const none = {
      webhooks: ['inject.kaap.dev', 'mesh.example.com'].map((name) => ({ name, clientConfig: { caBundle: '' } })),
    };
    await client.apply(
      webhookConfigurationResource,
      { metadata: { name: 'kaap' }, ...none },
      {
        fieldManager: 'somebody',
        force: true,
        signal,
      },
    );
    await eventually(async () => {
      const refused = await createPod(aPod(), `distrusted-${Date.now()}`).then(
        () => false,
        (error: unknown) => String(error).includes('failed calling webhook'),
      );
      if (!refused) throw new Error('still trusted');
    });
    const plain = { metadata: { labels: {} }, spec: aPod().spec };
    expect((await createPod(plain, 'plain')).spec.initContainers).toBeUndefined();
    await cert.check(signal);
    await eventually(() => createPod(aPod(), `trusted-${Date.now()}`));
  });

  test('the shared Secret holds the certificate under the usual names', async () => {
    const secret = await client.get(
      secretResource,
      { namespace: 'kaap-system', name: 'kaap-webhook-cert' },
      { signal },
    );
    expect(Object.keys(secret?.data ?? {})).toEqual(expect.arrayContaining(['ca.crt', 'tls.crt', 'tls.key']));
  });
});
