// SPDX-License-Identifier: Apache-2.0
/**
 * `npm run e2e`: brings a cluster up, builds the images from the Dockerfile, installs the chart, runs the end-to-end
 * suite, takes everything down again.
 *
 *     node tools/e2e.ts [--keep] [--no-images] [--prepare] [FILTER…]
 *
 * `--keep` leaves cluster and installation for the next run; `--no-images` takes the images as they were built last.
 * `--prepare` leaves them too, and runs no test.
 */
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { openCluster, type ClusterAccess } from './cluster/access.ts';
import { currentCluster } from './cluster/cluster.ts';
import { buildImages, imageTargets } from './images/build.ts';

const checkout = resolve(import.meta.dirname, '..');

/** Namespace of the installation. */
const namespace = 'kaap-system';

const started = Date.now();
function say(line: string): void {
  process.stdout.write(`[${((Date.now() - started) / 1000).toFixed(1).padStart(6)} s] ${line}\n`);
}

/** State that outlives the pod of kms, on the node itself: the cluster has no provisioner of volumes. */
function stateVolume(): object[] {
  const storage = { storageClassName: '', accessModes: ['ReadWriteOnce'] };
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: 'kaap-state' },
      spec: {
        ...storage,
        capacity: { storage: '1Gi' },
        persistentVolumeReclaimPolicy: 'Retain',
        local: { path: stateFolder },
        nodeAffinity: {
          required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/os', operator: 'Exists' }] }] },
        },
      },
    },
    {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'kaap-state', namespace },
      spec: { ...storage, volumeName: 'kaap-state', resources: { requests: { storage: '1Gi' } } },
    },
  ];
}

/** Values of the chart: images as they were built here, state that outlives the pod, nothing kept on removal. */
const settings = [
  'image.tag=dev',
  'image.pullPolicy=Never',
  'kms.persistence.existingClaim=kaap-state',
  'crds.keep=false',
  'operator.rollout.enabled=true',
];

const stateFolder = '/var/lib/kaap-e2e';

/** Takes away what an earlier run with --keep left: objects while the operator can still let them go, then the release. */
async function uninstall(cluster: ClusterAccess): Promise<void> {
  const releases = await cluster.helm(['list', '--namespace', namespace, '--short']);
  if (!releases.split('\n').includes('kaap')) return;
  const kinds = 'sbind,kkey,ksec,aap,rbacp,nrule,kmi';
  await cluster.kubectl(['annotate', kinds, '-A', '--all', 'kaap.dev/abandon-kms-state=true']).catch(() => '');
  await cluster.kubectl(['delete', kinds, '-A', '--all', '--timeout=60s']);
  await cluster.helm(['uninstall', 'kaap', '--namespace', namespace, '--wait']);
  const names = (await cluster.kubectl(['get', 'namespaces', '-o', 'name'])).split('\n');
  const left = names.filter((name) => name.startsWith('namespace/e2e-'));
  if (left.length > 0) await cluster.kubectl(['delete', ...left, '--timeout=90s']);
}

async function install(cluster: ClusterAccess): Promise<void> {
  await cluster.run(['rm', '-rf', stateFolder]);
  await cluster.run(['install', '-d', '-m', '0777', stateFolder]);
  await cluster.apply(stateVolume());
  await cluster.helm(
    ['install', 'kaap', resolve(checkout, 'charts/kaap'), '--namespace', namespace, '--wait', '--timeout', '3m'].concat(
      settings.flatMap((setting) => ['--set', setting]),
    ),
    { timeoutMs: 240_000 },
  );
}

/** What went wrong, while it can still be seen. */
async function explain(cluster: ClusterAccess): Promise<void> {
  for (const args of [
    ['get', 'pods', '-A', '-o', 'wide'],
    ['get', 'events', '-A', '--sort-by=.lastTimestamp'],
    ...['kms', 'operator', 'webhook'].map((name) => [
      'logs',
      '-n',
      namespace,
      '-l',
      `app.kubernetes.io/component=${name}`,
      '--tail=30',
    ]),
    ['logs', '-n', namespace, 'job/kaap-bootstrap', '--tail=30'],
  ]) {
    const output = await cluster.kubectl(args).catch((error: unknown) => String(error));
    const lines = output.split('\n').slice(-40);
    process.stdout.write(`--- kubectl ${args.join(' ')}\n${lines.map((line) => line.slice(0, 400)).join('\n')}\n`);
  }
}

async function main(): Promise<number> {
  const flag = { type: 'boolean', default: false } as const;
  const { values, positionals } = parseArgs({
    options: { keep: flag, 'no-images': flag, prepare: flag },
    allowPositionals: true,
  });
  const handle = currentCluster();
  await handle.up((line) => say(line));
  const cluster = openCluster();
  if (cluster === undefined)
    throw new Error('The cluster was started and does not run. See npm run cluster -- status.');
  try {
    if (!values['no-images']) {
      const archives = buildImages({ targets: imageTargets });
      say('images are built');
      for (const archive of Object.values(archives)) await cluster.loadImage(archive);
      say('images are loaded');
    }
    await uninstall(cluster);
    await install(cluster);
    say('the chart is installed');
    if (values.prepare) return 0;
    const vitest = resolve(checkout, 'node_modules/vitest/vitest.mjs');
    const { status } = spawnSync(
      process.execPath,
      [vitest, 'run', '--config', 'vitest.e2e.config.ts', ...positionals],
      { cwd: checkout, stdio: 'inherit' },
    );
    if (status !== 0) await explain(cluster);
    return status ?? 1;
  } catch (error) {
    await explain(cluster);
    throw error;
  } finally {
    if (!values.keep && !values.prepare) {
      await handle.down();
      say('the cluster is down');
    }
  }
}

main().then(
  (status) => process.exit(status),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
