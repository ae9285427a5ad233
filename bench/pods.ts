import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isReady } from '../src/api/condition.ts';
import type { SecretBinding } from '../src/api/v1alpha1/secret-binding.ts';
import { KubeClusterApi } from '../src/kube/kube-cluster-api.ts';
import { kubeconfigConnection } from '../src/kube/kube-config.ts';
import { createTransport } from '../src/kube/transport.ts';
import { silentLogger } from '../src/lib/log.ts';
import {
  installOperator,
  type OperatorInstallation,
  type OperatorProcess,
} from '../test/support/operator-installation.ts';
import { registerWebhook, startWebhookProcess, type WebhookProcess } from '../test/support/webhook-process.ts';
import { ensureBinaries } from '../tools/cluster/binaries.ts';
import { startControlPlane, type ControlPlane } from '../tools/cluster/control-plane.ts';
import { freePorts } from '../tools/cluster/free-ports.ts';
import { BindingFleet } from './load/binding-fleet.ts';
import { liveHeap } from './load/live-heap.ts';
import { PodFleet } from './load/pod-fleet.ts';
import { usageOf } from './load/process-usage.ts';
import { say } from './load/say.ts';
import { setting } from './load/setting.ts';
import { startSimulatedNodes } from './load/simulated-nodes.ts';
import { secondsUntil, until } from './load/until.ts';
import { WriteCounter } from './load/write-counter.ts';

/**
 * The operator among 1,000 pods that kwok runs, of 100 Deployments with a binding each, a third of which follows new
 * versions by a rollout and a third by a restart in place: `node bench/pods.ts`. How soon a cold operator has looked at
 * them, what it takes at rest, and whether its memory stays while pods, Deployments, bindings and versions come and go.
 * A real API server, controller manager, `kms` and webhook; the containers alone are simulated.
 */

const size = {
  bindings: setting('BENCH_BINDINGS', 100),
  namespaces: setting('BENCH_NAMESPACES', 20),
  secretsEach: setting('BENCH_SECRETS_EACH', 5),
};
const podSize = { podsEach: setting('BENCH_PODS_EACH', 10), nodes: setting('BENCH_NODES', 10) };
const pods = size.bindings * podSize.podsEach;
const restSeconds = setting('BENCH_REST_SECONDS', 30);
const churnSeconds = setting('BENCH_CHURN_SECONDS', 60);
/** How often the live heap is weighed during churn, and once before. */
const weighings = 6;

/** What there is to measure with. */
interface Site {
  controlPlane: ControlPlane;
  installation: OperatorInstallation;
  api: KubeClusterApi;
  bindings: BindingFleet;
  podFleet: PodFleet;
  writes: WriteCounter;
  signal: AbortSignal;
}

interface MeasuredOperator extends OperatorProcess {
  inspectorPort: number;
  metricsPort: number;
}

function hasPods(binding: SecretBinding): boolean {
  const { conditions = [] } = binding.status ?? {};
  return isReady(binding) && conditions.some(({ type, status }) => type === 'PodsSelected' && status === 'True');
}

/** Something that happens in churn, every so many seconds. */
interface Happening {
  name: string;
  everySeconds: number;
  /** How many at a time. */
  times: number;
  happen: (site: Site, at: number) => Promise<unknown>;
}

const happenings: readonly Happening[] = [
  { name: 'pods deleted', everySeconds: 1, times: 3, happen: ({ podFleet }, at) => podFleet.deletePod(at * 7) },
  {
    name: 'pods that were not injected',
    everySeconds: 10,
    times: 1,
    happen: ({ podFleet }, at) => podFleet.unmarkPod(at * 11),
  },
  {
    name: 'bindings changed',
    everySeconds: 1,
    times: 2,
    happen: ({ bindings }, at) => bindings.changeBinding(at % size.bindings, 61 + (at % 1000)),
  },
  {
    name: 'bindings made anew',
    everySeconds: 15,
    times: 1,
    happen: ({ bindings }, at) => bindings.remakeBinding((at * 3) % size.bindings),
  },
  {
    name: 'Deployments made anew',
    everySeconds: 20,
    times: 1,
    happen: ({ podFleet }, at) => podFleet.remake((at * 7) % size.bindings),
  },
  {
    name: 'new versions',
    everySeconds: 10,
    times: 1,
    happen: ({ bindings, installation }, at) =>
      bindings.putVersion(installation.kms.client, at % size.bindings, `churn-${at}`),
  },
];

