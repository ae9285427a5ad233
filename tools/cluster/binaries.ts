// SPDX-License-Identifier: Apache-2.0
/**
 * The cluster's binaries, built from the Go module proxy into the cache folder and keyed by version.
 *
 *     node tools/cluster/binaries.ts [name…]      build what is missing (all by default), print each path
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from './cache-folder.ts';

/** A program the cluster can be made of. */
export type BinaryName =
  | 'etcd'
  | 'etcdctl'
  | 'kube-apiserver'
  | 'kube-controller-manager'
  | 'kube-proxy'
  | 'kube-scheduler'
  | 'kubectl'
  | 'kubelet'
  | 'coredns'
  | 'helm'
  | 'kind'
  | 'kwok';

interface GoTool {
  /** The Go module that holds the program, and the version to build. */
  readonly module: string;
  readonly version: string;
  /** The main package. */
  readonly package: string;
  /** Values for `-ldflags -X`. */
  readonly stamps?: Readonly<Record<string, string>>;
  /** Replace each staging module of Kubernetes by the published one of this version. */
  readonly stagingVersion?: string;
}

const kubernetesVersion = '1.36.3';

function kubernetes(command: string): GoTool {
  const [major = '', minor = ''] = kubernetesVersion.split('.');
  const stamps = (path: string): Record<string, string> => ({
    [`${path}.gitVersion`]: `v${kubernetesVersion}`,
    [`${path}.gitMajor`]: major,
    [`${path}.gitMinor`]: minor,
    [`${path}.gitTreeState`]: 'clean',
  });
  return {
    module: 'k8s.io/kubernetes',
    version: `v${kubernetesVersion}`,
    package: `k8s.io/kubernetes/cmd/${command}`,
    stamps: { ...stamps('k8s.io/component-base/version'), ...stamps('k8s.io/client-go/pkg/version') },
    stagingVersion: `v0.${kubernetesVersion.split('.').slice(1).join('.')}`,
  };
}

/** In build order: what an API server alone needs comes first. */
const goTools: Readonly<Record<BinaryName, GoTool>> = {
  etcd: { module: 'go.etcd.io/etcd/server/v3', version: 'v3.6.8', package: 'go.etcd.io/etcd/server/v3' },
  'kube-apiserver': kubernetes('kube-apiserver'),
  kubectl: kubernetes('kubectl'),
  'kube-controller-manager': kubernetes('kube-controller-manager'),
  'kube-scheduler': kubernetes('kube-scheduler'),
  kubelet: kubernetes('kubelet'),
  'kube-proxy': kubernetes('kube-proxy'),
  etcdctl: { module: 'go.etcd.io/etcd/etcdctl/v3', version: 'v3.6.8', package: 'go.etcd.io/etcd/etcdctl/v3' },
  coredns: { module: 'github.com/coredns/coredns', version: 'v1.15.0', package: 'github.com/coredns/coredns' },
  helm: {
    module: 'helm.sh/helm/v4',
    version: 'v4.3.1',
    package: 'helm.sh/helm/v4/cmd/helm',
    stamps: { 'helm.sh/helm/v4/internal/version.version': 'v4.3.1' },
  },
  kind: { module: 'sigs.k8s.io/kind', version: 'v0.33.0', package: 'sigs.k8s.io/kind' },
  kwok: {
    module: 'sigs.k8s.io/kwok',
    version: 'v0.8.0',
    package: 'sigs.k8s.io/kwok/cmd/kwok',
    stamps: { 'sigs.k8s.io/kwok/pkg/consts.Version': 'v0.8.0' },
  },
};

/** Not built until asked for: `kind` where a container engine answers, `kwok` for measurements with simulated pods. */
const onDemand: readonly string[] = ['kind', 'kwok'];

/** Every binary that tests use on a cluster of plain processes. */
const testedBinaries = (Object.keys(goTools) as BinaryName[]).filter((name) => !onDemand.includes(name));

/** The version of Kubernetes that the binaries are built from, without a leading `v`. */
export const clusterVersion: string = kubernetesVersion;

