// SPDX-License-Identifier: Apache-2.0
/** etcd, an API server and a controller manager on loopback ports of their own: a cluster without a node, in seconds. */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findBinary } from './binaries.ts';
import type { BinaryName } from './binaries.ts';
import { apiServerArguments, controllerManagerArguments, etcdArguments, flags } from './components.ts';
import { controlPlaneIdentity } from './control-plane-settings.ts';
import type { ControlPlaneIdentity } from './control-plane-settings.ts';
import { freePorts } from './free-ports.ts';
import { ProcessGroup } from './process-group.ts';

const needed = [
  'etcd',
  'kube-apiserver',
  'kubectl',
  'kube-controller-manager',
] as const satisfies readonly BinaryName[];

/** Paths of the programs that a control plane is made of. */
export type ControlPlaneBinaries = Readonly<Record<'etcd' | 'kube-apiserver' | 'kubectl', string>> &
  Readonly<Partial<Record<'kube-controller-manager', string>>>;

/** A running control plane and what a client needs to reach it. */
export interface ControlPlane {
  /** Signs in as a member of `system:masters`. */
  readonly kubeconfigPath: string;
  /** `https://127.0.0.1:<port>`. */
  readonly server: string;
  /** PEM text of the authority that signed the API server's certificate. */
  readonly ca: string;
  /** The administrator's certificate and key, as paths of PEM files. */
  readonly clientCertPath: string;
  readonly clientKeyPath: string;
  /** Plain HTTP, without authentication. */
  readonly etcdEndpoint: string;
  readonly kubectlPath: string;
  readonly folder: string;
  /** The log of `etcd`, `kube-apiserver` or `kube-controller-manager`. */
  logPath(component: string): string;
  /** The process of one of them. Throws when it was not started. */
  pidOf(component: string): number;
  /** Ends the processes and removes the folder. */
  stop(): Promise<void>;
}

/** How to start a control plane. */
export interface ControlPlaneOptions {
  /** Where its state lives; a new temporary folder by default. */
  readonly folder?: string;
  /** Keep it running when this process ends. False by default. */
  readonly outlivesParent?: boolean;
  /** Also run the controller manager: namespaces get deleted, garbage collected, service accounts made. True by default. */
  readonly controllerManager?: boolean;
  /** Have the API server log who asked for what: lines of JSON in `logPath('audit')`. False by default. */
  readonly auditsRequests?: boolean;
}

/** The programs, when all that are needed exist already; undefined tells a test to skip. Builds nothing. */
export function controlPlaneBinaries(): ControlPlaneBinaries | undefined {
  const found = Object.fromEntries(needed.map((name) => [name, findBinary(name)]));
  const { etcd, kubectl, 'kube-apiserver': apiServer, 'kube-controller-manager': controllers } = found;
  if (!etcd || !kubectl || !apiServer) return undefined;
  return { etcd, kubectl, 'kube-apiserver': apiServer, ...(controllers && { 'kube-controller-manager': controllers }) };
}

/** Starts a control plane and resolves once its API server is ready. On failure everything it started has ended. */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const binaries = controlPlaneBinaries();
  if (!binaries)
    throw new Error('no control-plane binaries: run node tools/cluster/binaries.ts, or set KUBEBUILDER_ASSETS');
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'kaap-control-plane-'));
  mkdirSync(folder, { recursive: true });
  const [apiServerPort, etcdPort, etcdPeerPort] = await keptPorts(join(folder, 'ports.json'));
  const identity = controlPlaneIdentity(folder, { address: '127.0.0.1', apiServerPort, etcdPort, etcdPeerPort });
  const processes = new ProcessGroup(folder, options.outlivesParent ? [] : diesWithParent());
  const controlPlane = describe(identity, binaries, processes);
  try {
    await startComponents(identity, binaries, processes, options);
  } catch (error) {
    await controlPlane.stop();
    throw error;
  }
  return controlPlane;
}

/** Ends a control plane that `startControlPlane` left running in `folder`, and removes the folder. */
export async function stopControlPlane(folder: string): Promise<void> {
  // The API server hangs on SIGTERM once etcd is gone, so etcd, started first, ends last.
  if (existsSync(folder)) await new ProcessGroup(folder).stop(1_500);
  rmSync(folder, { recursive: true, force: true });
}

async function startComponents(
  { settings, kubeconfigPath }: ControlPlaneIdentity,
  binaries: ControlPlaneBinaries,
  processes: ProcessGroup,
  { controllerManager = true, auditsRequests = false }: ControlPlaneOptions,
): Promise<void> {
  processes.start('etcd', [binaries.etcd, ...etcdArguments(settings)]);
  const audit = auditsRequests ? auditArguments(settings.folder, processes.logPath('audit')) : [];
  processes.start('kube-apiserver', [binaries['kube-apiserver'], ...apiServerArguments(settings), ...audit]);
  const ready = [`--kubeconfig=${kubeconfigPath}`, 'get', '--raw', '/readyz'];
  const isReady = async (): Promise<boolean> => {
    await processes.waitFor('etcd', () => processes.isRunning('etcd'), 0);
    return succeeds(binaries.kubectl, ready);
  };
  await processes.waitFor('kube-apiserver', isReady, 60_000);
  const manager = binaries['kube-controller-manager'];
  if (!controllerManager || !manager) return;
  processes.start('kube-controller-manager', [manager, ...controllerManagerArguments(settings)]);
}

/** Who, what and when of every request, without bodies. */
function auditArguments(folder: string, path: string): string[] {
  const policy = join(folder, 'audit-policy.json');
  const rules = [{ level: 'Metadata', omitStages: ['RequestReceived'] }];
  writeFileSync(policy, JSON.stringify({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules }));
  return flags({ 'audit-policy-file': policy, 'audit-log-path': path });
}

function describe(
  { settings, server, administrator, kubeconfigPath }: ControlPlaneIdentity,
  binaries: ControlPlaneBinaries,
  processes: ProcessGroup,
): ControlPlane {
  return {
    kubeconfigPath,
    server,
    ca: readFileSync(settings.caPath, 'utf8'),
    clientCertPath: administrator.cert,
    clientKeyPath: administrator.key,
    etcdEndpoint: `http://127.0.0.1:${settings.etcdPort}`,
    kubectlPath: binaries.kubectl,
    folder: settings.folder,
    logPath: (component) => processes.logPath(component),
    pidOf: (component) => {
      const known = processes.all()[component];
      if (known === undefined) throw new Error(`${component} was not started`);
      return known.pid;
    },
    stop: () => stopControlPlane(settings.folder),
  };
}

/** Linux ends the components when the thread that started them ends, however that happens. */
function diesWithParent(): string[] {
  return process.platform === 'linux' ? ['setpriv', '--pdeathsig', 'KILL'] : [];
}

/** Three free ports; the same three again for a folder that had some. */
async function keptPorts(path: string): Promise<[number, number, number]> {
  if (!existsSync(path)) writeFileSync(path, JSON.stringify(await freePorts(3)));
  return JSON.parse(readFileSync(path, 'utf8')) as [number, number, number];
}

async function succeeds(program: string, args: readonly string[]): Promise<boolean> {
  return promisify(execFile)(program, args, { timeout: 5_000 }).then(
    () => true,
    () => false,
  );
}
