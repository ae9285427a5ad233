// SPDX-License-Identifier: Apache-2.0
/** A cluster of one node as plain processes, for machines without a container engine. Needs root and Linux. */
import { createHash } from 'node:crypto';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { ensureBinaries } from './binaries.ts';
import { ClusterCgroup } from './cgroup.ts';
import type { Cluster } from './cluster.ts';
import * as components from './components.ts';
import { componentKubeconfig, controlPlaneIdentity } from './control-plane-settings.ts';
import type { ControlPlaneIdentity } from './control-plane-settings.ts';
import { cniPluginFolder, ensurePrograms } from './debian.ts';
import * as node from './node-configuration.ts';
import {
  enterNetwork,
  enterNode,
  isSeparate,
  namespaceHolder,
  prepareNamespace,
  removeMountPoints,
  volumeFolders,
} from './node-namespace.ts';
import { ensurePauseImage } from './pause-image.ts';
import { ProcessGroup } from './process-group.ts';

const execute = promisify(execFile);

/** The fixed ports of the cluster; it has a network of its own, so they are always free. */
const endpoints = { address: node.nodeAddress, apiServerPort: 6443, etcdPort: 2379, etcdPeerPort: 2380 } as const;

/** In the order in which they start. */
const processNames = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'containerd',
  'kubelet',
  'kube-proxy',
  'coredns',
] as const;

/** Programs built here; containerd comes from the distribution. */
const programs = [
  'etcd',
  'kube-apiserver',
  'kubectl',
  'kube-controller-manager',
  'kube-scheduler',
  'kubelet',
  'kube-proxy',
  'coredns',
] as const;

type Programs = Readonly<Record<(typeof programs)[number], string>>;

type ProcessName = (typeof processNames)[number];

/** One node's processes, their state in one folder. Every method works on a cluster that another process started. */
export class ProcessCluster implements Cluster {
  readonly folder: string;
  readonly kubeconfigPath: string;
  readonly #cgroup: ClusterCgroup;

  constructor(folder: string) {
    this.folder = folder;
    this.kubeconfigPath = join(folder, 'kubeconfig');
    this.#cgroup = new ClusterCgroup(`kaap-${createHash('sha256').update(folder).digest('hex').slice(0, 8)}`);
  }

  /** Starts what is not running yet and resolves once pods can run. A first start that fails leaves nothing behind. */
  async up(report: (line: string) => void): Promise<void> {
    if (process.platform !== 'linux' || process.getuid?.() !== 0) {
      throw new Error('a cluster without a container engine needs Linux and root; start docker or podman to use kind');
    }
    const isNew = !existsSync(this.folder);
    try {
      await this.#start(report);
    } catch (error) {
      if (isNew) await this.down();
      throw error;
    }
  }

