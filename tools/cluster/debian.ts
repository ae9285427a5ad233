// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** What a cluster of plain processes, and the images for it, need from the distribution. */
export type SystemProgram =
  | 'buildah'
  | 'conntrack'
  | 'containerd'
  | 'ip'
  | 'iptables'
  | 'mmdebstrap'
  | 'musl-gcc'
  | 'nsenter'
  | 'openssl'
  | 'runc'
  | typeof cniPlugins;

/** The CNI plugins are looked up in their own folders instead of PATH. */
const cniPlugins = 'cni-plugins';
const cniFolders = ['/usr/lib/cni', '/opt/cni/bin'];

const debianPackages: Readonly<Record<SystemProgram, string>> = {
  buildah: 'buildah',
  conntrack: 'conntrack',
  containerd: 'containerd',
  ip: 'iproute2',
  iptables: 'iptables',
  mmdebstrap: 'mmdebstrap',
  'musl-gcc': 'musl-tools',
  nsenter: 'util-linux',
  openssl: 'openssl',
  runc: 'runc',
  'cni-plugins': 'containernetworking-plugins',
};

/** The folder that holds the CNI plugins, or undefined. */
export function cniPluginFolder(): string | undefined {
  return cniFolders.find((folder) => existsSync(join(folder, 'bridge')));
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
  return program === cniPlugins ? cniPluginFolder() !== undefined : onPath(program);
}

function onPath(program: string): boolean {
  const folders = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/sbin'];
  return folders.some((folder) => existsSync(join(folder, program)));
}