/** Pods of bindings that exist before the operator starts: from its start to the last binding that knows its pods. */
async function measureCold({ installation, writes }: Site): Promise<MeasuredOperator> {
  const [inspectorPort = 0, metricsPort = 0] = await freePorts(2);
  const operator = await installation.startOperator('cold', {
    NODE_OPTIONS: `--inspect-port=127.0.0.1:${inspectorPort}`,
    KAAP_METRICS_LISTEN: `127.0.0.1:${metricsPort}`,
    KAAP_ROLLOUT: 'true',
  });
  const seconds = await secondsUntil(() => writes.ready === size.bindings, 'bindings Ready');
  const { cpuSeconds, peakMiB } = usageOf(operator.pid);
  say(`cold: ${size.bindings} bindings know their ${pods} pods after ${seconds.toFixed(1)} s`);
  say(`      ${cpuSeconds.toFixed(1)} s of processor time, ${peakMiB.toFixed(0)} MiB resident at most`);
  return { ...operator, inspectorPort, metricsPort };
}

async function measureRest({ pid }: OperatorProcess, { writes }: Site): Promise<void> {
  await sleep(15_000);
  const [before, written] = [usageOf(pid), writes.byOperator];
  await sleep(restSeconds * 1000);
  const share = ((usageOf(pid).cpuSeconds - before.cpuSeconds) / restSeconds) * 100;
  const asked = 'two thirds of the bindings look for new versions every 10 or 15 s';
  say(
    `at rest: ${share.toFixed(2)} % of a core over ${restSeconds} s, ${writes.byOperator - written} writes; ${asked}`,
  );
}

/** All pods come at once, as fast as the controller manager makes them. */
async function measureArrival({ podFleet, writes }: Site, { pid }: OperatorProcess): Promise<void> {
  await podFleet.scale(0);
  await until(
    () => podFleet.pods === 0 && writes.ready === 0,
    () => `no pod, but ${podFleet.pods}, and ${writes.ready} bindings with pods`,
  );
  const used = usageOf(pid).cpuSeconds;
  const scaling = podFleet.scale();
  const seconds = await secondsUntil(() => podFleet.serving === pods, 'pods Ready');
  await scaling;
  const later = await secondsUntil(() => writes.ready === size.bindings, 'bindings with pods');
  const cpu = (usageOf(pid).cpuSeconds - used).toFixed(1);
  say(
    `arrival: ${pods} pods Ready in ${seconds.toFixed(1)} s, the last binding knows ${(later * 1000).toFixed(0)} ms later`,
  );
  say(`         ${cpu} s of the operator's processor time`);
}

async function churn(site: Site, { pid, inspectorPort }: MeasuredOperator): Promise<void> {
  const counts = new Map<string, number>();
  const every = Math.max(1, Math.floor(churnSeconds / weighings));
  let resident: number[] = [];
  for (let second = 0; second < churnSeconds; second += 1) {
    const due = performance.now() + 1000;
    for (const { name, everySeconds, times, happen } of happenings) {
      if (second % everySeconds !== 0) continue;
      const before = counts.get(name) ?? 0;
      for (let at = before; at < before + times; at += 1) await happen(site, at);
      counts.set(name, before + times);
    }
    resident.push(usageOf(pid).residentMiB);
    if ((second + 1) % every === 0) {
      const mean = resident.reduce((sum, each) => sum + each, 0) / resident.length;
      const { usedMb } = await liveHeap(pid, inspectorPort);
      say(`       after ${second + 1} s: ${mean.toFixed(0)} MiB resident (mean), ${usedMb.toFixed(1)} MB alive`);
      resident = [];
    }
    await sleep(Math.max(0, due - performance.now()));
  }
  say(`       ${[...counts].map(([name, count]) => `${count} ${name}`).join(', ')}`);
}

