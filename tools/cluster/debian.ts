// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** What a cluster of plain processes, the images for it, and the tests of services need from the distribution. */
export type SystemProgram =
  | 'buildah'
  | 'conntrack'
  | 'containerd'
  | 'curl'
  | 'ip'
  | 'iptables'
  | 'jq'
  | 'mmdebstrap'
  | 'musl-gcc'
  | 'nsenter'
  | 'openssl'
  | 'runc'
  | 'softhsm2-util'
  | typeof cniPlugins
  | typeof postgres;

/** The CNI plugins are looked up in their own folders instead of PATH. */
const cniPlugins = 'cni-plugins';
const cniFolders = ['/usr/lib/cni', '/opt/cni/bin'];

/** Debian keeps the server's programs in a folder per major version, off PATH. */
const postgres = 'postgres';
const postgresRoot = '/usr/lib/postgresql';

const debianPackages: Readonly<Record<SystemProgram, string>> = {
  buildah: 'buildah',
  conntrack: 'conntrack',
  containerd: 'containerd',
  curl: 'curl',
  ip: 'iproute2',
  iptables: 'iptables',
  jq: 'jq',
  mmdebstrap: 'mmdebstrap',
  'musl-gcc': 'musl-tools',
  nsenter: 'util-linux',
  openssl: 'openssl',
  runc: 'runc',
  'softhsm2-util': 'softhsm2',
  'cni-plugins': 'containernetworking-plugins',
  postgres: 'postgresql',
};

/** The folder that holds the CNI plugins, or undefined. */
export function cniPluginFolder(): string | undefined {
  return cniFolders.find((folder) => existsSync(join(folder, 'bridge')));
}

/** The folder that holds PostgreSQL's server programs of the highest major version, or undefined. */
export function postgresFolder(): string | undefined {
  const versions = existsSync(postgresRoot) ? readdirSync(postgresRoot).map(Number) : [];
  return versions
    .toSorted((a, b) => b - a)
    .map((version) => join(postgresRoot, String(version), 'bin'))
    .find((folder) => existsSync(join(folder, postgres)));
}

/** Installs from Debian what is missing of `programs`. Throws, naming the packages, where that is not possible. */
export function ensurePrograms(programs: readonly SystemProgram[]): void {
  const missing = programs.filter((program) => !isInstalled(program)).map((program) => debianPackages[program]);
  if (missing.length === 0) return;
  const advice = `install these packages first: ${missing.join(' ')}`;
  if (process.getuid?.() !== 0 || !onPath('apt-get')) throw new Error(advice);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  for (const args of [['update'], ['install', '-y', '--no-install-recommends', ...missing]]) {
    const { status } = spawnSync('apt-get', ['-qq', ...args], { env, stdio: ['ignore', 2, 2] });
    if (status !== 0) throw new Error(`apt-get ${args[0]} failed; ${advice}`);
  }
}

function isInstalled(program: SystemProgram): boolean {
  if (program === cniPlugins) return cniPluginFolder() !== undefined;
  if (program === postgres) return postgresFolder() !== undefined;
  return onPath(program);
}

function onPath(program: string): boolean {
  const folders = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/sbin'];
  return folders.some((folder) => existsSync(join(folder, program)));
}
