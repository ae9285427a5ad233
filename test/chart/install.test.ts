import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { objectOf } from '../api/malformed-manifests.ts';
import { chart, helm, kubectl, namespace, succeeded, template, templateText } from './programs.ts';

const values = (name: string): string[] => ['--values', join(import.meta.dirname, 'values', `${name}.yaml`)];
const team = 'shop-team';

/** Hooks are left out: no node runs here, so that a job never ends. */
const release = (verb: 'install' | 'upgrade', ...args: string[]): string =>
  succeeded(helm([verb, 'kaap', chart, '--namespace', namespace, '--no-hooks', ...args]));

function podWith(extra: { annotations?: object; initContainers?: object[] }, where = team): object {
  const { annotations = {}, initContainers = [] } = extra;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'shop', namespace: where, labels: { 'kaap.dev/inject': 'true' }, annotations },
    spec: { containers: [{ name: 'shop', image: 'shop' }], initContainers },
  };
}

/** What a kubelet shows of a static pod. */
const mirror = {
  ...podWith({ annotations: { 'kubernetes.io/config.mirror': 'abc' } }),
  spec: { nodeName: 'node', containers: [{ name: 'shop', image: 'shop' }] },
};

const tryCreate = (object: object): ReturnType<typeof kubectl> =>
  kubectl(['create', '--dry-run=server', '--filename=-'], JSON.stringify(object));

const agent = { name: 'kaap-agent', image: 'agent', restartPolicy: 'Always' };
const annotations = { 'kaap.dev/injected': 'abc' };

beforeAll(() => {
  for (const name of [namespace, team]) succeeded(kubectl(['create', 'namespace', name]));
  succeeded(kubectl(['wait', '--for=create', 'serviceaccount/default', '--namespace', team, '--timeout=30s']));
  succeeded(kubectl(['wait', '--for=create', 'serviceaccount/default', '--namespace', namespace, '--timeout=30s']));
});

/** The API server of these tests does not know them. */
const unknownKinds = ['ServiceMonitor', 'PrometheusRule', 'Certificate', 'Issuer'];
const isUnknown = new RegExp(`^kind: (${unknownKinds.join('|')})$`, 'm');

describe.each([['defaults'], ['tests'], ['minimal'], ['everything'], ['held-keys']])('the manifests of %s', (name) => {
  test('are accepted by the API server, word for word', () => {
    const kinds = template(name === 'defaults' ? [] : values(name)).map(({ kind }) => kind);
    const text = templateText(name === 'defaults' ? [] : values(name));
    const documents = text.split(/^---\n/m).filter((document) => !isUnknown.test(document));
    const output = succeeded(
      kubectl(
        ['apply', '--server-side', '--dry-run=server', '--namespace', namespace, '--filename=-'],
        documents.join('---\n'),
      ),
    );
    const expected = kinds.filter((kind) => !unknownKinds.includes(kind));
    expect(output.trim().split('\n')).toHaveLength(expected.length);
  });
});

/** Asks again until the answer is as expected or 20 s have passed: caches of the API server take a moment. */
async function eventually(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!holds() && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 250));
  expect(holds()).toBe(true);
}

const canI = (user: string, verb: string, resource: string, where = team): boolean =>
  kubectl(['auth', 'can-i', verb, resource, '--as', user, '--namespace', where]).output.trim() === 'yes';

const account = (component: string): string => `system:serviceaccount:${namespace}:kaap-${component}`;

const caBundle = (): string => {
  const path = '--output=jsonpath={.webhooks[0].clientConfig.caBundle}';
  return succeeded(kubectl(['get', 'mutatingwebhookconfiguration', 'kaap', path]));
};

