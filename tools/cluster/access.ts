// SPDX-License-Identifier: Apache-2.0
/** What a test needs of the cluster that `npm run cluster -- up` started. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { ensureBinaries } from './binaries.ts';
import { currentCluster } from './cluster.ts';
import type { Cluster } from './cluster.ts';

/** How a command ended, and what it said. */
export interface CommandResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How to run a command. */
export interface CommandOptions {
  /** Standard input; none by default. */
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Two minutes by default. */
  readonly timeoutMs?: number;
}

/** A running cluster, from a test's point of view. */
export interface ClusterAccess {
  /** Signs in as a member of `system:masters`; its server is reached from inside the network only. */
  readonly kubeconfigPath: string;
  readonly kubectlPath: string;
  /** The state folder: logs and certificates. */
  readonly folder: string;
  /** A command line that runs `command` where the API server, Services and pods can be reached. */
  inNetwork(command: readonly string[]): string[];
  /** Runs a command there. Resolves with its status, whatever that is. */
  run(command: readonly string[], options?: CommandOptions): Promise<CommandResult>;
  /** Runs kubectl and returns what it printed. Throws with its error text when it fails. */
  kubectl(args: readonly string[], options?: CommandOptions): Promise<string>;
  /** Runs helm and returns what it printed. Throws with its error text when it fails. */
  helm(args: readonly string[], options?: CommandOptions): Promise<string>;
  /** Applies objects on the server side, forcing conflicts. */
  apply(objects: readonly object[]): Promise<void>;
  /** Makes a docker-archive's images known to every node. */
  loadImage(archive: string): Promise<void>;
  /** Every key and value below `prefix` as etcd stores them, values as raw bytes. */
  dumpEtcd(prefix?: string): Promise<ReadonlyMap<string, Buffer>>;
}

/** The cluster that runs, or undefined when none does. */
export function openCluster(): ClusterAccess | undefined {
  const cluster = currentCluster();
  const parts = Object.values(cluster.status());
  return parts.length > 0 && parts.every(Boolean) ? access(cluster) : undefined;
}

function access(cluster: Cluster): ClusterAccess {
  const tools = ensureBinaries(['kubectl', 'helm']);
  const run: ClusterAccess['run'] = (command, options) => runCommand(cluster.inNetwork(command), options);
  const kubeconfig = `--kubeconfig=${cluster.kubeconfigPath}`;
  const kubectl: ClusterAccess['kubectl'] = async (args, options) =>
    output(args, await run([tools.kubectl, kubeconfig, ...args], options));
  return {
    kubeconfigPath: cluster.kubeconfigPath,
    kubectlPath: tools.kubectl,
    folder: cluster.folder,
    inNetwork: (command) => cluster.inNetwork(command),
    run,
    kubectl,
    helm: async (args, options) => output(args, await run([tools.helm, kubeconfig, ...args], options)),
    loadImage: (archive) => cluster.loadImage(archive),
    apply: async (items) => {
      const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
      await kubectl(['apply', '--server-side', '--force-conflicts', '-f', '-'], { input: list });
    },
    dumpEtcd: async (prefix = '/registry/') => {
      const args = ['get', '--prefix', prefix, '--write-out=json'];
      return entries(output(args, await run(cluster.etcdctl(args))));
    },
  };
}

function entries(json: string): Map<string, Buffer> {
  const { kvs = [] } = JSON.parse(json) as { kvs?: { key: string; value?: string }[] };
  return new Map(
    kvs.map(({ key, value = '' }) => [Buffer.from(key, 'base64').toString(), Buffer.from(value, 'base64')]),
  );
}

function output(args: readonly string[], { status, stdout, stderr }: CommandResult): string {
  if (status !== 0) throw new Error(`${args.slice(0, 3).join(' ')} ended with status ${status}: ${stderr.trim()}`);
  return stdout;
}

async function runCommand(
  [program = '', ...args]: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const child = spawn(program, args, {
    env: { ...process.env, ...options.env },
    ...(options.cwd && { cwd: options.cwd }),
    timeout: options.timeoutMs ?? 120_000,
    killSignal: 'SIGKILL',
  });
  // A command that reads no input may be gone before the end of it.
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  const [stdout, stderr, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { status: typeof status === 'number' ? status : -1, stdout, stderr };
}
