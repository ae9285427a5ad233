import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isReady } from '../src/api/condition.ts';
import { secretBindingType, type SecretBinding } from '../src/api/v1alpha1/secret-binding.ts';
import { KubeClusterApi } from '../src/kube/kube-cluster-api.ts';
import { kubeconfigConnection } from '../src/kube/kube-config.ts';
import { createTransport } from '../src/kube/transport.ts';
import { silentLogger } from '../src/lib/log.ts';
import {
  installOperator,
  type OperatorInstallation,
  type OperatorProcess,
} from '../test/support/operator-installation.ts';
import { ensureBinaries } from '../tools/cluster/binaries.ts';
import { startControlPlane, type ControlPlane } from '../tools/cluster/control-plane.ts';
import { BindingFleet, forEachOf } from './load/binding-fleet.ts';
import { fillerSecret, putObjects } from './load/etcd-objects.ts';
import { usageOf } from './load/process-usage.ts';
import { say } from './load/say.ts';
import { setting } from './load/setting.ts';
import { until } from './load/until.ts';
import { WriteCounter } from './load/write-counter.ts';

/**
 * A cold operator and 10,000 SecretBindings, against a real API server with etcd and a real `kms`, among 100,000 Secrets
 * that are none of its business: `node bench/reconcile.ts`. To reach: all Ready within 60 s and 256 MiB. Then what it
 * takes at rest and under churn, and how often it writes. Beside it: the same objects listed and their status written,
 * and nothing else.
 */

const size = {
  bindings: setting('BENCH_BINDINGS', 10_000),
  namespaces: setting('BENCH_NAMESPACES', 100),
  secretsEach: setting('BENCH_SECRETS_EACH', 10),
};
const secrets = setting('BENCH_SECRETS', 100_000);
const restSeconds = setting('BENCH_REST_SECONDS', 30);
const churnSeconds = setting('BENCH_CHURN_SECONDS', 60);
/** Bindings whose spec changes in a second of churn. */
const churnRate = setting('BENCH_CHURN_RATE', 20);
/** How many of ten bindings start pods again after a new version, so that somebody has to tell the operator of it. */
const followingOfTen = setting('BENCH_FOLLOWING_OF_TEN', 0);

/** The processes of the installation and what they have used, to tell work from waiting for a processor. */
const parts = new Map<string, number>();

function processorSeconds(): ReadonlyMap<string, number> {
  return new Map([...parts].map(([name, pid]) => [name, usageOf(pid).cpuSeconds]));
}

/** Requests that the API server has counted, whoever sent them. */
async function requestsFor(installation: OperatorInstallation, resource: string): Promise<number> {
  const lines = (await installation.kubectl('get', '--raw', '/metrics')).split('\n');
  const counted = lines.filter(
    (line) => line.startsWith('apiserver_request_total') && line.includes(`resource="${resource}"`),
  );
  return counted.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}

/** From the start of the process to the last binding that is Ready. */
async function measureCold(installation: OperatorInstallation, writes: WriteCounter): Promise<OperatorProcess> {
  const before = await requestsFor(installation, 'secrets');
  const started = performance.now();
  const used = processorSeconds();
  const operator = await installation.startOperator('cold');
  await until(() => writes.ready === size.bindings, 'bindings Ready');
  const seconds = (performance.now() - started) / 1000;
  const { peakMiB, cpuSeconds } = usageOf(operator.pid);
  const others = [...processorSeconds()].map(([name, now]) => `${name} ${(now - (used.get(name) ?? 0)).toFixed(1)} s`);
  say(
    `cold: ${size.bindings} bindings Ready after ${seconds.toFixed(1)} s (${(size.bindings / seconds).toFixed(0)}/s)`,
  );
  say(
    `      ${peakMiB.toFixed(0)} MiB resident at most, ${cpuSeconds.toFixed(1)} s of processor time (${others.join(', ')})`,
  );
  say(`      ${(writes.byOperator / size.bindings).toFixed(3)} writes for each binding`);
  const asked = (await requestsFor(installation, 'secrets')) - before;
  say(`      ${asked} requests for Secrets, of which there are ${secrets}`);
  return operator;
}

async function measureRest({ pid }: OperatorProcess, writes: WriteCounter): Promise<void> {
  await sleep(5_000);
  const kms = parts.get('kms') ?? 0;
  const [before, written, kmsBefore] = [usageOf(pid), writes.byOperator, usageOf(kms)];
  await sleep(restSeconds * 1000);
  const kmsShare = (((usageOf(kms).cpuSeconds - kmsBefore.cpuSeconds) / restSeconds) * 100).toFixed(2);
  const used = usageOf(pid).cpuSeconds - before.cpuSeconds;
  const share = ((used / restSeconds) * 100).toFixed(2);
  say(
    `at rest: ${share} % of a core over ${restSeconds} s, kms ${kmsShare} %, ${writes.byOperator - written} writes, ${before.residentMiB.toFixed(0)} MiB`,
  );
}

