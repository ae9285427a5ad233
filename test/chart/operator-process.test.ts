import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { abandonAnnotation } from '../../src/controllers/lifecycle.ts';
import { requestsOf, type AuditedRequest } from '../support/audit-log.ts';
import { installOperator, systemNamespace, type OperatorInstallation } from '../support/operator-installation.ts';
import { ensureBinaries } from '../../tools/cluster/binaries.ts';
import { startControlPlane, type ControlPlane } from '../../tools/cluster/control-plane.ts';

const team = 'shop-team';
const bindings = 40;
const apiVersion = 'kaap.dev/v1alpha1';

let folder: string;
let controlPlane: ControlPlane;
let installation: OperatorInstallation;

/** The operator's requests, by what the API server wrote down. */
const requests = (): Promise<AuditedRequest[]> =>
  requestsOf(controlPlane.logPath('audit'), `system:serviceaccount:${systemNamespace}:kaap-operator`);

async function apply(...items: object[]): Promise<void> {
  const path = join(folder, 'objects.json');
  await writeFile(path, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  await installation.kubectl('apply', '--server-side', '--filename', path);
}

const object = (kind: string, name: string, spec: object, namespace?: string): object => ({
  apiVersion,
  kind,
  metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
  spec,
});

/** One more `interval` is one more change of each binding. */
const fleet = (interval: number): object[] =>
  Array.from({ length: bindings }, (_, at) =>
    object(
      'SecretBinding',
      `binding-${at}`,
      {
        podSelector: { matchLabels: { app: `app-${at}` } },
        accessPoint: team,
        sources: [{ name: 'value', secret: { name: `${team}/value` } }],
        files: [{ path: 'value', source: 'value' }],
        refresh: { intervalSeconds: interval },
      },
      team,
    ),
  );

/** Waits until the status of every binding is about its present spec, and Ready. */
async function bindingsAreReady(): Promise<void> {
  const names = (status: string): string[] => ['wait', `--for=${status}`, 'sbind', '--all', '-n', team];
  await installation.kubectl(...names('condition=Ready'), '--timeout=60s');
}

/** Until the status of some binding has been written this often. */
async function untilSomeAreAtWork(writes: number): Promise<void> {
  for (;;) {
    const counts = await statusWritesByBinding();
    if ([...counts.values()].some((count) => count >= writes)) return;
    await sleep(20);
  }
}

async function statusWritesByBinding(): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const { objectRef, responseStatus } of statusWrites(await requests())) {
    if (objectRef?.resource !== 'secretbindings' || responseStatus?.code !== 200) continue;
    counts.set(`${objectRef.name}`, (counts.get(`${objectRef.name}`) ?? 0) + 1);
  }
  return counts;
}

const statusWrites = (all: readonly AuditedRequest[]): AuditedRequest[] =>
  all.filter(({ verb, objectRef }) => verb === 'patch' && objectRef?.subresource === 'status');

beforeAll(async () => {
  const { helm: helmPath } = ensureBinaries(['helm']);
  folder = await mkdtemp(join(tmpdir(), 'kaap-operator-process-'));
  controlPlane = await startControlPlane({ auditsRequests: true });
  installation = await installOperator({ ...controlPlane, helmPath, folder });
  await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: team } });
  const serviceAccounts = [{ namespace: team, name: 'default' }];
  await apply(
    object('RbacPolicy', team, { templates: ['SecretUser'], resources: [`secret/${team}/*`] }),
    object('ApplicationAccessPoint', team, {
      authentication: { ramRole: { trustedRole: 'ServiceAccountRole', roleName: team, serviceAccounts } },
      policies: [team],
    }),
  );
  await installation.kms.client.createSecret({ SecretName: `${team}/value`, SecretData: 'value', VersionId: 'v1' });
});

afterAll(async () => {
  await installation.close();
  await controlPlane.stop();
  await rm(folder, { recursive: true });
});