/** The path of a binary that exists already, or undefined. Programs in `KUBEBUILDER_ASSETS` go before our own. */
export function findBinary(name: BinaryName): string | undefined {
  const assets = process.env['KUBEBUILDER_ASSETS'];
  const candidates = [...(assets ? [join(assets, name)] : []), builtPath(name)];
  return candidates.find(isExecutable);
}

/** Builds what is missing of `names`, one after another, and returns the path of each. Throws when a build fails. */
export function ensureBinaries<N extends BinaryName>(names: readonly N[]): Record<N, string> {
  return Object.fromEntries(names.map((name) => [name, findBinary(name) ?? build(name)])) as Record<N, string>;
}

function builtPath(name: BinaryName): string {
  return cacheFolder('bin', `${name}-${goTools[name].version.slice(1)}`, name);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** One module folder per module: the requirements of different tools disagree. Concurrent builds wait for each other. */
function build(name: BinaryName): string {
  const tool = goTools[name];
  const output = builtPath(name);
  const folder = cacheFolder('go', tool.module.replaceAll('/', '_'));
  mkdirSync(folder, { recursive: true });
  const flags = Object.entries(tool.stamps ?? {}).map(([variable, value]) => `-X ${variable}=${value}`);
  const started = Date.now();
  process.stderr.write(`building ${name} ${tool.version}\n`);
  writeModule(folder, tool);
  const goBuild = ['go', 'build', '-mod=mod', '-trimpath', '-ldflags', ['-s -w', ...flags].join(' ')];
  // The lock is held by a process, so it cannot outlive one; the rename makes a half-written file impossible.
  const script = 'test -x "$0" || { mkdir -p "$(dirname "$0")" && "$@" && mv "$0.part" "$0"; }';
  go(
    [
      'flock',
      join(cacheFolder('go'), 'lock'),
      'sh',
      '-c',
      script,
      output,
      ...goBuild,
      '-o',
      `${output}.part`,
      tool.package,
    ],
    folder,
  );
  process.stderr.write(`built ${name} in ${((Date.now() - started) / 1000).toFixed(0)} s\n`);
  return output;
}

function writeModule(folder: string, tool: GoTool): void {
  const path = join(folder, 'go.mod');
  const head = `module kaap.invalid/tool // ${tool.version}`;
  if (existsSync(path) && readFileSync(path, 'utf8').startsWith(`${head}\n`)) return;
  const goMod = moduleFile(tool, folder);
  const goLine = /^go .*$/m.exec(goMod)?.[0] ?? 'go 1.26.0';
  const requirements = [`require ${tool.module} ${tool.version}`];
  for (const [, name] of goMod.matchAll(/^\s*(k8s\.io\/\S+) => \.\/staging/gm)) {
    if (tool.stagingVersion) requirements.push(`replace ${name} => ${name} ${tool.stagingVersion}`);
  }
  writeFileSync(path, [head, goLine, ...requirements, ''].join('\n'));
}

/** The tool's own `go.mod`, which names the Go version and, for Kubernetes, the staging modules. */
function moduleFile(tool: GoTool, folder: string): string {
  const info = go(['go', 'mod', 'download', '-json', `${tool.module}@${tool.version}`], folder);
  return readFileSync((JSON.parse(info) as { GoMod: string }).GoMod, 'utf8');
}

function go(command: readonly string[], cwd: string): string {
  const env = { ...process.env, CGO_ENABLED: '0', GOTOOLCHAIN: 'auto', GOWORK: 'off', GOFLAGS: '-buildvcs=false' };
  const [program = '', ...args] = command;
  const result = spawnSync(program, args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  if (result.error)
    throw new Error(`${program} cannot run: install Go 1.26 or later and util-linux`, { cause: result.error });
  if (result.status !== 0) throw new Error(`${command.slice(0, 3).join(' ')} ended with status ${result.status}`);
  return result.stdout;
}

if (import.meta.main) {
  const asked = process.argv.slice(2);
  const unknown = asked.filter((name) => !Object.hasOwn(goTools, name));
  if (unknown.length > 0) throw new Error(`unknown: ${unknown.join(', ')}; known: ${Object.keys(goTools).join(', ')}`);
  const names = asked.length > 0 ? (asked as BinaryName[]) : testedBinaries;
  for (const name of names) process.stdout.write(`${ensureBinaries([name])[name]}\n`);
}
