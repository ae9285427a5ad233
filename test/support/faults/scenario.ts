import { setTimeout as sleep } from 'node:timers/promises';
import { KubeClusterApi } from '../../../src/kube/kube-cluster-api.ts';
import { kubeconfigConnection } from '../../../src/kube/kube-config.ts';
import { isKubeError } from '../../../src/kube/kube-error.ts';
import { keyOf, type KubeObject, type ObjectKey, type ResourceType } from '../../../src/kube/resource.ts';
import { createTransport } from '../../../src/kube/transport.ts';
import { silentLogger } from '../../../src/lib/log.ts';
import { widgetDefinition, widgetResource, type Widget } from '../widget.ts';
import { Auditor } from './auditor.ts';
import { Subject, type Term } from './subject.ts';

export interface ScenarioOptions {
  kubeconfigPath: string;
  /** How long faults happen. */
  faultMs: number;
  /** How long it may take after the last fault until everything is known and reported. */
  settleMs: number;
  watchTimeoutSeconds: number;
  /** A number in [0, 1). */
  random: () => number;
  say: (line: string) => void;
}

/** What two operators made of it. Empty lists are what is hoped for. */
export interface ScenarioReport {
  /** Objects that a store does not have as they are, after the time to settle. */
  missed: string[];
  /** Objects whose last change no operator reported. */
  unreported: string[];
  /** Changes that a store told twice. */
  toldTwice: string[];
  /** Reports that were written twice, or over a newer one. */
  doubled: string[];
  idleWrites: string[];
  /** Terms of two leaders at one time. */
  overlaps: string[];
  terms: number;
  changes: number;
  reconciliations: number;
  listings: number;
  /** Faults by name. */
  injected: Record<string, number>;
  settledAfterMs: number;
}

const definitionResource: ResourceType<KubeObject & { spec: object }> = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
};

/** Two operators work through faults while a user changes objects; afterwards, what they know and did is compared with the truth. */
export async function runFaultScenario(options: ScenarioOptions): Promise<ScenarioReport> {
  const connection = await kubeconfigConnection(options.kubeconfigPath);
  const transport = createTransport(connection);
  const api = new KubeClusterApi({ transport, log: silentLogger });
  const { ca = '', cert = '', key = '' } = connection.tls;
  const stopping = new AbortController();
  const { signal } = stopping;
  await api.create(definitionResource, widgetDefinition, { signal });
  await untilServed(api, signal);
  const { random, watchTimeoutSeconds } = options;
  const upstream = { server: connection.server, ca, cert, key };
  const subjects = await Promise.all(
    ['first', 'second'].map((identity) => Subject.start({ identity, upstream, random, watchTimeoutSeconds })),
  );
  const auditor = new Auditor();
  const running = Promise.all([auditor.run(api, signal), ...subjects.map((subject) => subject.run(signal))]);
  try {
    const changes = await doChanges(api, subjects, options, signal);
    for (const { proxy } of subjects) Object.assign(proxy, { intensity: 0, partitioned: false });
    options.say(`${changes} changes made; no more faults from here`);
    const settled = await settle(api, subjects, options, signal);
    return { ...settled, changes, ...judge(subjects, auditor) };
  } finally {
    stopping.abort();
    await running;
    await api.delete(definitionResource, widgetDefinition.metadata, { signal: AbortSignal.timeout(30_000) });
    transport.close();
  }
}

async function untilServed(api: KubeClusterApi, signal: AbortSignal): Promise<void> {
  for (;;) {
    const answered = await api.list(widgetResource, { signal }).catch(() => undefined);
    if (answered !== undefined) return;
    await sleep(100);
  }
}

/** Things that happen to an operator rather than to a request, with the share of changes beside which they happen. */
const blows: readonly { probability: number; strike(subject: Subject): void }[] = [
  { probability: 0.004, strike: (subject) => void subject.rotateToken() },
  { probability: 0.004, strike: ({ proxy }) => proxy.cutAll() },
  {
    probability: 0.002,
    strike: ({ proxy }) => {
      proxy.partitioned = true;
      proxy.cutAll();
      setTimeout(() => (proxy.partitioned = false), 9000);
    },
  },
];

async function doChanges(
  api: KubeClusterApi,
  subjects: readonly Subject[],
  { faultMs, random }: ScenarioOptions,
  signal: AbortSignal,
): Promise<number> {
  const endMs = performance.now() + faultMs;
  let changes = 0;
  for (; performance.now() < endMs; changes += 1) {
    await changeSomething(api, random, changes, signal);
    for (const subject of subjects) {
      for (const blow of blows) if (random() < blow.probability) blow.strike(subject);
    }
    await sleep(10 + 30 * random());
  }
  return changes;
}

/** Creates, changes or deletes one of 80 names, so that names come back as new objects again and again. */
async function changeSomething(
  api: KubeClusterApi,
  random: () => number,
  size: number,
  signal: AbortSignal,
): Promise<void> {
  const ref = { namespace: 'default', name: `widget-${Math.floor(random() * 80)}` };
  if (random() < 0.2) return api.delete(widgetResource, ref, { signal });
  try {
    await api.apply(widgetResource, { metadata: ref, spec: { size } }, { fieldManager: 'user', signal });
  } catch (error) {
    if (!isKubeError(error, 409)) throw error;
  }
}

async function settle(
  api: KubeClusterApi,
  subjects: readonly Subject[],
  { settleMs }: ScenarioOptions,
  signal: AbortSignal,
): Promise<Pick<ScenarioReport, 'missed' | 'unreported' | 'settledAfterMs'>> {
  const startedMs = performance.now();
  for (;;) {
    const truth = new Map<ObjectKey, Widget>();
    for (const object of await api.list(widgetResource, { signal })) truth.set(keyOf(object), object);
    const missed = subjects.flatMap((subject) => subject.differences(truth));
    const unreported = [...truth.values()]
      .filter(({ metadata, status }) => status?.observedGeneration !== metadata.generation)
      .map(keyOf);
    const settledAfterMs = performance.now() - startedMs;
    if (missed.length + unreported.length === 0 || settledAfterMs > settleMs) {
      return { missed, unreported, settledAfterMs };
    }
    await sleep(250);
  }
}

function judge(
  subjects: readonly Subject[],
  auditor: Auditor,
): Omit<ScenarioReport, 'missed' | 'unreported' | 'settledAfterMs' | 'changes'> {
  const terms = subjects.flatMap((subject) => subject.terms);
  const injected = new Map<string, number>();
  for (const { proxy } of subjects) {
    for (const [name, count] of proxy.injected) injected.set(name, (injected.get(name) ?? 0) + count);
  }
  const sum = (field: 'reconciliations' | 'listings'): number =>
    subjects.reduce((total, subject) => total + subject[field], 0);
  return {
    toldTwice: subjects.flatMap((subject) => subject.toldTwice),
    doubled: auditor.doubledReports(),
    idleWrites: auditor.idleWrites(),
    overlaps: overlapsOf(terms),
    terms: terms.length,
    reconciliations: sum('reconciliations'),
    listings: sum('listings'),
    injected: Object.fromEntries(injected),
  };
}

/** Pairs of terms of different processes that share a moment. */
function overlapsOf(terms: readonly Term[]): string[] {
  return terms.flatMap((one, at) =>
    terms
      .slice(at + 1)
      .filter(({ identity, fromMs, toMs }) => identity !== one.identity && fromMs < one.toMs && one.fromMs < toMs)
      .map((other) => `${one.identity} ${one.fromMs}-${one.toMs} and ${other.identity} ${other.fromMs}-${other.toMs}`),
  );
}
