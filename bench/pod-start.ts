import { canary } from '../test/e2e/canaries.ts';
import { kaap } from '../test/e2e/installation.ts';
import { podTemplate, tenantObjects } from '../test/e2e/tenant.ts';
import { openCluster, type ClusterAccess } from '../tools/cluster/access.ts';
import { setting } from './load/setting.ts';

/**
 * What injection adds to the start of a pod, on a real node: from its creation to the first line of its application, beside
 * the same pod without injection and the same with a bare init container, all in turn: `node bench/pod-start.ts`, on the
 * installation that `npm run e2e -- --prepare` leaves. To reach: 250 ms more than the plain pod (p50).
 */

const rounds = setting('BENCH_ROUNDS', 15);
const namespace = 'e2e-pod-start';

interface Template {
  metadata: { labels: Record<string, string> };
  spec: { containers: Record<string, unknown>[]; initContainers?: Record<string, unknown>[] };
}

interface Kind {
  name: string;
  template: Template;
}

function template(labels: Record<string, string>): Template {
  return podTemplate({ namespace, args: ['DB_USER'], restartPolicy: 'Never', labels }) as unknown as Template;
}

function kinds(): Kind[] {
  const plain = template({ 'kaap.dev/inject': 'false' });
  const [app] = plain.spec.containers;
  const init = { ...plain.spec, initContainers: [{ ...app, name: 'init', args: [] }] };
  return [
    { name: 'plain', template: plain },
    { name: 'with a bare init container', template: { ...plain, spec: init } },
    { name: 'injected, refreshing', template: template({}) },
    { name: 'injected, holding', template: template({ app: 'held' }) },
  ];
}

/** The tenant's binding, and one like it that refreshes nothing. */
async function prepare(access: ClusterAccess): Promise<void> {
  const objects = tenantObjects({ namespace, method: 'role' });
  const binding = objects.find((object) => (object as { kind: string }).kind === 'SecretBinding') as {
    spec: { refresh?: object };
  };
  const { refresh: _refresh, ...spec } = binding.spec;
  const podSelector = { matchLabels: { app: 'held' } };
  const held = { ...binding, metadata: { name: 'held', namespace }, spec: { ...spec, podSelector } };
  await access.apply([...objects, held]);
  await kaap(['secret', 'put', `${namespace}/db`], JSON.stringify({ user: 'app', password: canary() }));
  await access.kubectl(['wait', '--for=condition=Ready', 'sbind', '--all', '-n', namespace, '--timeout=60s']);
}

/** Milliseconds from the creation of a pod to the first line of its application, by the runtime's own clock. */
async function startOf(access: ClusterAccess, name: string, { metadata, spec }: Template): Promise<number> {
  const created = Date.now();
  await access.apply([{ apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, name, namespace }, spec }]);
  // One program that watches: another each quarter of a second would take the processors from what is measured.
  const ended = '--for=jsonpath={.status.phase}=Succeeded';
  await access.kubectl(['wait', ended, `pod/${name}`, '-n', namespace, '--timeout=60s']);
  const log = await access.kubectl(['logs', name, '-n', namespace, '-c', 'app', '--timestamps']);
  await access.kubectl(['delete', 'pod', name, '-n', namespace, '--wait=true']);
  return Date.parse(log.slice(0, log.indexOf(' '))) - created;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

async function measure(access: ClusterAccess): Promise<void> {
  await prepare(access);
  const all = kinds().map((kind) => ({ ...kind, times: [] as number[] }));
  for (let round = -1; round < rounds; round += 1) {
    for (const [at, kind] of all.entries()) {
      const ms = await startOf(access, `pod-${round + 1}-${at}`, kind.template);
      if (round >= 0) kind.times.push(ms);
    }
  }
  const plain = median(all[0]?.times ?? []);
  for (const { name, times } of all) {
    const [p50, most] = [median(times), Math.max(...times)];
    process.stdout.write(
      `${name}: p50 ${p50.toFixed(0)} ms (${(p50 - plain).toFixed(0)} more than plain), at most ${most.toFixed(0)} ms, of ${times.length}\n`,
    );
  }
  // The access point does not let in a service account that is made again under the name, so both go.
  await access.kubectl(['delete', 'applicationaccesspoint,rbacpolicy', namespace]);
  await access.kubectl(['delete', 'namespace', namespace, '--wait=false']);
}

const access = openCluster();
if (access === undefined) process.stdout.write('not measured: no installation. First: npm run e2e -- --prepare\n');
else await measure(access);