async function measureChurn({ pid }: OperatorProcess, fleet: BindingFleet, writes: WriteCounter): Promise<void> {
  const [written, changed] = [writes.byOperator, writes.byUsers];
  const samples: number[] = [];
  for (let second = 0; second < churnSeconds; second += 1) {
    const due = performance.now() + 1000;
    await forEachOf(churnRate, (at) => fleet.changeBinding((second * churnRate + at) % size.bindings, 61 + second));
    samples.push(usageOf(pid).residentMiB);
    await sleep(Math.max(0, due - performance.now()));
  }
  await until(() => writes.ready === size.bindings, 'bindings Ready after churn');
  await sleep(1_000);
  const tenth = Math.max(1, Math.ceil(samples.length / 10));
  const mean = (part: number[]): string => (part.reduce((sum, each) => sum + each, 0) / part.length).toFixed(0);
  const tenths = samples.flatMap((_, at) => (at % tenth === 0 ? [mean(samples.slice(at, at + tenth))] : []));
  const changes = writes.byUsers - changed;
  say(
    `churn: ${changes} changes in ${churnSeconds} s, ${((writes.byOperator - written) / changes).toFixed(3)} writes for each`,
  );
  say(`       ${tenths.join(', ')} MiB resident, tenth by tenth`);
}

/** What any operator has to do at least: read the bindings by pages, write each one's status once. */
async function measureBare(api: KubeClusterApi, signal: AbortSignal): Promise<void> {
  const started = performance.now();
  const bindings = await api.list<SecretBinding>(secretBindingType, { signal });
  await forEachOf(bindings.length, async (at) => {
    const binding = bindings[at];
    if (binding === undefined) return;
    const status = { ...binding.status, resolvedSources: ['bare'] };
    await api.applyStatus(secretBindingType, binding.metadata, status, { fieldManager: 'bare', signal });
  });
  const seconds = (performance.now() - started) / 1000;
  say(`bare list and write of each status: ${seconds.toFixed(1)} s (${(bindings.length / seconds).toFixed(0)}/s)`);
}

/** Everything that is there before the operator starts. Access points have been made Ready by an earlier one. */
async function prepare(installation: OperatorInstallation, fleet: BindingFleet, etcdEndpoint: string): Promise<void> {
  await putObjects(etcdEndpoint, 'secrets', secrets, fillerSecret);
  await fleet.makeTenants();
  const first = await installation.startOperator('first');
  await until(() => fleet.tenantsAreReady(), 'access points Ready');
  await first.end();
  await fleet.makeSecrets(installation.kms.client);
  await fleet.makeBindings(etcdEndpoint);
}

async function measureAll(controlPlane: ControlPlane, installation: OperatorInstallation): Promise<void> {
  const stopping = new AbortController();
  const { signal } = stopping;
  const transport = createTransport(await kubeconfigConnection(controlPlane.kubeconfigPath));
  const api = new KubeClusterApi({ transport, log: silentLogger });
  const fleet = new BindingFleet(api, size, signal, (at) => (at % 10 < followingOfTen ? 'RestartContainers' : 'None'));
  for (const name of ['kube-apiserver', 'etcd']) parts.set(name, controlPlane.pidOf(name));
  parts.set('kms', installation.kms.pid);
  parts.set('this program', process.pid);
  const started = performance.now();
  await prepare(installation, fleet, controlPlane.etcdEndpoint);
  say(`prepared in ${((performance.now() - started) / 1000).toFixed(0)} s`);
  const writes = new WriteCounter(isReady);
  const watching = writes.run(api, signal);
  await until(() => writes.objects === size.bindings, 'bindings seen');
  const operator = await measureCold(installation, writes);
  await measureRest(operator, writes);
  await measureChurn(operator, fleet, writes);
  await operator.end();
  await measureBare(api, signal);
  stopping.abort();
  await watching;
  transport.close();
}

const { helm: helmPath } = ensureBinaries(['etcd', 'kube-apiserver', 'kubectl', 'helm']);
const folder = await mkdtemp(join(tmpdir(), 'kaap-reconcile-'));
const controlPlane = await startControlPlane({ controllerManager: false });
try {
  const installation = await installOperator({ ...controlPlane, helmPath, folder });
  try {
    await measureAll(controlPlane, installation);
  } finally {
    await installation.close();
  }
} finally {
  await controlPlane.stop();
  await rm(folder, { recursive: true, force: true });
}