describe('two operators on one API server', () => {
  beforeAll(async () => {
    const operators = await Promise.all(['one', 'two'].map((name) => installation.startOperator(name)));
    const leader = await Promise.race(operators.map((operator) => operator.leads.then(() => operator)));
    await installation.kubectl('wait', '--for=condition=Ready', 'aap', team, '--timeout=60s');
    await apply(...fleet(60));
    await bindingsAreReady();
    const changing = apply(...fleet(61));
    await untilSomeAreAtWork(2);
    process.kill(leader.pid, 'SIGSTOP');
    await changing;
    await Promise.all(operators.map(({ leads }) => leads));
    await bindingsAreReady();
    // Awake again it still takes itself for the leader, with work begun and stores of a time long gone.
    process.kill(leader.pid, 'SIGCONT');
    await sleep(5_000);
  });

  test('G3, G7: write each status once for each change, also when a leader stops in mid-work and wakes up deposed', async () => {
    const counts = await statusWritesByBinding();
    expect([...counts].filter(([, count]) => count !== 2)).toEqual([]);
    expect(counts.size).toBe(bindings);
  });

  test('G4: ask for no Secret, list by pages, and of pods and namespaces only what they need', async () => {
    const all = await requests();
    expect(all.filter(({ objectRef }) => objectRef?.resource === 'secrets')).toEqual([]);
    const listed = all.filter(({ verb }) => verb === 'list');
    const resources = new Set(listed.map(({ objectRef }) => `${objectRef?.resource}`));
    expect([...resources].toSorted((a, b) => a.localeCompare(b))).toEqual([
      'applicationaccesspoints',
      'kmsinstances',
      'kmskeys',
      'kmssecrets',
      'namespaces',
      'networkrules',
      'pods',
      'rampolicies',
      'ramroles',
      'ramusers',
      'rbacpolicies',
      'secretbindings',
    ]);
    for (const { requestURI } of listed) expect(requestURI).toMatch(/[?&]limit=500\b/);
    const pods = all.filter(({ verb, objectRef }) => objectRef?.resource === 'pods' && verb !== 'get');
    expect(pods.length).toBeGreaterThan(0);
    for (const { requestURI } of pods) expect(requestURI).toContain('labelSelector=kaap.dev%2Finject%3Dtrue');
  });

  test('are refused nothing that they ask for: the rights of the chart are enough', async () => {
    expect((await requests()).filter(({ responseStatus }) => responseStatus?.code === 403)).toEqual([]);
  });

  test('G7: write nothing while nothing changes', async () => {
    const before = statusWrites(await requests()).length;
    await installation.kubectl('label', 'sbind', '--all', '-n', team, 'note=none');
    await sleep(3_000);
    expect(statusWrites(await requests())).toHaveLength(before);
  });
});

describe('while the KMS is gone', () => {
  const doomed = 'doomed-team';

  beforeAll(async () => {
    await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: doomed } });
    await apply(
      object('KmsKey', 'kept', {}, doomed),
      object('KmsKey', 'ended', { deletionPolicy: 'ScheduleDeletion' }, doomed),
    );
    await installation.kubectl('wait', '--for=condition=Ready', 'kkey', '--all', '-n', doomed, '--timeout=60s');
    await installation.kms.end('SIGKILL');
    await installation.kubectl('delete', 'namespace', doomed, '--wait=false');
  });

  test('G6: a namespace waits for the objects whose state is to go, and these say what to do', async () => {
    const blocked = '--for=jsonpath={.status.conditions[?(@.type=="Ready")].reason}=ReleaseBlocked';
    await installation.kubectl('wait', blocked, 'kkey/ended', '-n', doomed, '--timeout=60s');
    await installation.kubectl('wait', '--for=delete', 'kkey/kept', '-n', doomed, '--timeout=60s');
    const path = '-o=jsonpath={.status.conditions[?(@.type=="Ready")].message}';
    expect(await installation.kubectl('get', 'kkey/ended', '-n', doomed, path)).toContain(`${abandonAnnotation}=true`);
  });

  test('G6: the annotation lets the namespace go', async () => {
    await installation.kubectl('annotate', 'kkey', '--all', '-n', doomed, `${abandonAnnotation}=true`);
    await installation.kubectl('wait', '--for=delete', `namespace/${doomed}`, '--timeout=60s');
  });
});