describe('a release', () => {
  beforeAll(() => {
    // Nobody answers for the webhook here: with Ignore, the API server goes on to the admission policy alone.
    release('install', '--set', 'webhook.failurePolicy=Ignore', '--set', 'webhook.timeoutSeconds=1');
    succeeded(kubectl(['wait', '--for=condition=Established', '--timeout=30s', 'crd', '--all']));
  });
  afterAll(() => {
    helm(['uninstall', 'kaap', '--namespace', namespace, '--no-hooks']);
  });

  test('A4: refuses a labelled pod that no webhook has injected, and says what to look at', async () => {
    await eventually(() => tryCreate(podWith({})).status !== 0);
    expect(tryCreate(podWith({})).errors).toContain(`Deployment kaap-webhook in namespace ${namespace}`);
  });

  test.each([
    ['the annotation alone', { annotations }],
    ['the agent alone', { initContainers: [agent] }],
    ['another init container', { annotations, initContainers: [{ ...agent, name: 'agent' }] }],
  ])('A4: refuses a labelled pod with %s', (_title, extra) => {
    expect(tryCreate(podWith(extra)).status).not.toBe(0);
  });

  test('A4: is not talked out of it by the labels of a namespace', () => {
    const own = `kubernetes.io/metadata.name=${namespace}`;
    const label = kubectl(['label', 'namespace', team, '--overwrite', own]);
    expect([label.status === 0, tryCreate(podWith({})).status === 0]).toEqual([true, false]);
    succeeded(kubectl(['label', 'namespace', team, 'kubernetes.io/metadata.name-', 'kaap.dev/exempt=true']));
    expect(tryCreate(podWith({})).status).not.toBe(0);
    expect(succeeded(kubectl(['get', 'namespace', team, '--output=jsonpath={.metadata.labels}']))).toContain(team);
  });

  test('A3: lets the mirror of a static pod pass: its node runs it already', () => {
    succeeded(tryCreate(mirror));
  });

  test('admits an injected pod, and any pod in its own namespace', () => {
    succeeded(tryCreate(podWith({ annotations, initContainers: [agent] })));
    succeeded(tryCreate(podWith({}, namespace)));
  });

  test('keeps the CA that the webhook has written, through an upgrade', () => {
    const value = Buffer.from(inject('ca')).toString('base64');
    const patch = JSON.stringify([{ op: 'add', path: '/webhooks/0/clientConfig/caBundle', value }]);
    succeeded(kubectl(['patch', 'mutatingwebhookconfiguration', 'kaap', '--type=json', `--patch=${patch}`]));
    release('upgrade', '--reuse-values', '--set', 'webhook.replicas=3');
    expect(caBundle()).toBe(value);
    const replicas = kubectl([
      'get',
      'deployment',
      'kaap-webhook',
      '-n',
      namespace,
      '--output=jsonpath={.spec.replicas}',
    ]);
    expect(succeeded(replicas)).toBe('3');
  });

  test('B3: a team with the role edit or admin writes bindings, and never what decides about access', async () => {
    for (const role of ['edit', 'admin', 'view']) {
      const binding = ['create', 'rolebinding', role, `--clusterrole=${role}`, `--user=${role}`, '--namespace', team];
      succeeded(kubectl(binding));
    }
    await eventually(() => canI('edit', 'create', 'secretbindings.kaap.dev'));
    for (const kind of ['kmskeys', 'kmssecrets', 'secretbindings']) {
      expect([kind, canI('admin', 'delete', `${kind}.kaap.dev`)]).toEqual([kind, true]);
      expect([kind, canI('view', 'list', `${kind}.kaap.dev`)]).toEqual([kind, true]);
      expect([kind, canI('view', 'update', `${kind}.kaap.dev`)]).toEqual([kind, false]);
    }
    for (const kind of [
      'kmsinstances',
      'networkrules',
      'rbacpolicies',
      'rampolicies',
      'ramroles',
      'ramusers',
      'applicationaccesspoints',
    ]) {
      for (const verb of ['create', 'update', 'patch', 'delete']) {
        expect([kind, verb, canI('edit', verb, `${kind}.kaap.dev`)]).toEqual([kind, verb, false]);
        expect([kind, verb, canI('admin', verb, `${kind}.kaap.dev`)]).toEqual([kind, verb, false]);
      }
    }
  });

  test('A14: a stolen token of the webhook reads no Secret of a team and changes no pod', () => {
    const webhook = account('webhook');
    expect(canI(webhook, 'get', 'secretbindings.kaap.dev')).toBe(true);
    expect(canI(webhook, 'get', 'secrets/kaap-webhook-cert', namespace)).toBe(true);
    expect(canI(webhook, 'get', 'secrets/kaap-kms-seal', namespace)).toBe(false);
    expect(canI(webhook, 'patch', 'mutatingwebhookconfigurations/other')).toBe(false);
    for (const [verb, resource] of [
      ['get', 'secrets'],
      ['create', 'secrets'],
      ['patch', 'pods'],
      ['create', 'pods'],
    ]) {
      expect([verb, resource, canI(webhook, `${verb}`, `${resource}`)]).toEqual([verb, resource, false]);
    }
  });

  test('a stolen token of the operator reads no Secret, anywhere', () => {
    for (const where of [team, namespace, 'kube-system']) {
      expect(canI(account('operator'), 'create', 'secrets', where)).toBe(true);
      for (const verb of ['get', 'list', 'watch', 'update', 'patch', 'delete']) {
        expect([where, verb, canI(account('operator'), verb, 'secrets', where)]).toEqual([where, verb, false]);
      }
    }
  });

  test('a stolen token of the operator gives pods their turn to start again, and changes nothing else of them', async () => {
    const injected = podWith({ annotations, initContainers: [agent] });
    succeeded(kubectl(['create', '--filename=-'], JSON.stringify(injected)));
    const patch = (change: object): ReturnType<typeof kubectl> =>
      kubectl(['patch', 'pod', 'shop', '-n', team, '--as', account('operator'), `--patch=${JSON.stringify(change)}`]);
    const image = { spec: { containers: [{ name: 'shop', image: 'evil' }] } };
    await eventually(() => patch(image).errors.includes('changes no spec of a pod'));
    for (const metadata of [
      { labels: { app: 'other' } },
      { finalizers: ['example.com/stay'] },
      { annotations: { 'kaap.dev/injected': null } },
      { annotations: { 'kaap.dev/bindings': 'other' } },
      { annotations: { 'kubernetes.io/x': 'y' } },
    ]) {
      expect([metadata, patch({ metadata }).errors]).toEqual([
        metadata,
        expect.stringContaining('the operator of Kaap'),
      ]);
    }
    succeeded(patch({ metadata: { annotations: { 'restart.kaap.dev/db': 'abc' } } }));
    succeeded(patch({ metadata: { annotations: { 'restart.kaap.dev/db': 'def' } } }));
    succeeded(patch({ metadata: { annotations: { 'restart.kaap.dev/db': null } } }));
    succeeded(kubectl(['delete', 'pod', 'shop', '-n', team, '--grace-period=0', '--force']));
  });

  test('A4: with failurePolicy Fail, an absent webhook stops labelled pods and no others', async () => {
    release('upgrade', '--reuse-values', '--set', 'webhook.failurePolicy=Fail');
    const injected = podWith({ annotations, initContainers: [agent] });
    await eventually(() => tryCreate(injected).errors.includes('inject.kaap.dev'));
    succeeded(tryCreate(mirror));
    const plain = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'plain', namespace: team } };
    succeeded(tryCreate({ ...plain, spec: { containers: [{ name: 'plain', image: 'plain' }] } }));
  });

  test('G5: leaves the definitions and every object when it is uninstalled', () => {
    const key = objectOf({ kind: 'KmsKey', name: 'survivor', spec: {} });
    succeeded(kubectl(['create', '--namespace', team, '--filename=-'], JSON.stringify(key)));
    succeeded(helm(['uninstall', 'kaap', '--namespace', namespace, '--no-hooks']));
    expect(succeeded(kubectl(['get', 'kkey', 'survivor', '--namespace', team, '--output=name']))).toContain('survivor');
    expect(kubectl(['get', 'mutatingwebhookconfiguration', 'kaap']).status).not.toBe(0);
    succeeded(kubectl(['delete', 'kkey', 'survivor', '--namespace', team]));
  });

  test('is installed again over the definitions that it left', () => {
    expect(release('install', '--take-ownership')).toContain('STATUS: deployed');
  });
});
