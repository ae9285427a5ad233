// SPDX-License-Identifier: Apache-2.0
/** `npm run cluster -- <command>`: a real Kubernetes cluster to test on. */
import { spawnSync } from 'node:child_process';
import { ensureBinaries } from './binaries.ts';
import { clusterFolder } from './cluster-folder.ts';
import { currentCluster } from './cluster.ts';
import { startControlPlane, stopControlPlane } from './control-plane.ts';
import { ProcessGroup } from './process-group.ts';

const usage = `usage: npm run cluster -- <command>

  up [--control-plane]        start a cluster of one node, or an API server without a node
  down [--control-plane]      end it and remove all that it left
  status [--control-plane]    say what runs
  kubectl ARGUMENT…           kubectl as administrator
  helm ARGUMENT…              helm as administrator
  load IMAGE.tar…             make the images of a docker-archive known to the node
  exec COMMAND ARGUMENT…      run a command in the cluster's network
`;

const controlPlaneFlag = '--control-plane';

/** Command → what it does with its arguments; returns the exit status. */
const commands: Readonly<Record<string, (args: readonly string[]) => Promise<number> | number>> = {
  up: (args) => (args.includes(controlPlaneFlag) ? controlPlaneUp() : clusterUp()),
  down: async (args) => {
    await (args.includes(controlPlaneFlag)
      ? stopControlPlane(clusterFolder('control-plane'))
      : currentCluster().down());
    return 0;
  },
  status: (args) => printStatus(args.includes(controlPlaneFlag) ? controlPlaneStatus() : currentCluster().status()),
  kubectl: (args) => administer('kubectl', args),
  helm: (args) => administer('helm', args),
  load: async (args) => {
    for (const archive of args) await currentCluster().loadImage(archive);
    return 0;
  },
  exec: (args) => run(currentCluster().inNetwork(args)),
};

async function clusterUp(): Promise<number> {
  const started = Date.now();
  const cluster = currentCluster();
  await cluster.up((line) => say(`${line} after ${((Date.now() - started) / 1000).toFixed(1)} s`));
  say(`kubeconfig ${cluster.kubeconfigPath}`);
  return 0;
}

async function controlPlaneUp(): Promise<number> {
  ensureBinaries(['etcd', 'kube-apiserver', 'kubectl', 'kube-controller-manager']);
  const plane = await startControlPlane({ folder: clusterFolder('control-plane'), outlivesParent: true });
  say(`${plane.server} is ready`);
  say(`kubeconfig ${plane.kubeconfigPath}`);
  return 0;
}

function controlPlaneStatus(): Record<string, boolean> {
  const group = new ProcessGroup(clusterFolder('control-plane'));
  return Object.fromEntries(Object.keys(group.all()).map((name) => [name, group.isRunning(name)]));
}

function printStatus(status: Readonly<Record<string, boolean>>): number {
  const parts = Object.entries(status);
  if (parts.length === 0) say('no cluster');
  for (const [name, running] of parts) say(`${name.padEnd(24)} ${running ? 'running' : 'stopped'}`);
  return parts.length > 0 && parts.every(([, running]) => running) ? 0 : 1;
}

function administer(tool: 'kubectl' | 'helm', args: readonly string[]): number {
  const cluster = currentCluster();
  return run(cluster.inNetwork([ensureBinaries([tool])[tool], `--kubeconfig=${cluster.kubeconfigPath}`, ...args]));
}

function run([program = '', ...args]: readonly string[]): number {
  const { status, error } = spawnSync(program, args, { stdio: 'inherit' });
  if (error) throw error;
  return status ?? 1;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

const [command = '', ...args] = process.argv.slice(2);
const action = Object.hasOwn(commands, command) ? commands[command] : undefined;
try {
  if (!action) process.stderr.write(usage);
  process.exitCode = action ? await action(args) : 2;
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