async function measureChurn(site: Site, operator: MeasuredOperator): Promise<void> {
  const { podFleet, writes } = site;
  const [made, written, used] = [podFleet.made, writes.byOperator, usageOf(operator.pid).cpuSeconds];
  const before = await liveHeap(operator.pid, operator.inspectorPort);
  say(
    `churn: ${usageOf(operator.pid).residentMiB.toFixed(0)} MiB resident, ${before.usedMb.toFixed(1)} MB alive before`,
  );
  await churn(site, operator);
  const share = ((usageOf(operator.pid).cpuSeconds - used) / churnSeconds) * 100;
  const settled = await secondsUntil(
    () => podFleet.serving === pods && podFleet.pods === pods && writes.ready === size.bindings,
    () => `all serving, but ${podFleet.serving} of ${podFleet.pods}, and ${writes.ready} bindings with pods`,
  );
  const after = await liveHeap(operator.pid, operator.inspectorPort);
  say(
    `       ${podFleet.made - made} pods made, ${writes.byOperator - written} writes of status, ${share.toFixed(1)} % of a core`,
  );
  say(
    `       all injected and Ready ${settled.toFixed(0)} s after; ${usageOf(operator.pid).residentMiB.toFixed(0)} MiB resident, ${after.usedMb.toFixed(1)} MB alive`,
  );
  const text = await (await fetch(`http://127.0.0.1:${operator.metricsPort}/metrics`)).text();
  const told = text.split('\n').filter((line) => /^kaap_(injection|rollouts|uninjected|queue)/.test(line));
  for (const line of told) say(`       ${line}`);
}

/** Everything that is there before the operator starts. Access points have been made Ready by an earlier one. */
async function prepare(site: Site): Promise<WebhookProcess> {
  const { controlPlane, installation, api, bindings, podFleet, signal } = site;
  await startSimulatedNodes(controlPlane, api, { count: podSize.nodes, signal });
  await bindings.makeTenants();
  const first = await installation.startOperator('first');
  await until(() => bindings.tenantsAreReady(), 'access points Ready');
  await first.end();
  await bindings.makeSecrets(installation.kms.client);
  await bindings.makeBindings(controlPlane.etcdEndpoint);
  const webhook = await startWebhookProcess(controlPlane.kubeconfigPath);
  await registerWebhook(api, webhook.port, signal);
  await until(() => webhook.isReady(), 'webhook ready');
  await podFleet.scale();
  await until(() => podFleet.serving === pods, 'pods Ready');
  return webhook;
}

async function measureAll(controlPlane: ControlPlane, installation: OperatorInstallation): Promise<void> {
  const stopping = new AbortController();
  const { signal } = stopping;
  const transport = createTransport(await kubeconfigConnection(controlPlane.kubeconfigPath));
  const api = new KubeClusterApi({ transport, log: silentLogger });
  const ways = ['None', 'Rollout', 'RestartContainers'] as const;
  const bindings = new BindingFleet(api, size, signal, (at) => ways[at % ways.length] ?? 'None');
  const podFleet = new PodFleet(api, bindings, podSize, signal);
  const writes = new WriteCounter(hasPods);
  const site: Site = { controlPlane, installation, api, bindings, podFleet, writes, signal };
  const watching = Promise.all([podFleet.run(), writes.run(api, signal)]);
  const webhook = await prepare(site);
  try {
    const operator = await measureCold(site);
    await measureRest(operator, site);
    await measureArrival(site, operator);
    await measureChurn(site, operator);
    await operator.end();
  } finally {
    stopping.abort();
    await watching;
    await webhook.end();
    transport.close();
  }
}

const names = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kubectl', 'helm'] as const;
const { helm: helmPath } = ensureBinaries(names);
const folder = await mkdtemp(join(tmpdir(), 'kaap-pods-'));
const controlPlane = await startControlPlane();
try {
  const chartValues = ['operator.rollout.enabled=true'];
  const installation = await installOperator({ ...controlPlane, helmPath, folder, chartValues });
  try {
    await measureAll(controlPlane, installation);
  } finally {
    await installation.close();
  }
} finally {
  await controlPlane.stop();
  await rm(folder, { recursive: true, force: true });
}