  /** Kills every process of the cluster and removes all that it left. Does nothing when there is no cluster. */
  async down(): Promise<void> {
    await this.#cgroup.destroy();
    removeMountPoints(this.folder);
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Whether each process runs. Empty when there is no cluster. */
  status(): Record<string, boolean> {
    if (!existsSync(this.folder)) return {};
    const group = new ProcessGroup(this.folder);
    return Object.fromEntries(processNames.map((name) => [name, group.isRunning(name)]));
  }

  /** Ends one process at once, as a crash does; `up` starts it again. */
  async kill(name: ProcessName): Promise<void> {
    await new ProcessGroup(this.folder).stop(0, [name]);
  }

  /**
   * Ends everything that runs on the node at once, as a loss of power does: kubelet, kube-proxy, containerd with its
   * shims, every container. The control plane goes on, as on another machine; `up` boots the node again.
   */
  async crashNode(): Promise<void> {
    await new ProcessGroup(this.folder).stop(0, ['kubelet', 'kube-proxy', 'containerd']);
    this.#cgroup.killContainers();
  }

  /** A command line that runs `command` in the cluster's network and on the machine's files. */
  inNetwork(command: readonly string[]): string[] {
    return [...enterNetwork(this.#holderPid()), ...command];
  }

  /** A command line that runs `command` in the cluster's network and among its mounts. */
  inNode(command: readonly string[]): string[] {
    return [...enterNode(this.#holderPid()), ...command];
  }

  /** Makes a docker-archive's images known to the node. */
  async loadImage(archive: string): Promise<void> {
    await run(this.inNode(['ctr', '--address', node.containerdSocket, '-n', 'k8s.io', 'images', 'import', archive]));
  }

  etcdctl(args: readonly string[]): string[] {
    const { etcdctl } = ensureBinaries(['etcdctl']);
    return [etcdctl, `--endpoints=http://127.0.0.1:${endpoints.etcdPort}`, ...args];
  }

  /** Every cgroup of the cluster; whatever process is in one belongs to it. */
  cgroupFolders(): string[] {
    return this.#cgroup.folders();
  }

  logPath(name: ProcessName): string {
    return new ProcessGroup(this.folder).logPath(name);
  }

  async #start(report: (line: string) => void): Promise<void> {
    ensurePrograms([
      'conntrack',
      'containerd',
      'ip',
      'iptables',
      'musl-gcc',
      'nsenter',
      'openssl',
      'runc',
      'cni-plugins',
    ]);
    const binaries = ensureBinaries(programs);
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    const joinFile = this.#cgroup.create();
    const joinCgroup = ['sh', '-c', `echo $$ >${joinFile} && exec "$@"`, 'sh'];
    const outside = new ProcessGroup(this.folder, joinCgroup);
    outside.start('namespaces', namespaceHolder);
    await outside.waitFor('namespaces', () => isSeparate(this.#holderPid()), 5_000);
    prepareNamespace(this.folder, this.#holderPid());
    const identity = controlPlaneIdentity(this.folder, endpoints);
    const processes = new ProcessGroup(this.folder, [...joinCgroup, ...enterNode(this.#holderPid())]);
    await this.#startControlPlane(identity, binaries, processes);
    report('control plane ready');
    await this.#startNode(identity, binaries, processes);
    await this.#apply(node.clusterObjects(volumeFolders(this.folder)));
    processes.start('coredns', [binaries.coredns, '-conf', join(this.folder, 'Corefile')]);
    await processes.waitFor('kubelet', () => this.#nodeIsReady(), 60_000);
    const account = ['get', 'serviceaccount', 'default'];
    await processes.waitFor('kube-controller-manager', () => this.#succeeds(account), 60_000);
    for (const name of processNames) await processes.waitFor(name, () => processes.isRunning(name), 0);
    report('node ready');
  }

  async #startControlPlane(
    { settings }: ControlPlaneIdentity,
    binaries: Programs,
    processes: ProcessGroup,
  ): Promise<void> {
    processes.start('etcd', [binaries.etcd, ...components.etcdArguments(settings)]);
    processes.start('kube-apiserver', [binaries['kube-apiserver'], ...components.apiServerArguments(settings)]);
    await processes.waitFor('kube-apiserver', () => this.#succeeds(['get', '--raw', '/readyz']), 90_000);
    const manager = components.controllerManagerArguments(settings);
    processes.start('kube-controller-manager', [binaries['kube-controller-manager'], ...manager]);
    processes.start('kube-scheduler', [binaries['kube-scheduler'], ...components.schedulerArguments(settings)]);
  }

  async #startNode(identity: ControlPlaneIdentity, binaries: Programs, processes: ProcessGroup): Promise<void> {
    const at = (name: string): string => join(this.folder, name);
    for (const [name, content] of Object.entries(node.nodeFiles(this.#nodeSettings(identity)))) {
      mkdirSync(dirname(at(name)), { recursive: true });
      // kube-proxy ends when its file is written, even with the same content.
      if (!existsSync(at(name))) writeFileSync(at(name), content);
    }
    processes.start('containerd', ['containerd', '--config', at('containerd.toml')]);
    const ctr = ['ctr', '--address', node.containerdSocket, 'version'];
    await processes.waitFor('containerd', () => succeeds(run(this.inNode(ctr))), 30_000);
    await this.loadImage(ensurePauseImage(this.folder));
    const kubelet = components.flags({
      config: at('kubelet.yaml'),
      kubeconfig: at('kubelet.kubeconfig'),
      'hostname-override': node.nodeName,
      'node-ip': node.nodeAddress,
    });
    await this.#startKubelet(processes, [binaries.kubelet, ...kubelet]);
    processes.start('kube-proxy', [binaries['kube-proxy'], `--config=${at('kube-proxy.yaml')}`]);
  }

  /**
   * Starts it again and again until it serves its health, as the init system of a node does: it ends where containerd, which
   * has just started, does not speak CRI yet.
   */
  async #startKubelet(processes: ProcessGroup, command: readonly string[]): Promise<void> {
    const health = this.inNetwork(['bash', '-c', 'exec 3<>/dev/tcp/127.0.0.1/10248']);
    const isServing = (): Promise<boolean> => {
      processes.start('kubelet', command);
      return succeeds(run(health));
    };
    for (const deadline = Date.now() + 30_000; Date.now() < deadline && !(await isServing());) await sleep(500);
  }

  #nodeSettings({ authority, server, settings }: ControlPlaneIdentity): node.NodeSettings {
    const subject = { commonName: `system:node:${node.nodeName}`, organization: 'system:nodes' };
    const kubelet = authority.issue('kubelet', { ...subject, names: node.kubeletNames });
    const pluginFolder = cniPluginFolder();
    if (!pluginFolder) throw new Error('no CNI plugins');
    componentKubeconfig(authority, this.folder, server, 'kubelet', kubelet);
    return {
      folder: this.folder,
      cgroup: this.#cgroup.name,
      caPath: settings.caPath,
      kubelet,
      kubeProxyKubeconfig: componentKubeconfig(authority, this.folder, server, 'kube-proxy'),
      coreDnsKubeconfig: componentKubeconfig(authority, this.folder, server, 'coredns'),
      cniPluginFolder: pluginFolder,
    };
  }

  async #nodeIsReady(): Promise<boolean> {
    const path = 'jsonpath={.status.conditions[?(@.type=="Ready")].status}';
    return this.#kubectl(['get', 'node', node.nodeName, '-o', path]).then(
      (output) => output === 'True',
      () => false,
    );
  }

  async #apply(objects: readonly object[]): Promise<void> {
    const path = join(this.folder, 'objects.json');
    writeFileSync(path, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
    await this.#kubectl(['apply', '--server-side', '--force-conflicts', '-f', path]);
  }

  #succeeds(args: readonly string[]): Promise<boolean> {
    return succeeds(this.#kubectl(args));
  }

  #kubectl(args: readonly string[]): Promise<string> {
    const { kubectl } = ensureBinaries(['kubectl']);
    return run(this.inNetwork([kubectl, `--kubeconfig=${this.kubeconfigPath}`, ...args]));
  }

  #holderPid(): number {
    const group = new ProcessGroup(this.folder);
    const holder = group.all()['namespaces'];
    if (!holder || !group.isRunning('namespaces')) throw new Error('the cluster is not running: npm run cluster -- up');
    return holder.pid;
  }
}

async function run([program = '', ...args]: readonly string[]): Promise<string> {
  return (await execute(program, args, { timeout: 120_000 })).stdout;
}

function succeeds(result: Promise<unknown>): Promise<boolean> {
  return result.then(
    () => true,
    () => false,
  );
}
