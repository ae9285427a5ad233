// SPDX-License-Identifier: Apache-2.0
/**
 * The node's network and mount namespaces. Whatever the cluster adds to the network or mounts disappears with the last
 * process in them; the machine sees none of it.
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { nodeAddress, nodeInterface } from './node-configuration.ts';

/** Holds the namespaces open until it is killed. */
export const namespaceHolder: readonly string[] = [
  'unshare',
  '--net',
  '--mount',
  '--propagation=private',
  'sleep',
  '2147483647',
];

/** Folders of the machine that the node sees its own in place of: name in the state folder → path. */
const ownFolders: Readonly<Record<string, string>> = {
  'var/kubelet': '/var/lib/kubelet',
  'var/containerd': '/var/lib/containerd',
  'var/cni': '/var/lib/cni',
  'var/pod-logs': '/var/log/pods',
  'var/container-logs': '/var/log/containers',
  'run/containerd': '/run/containerd',
  'run/netns': '/run/netns',
};

const volumeCount = 16;

/** The command prefix that enters the network namespace alone: the machine's file system, the cluster's network. */
export function enterNetwork(holderPid: number): string[] {
  return ['nsenter', '--target', String(holderPid), '--net', '--'];
}

/** The command prefix that enters both namespaces, as the node's own processes do. */
export function enterNode(holderPid: number): string[] {
  return ['nsenter', '--target', String(holderPid), '--net', '--mount', '--'];
}

/** Makes the node's interface and puts the node's own folders in place. Does nothing the second time. */
export function prepareNamespace(folder: string, holderPid: number): void {
  makeFolders(folder);
  const binds = Object.entries(ownFolders).map(([own, path]) => `mount --bind '${join(folder, own)}' '${path}'`);
  const script = [
    'set -e',
    `ip link show ${nodeInterface} >/dev/null 2>&1 && exit 0`,
    'mount --make-rshared /',
    ...binds,
    'ip link set lo up',
    `ip link add ${nodeInterface} type bridge`,
    `ip address add ${nodeAddress}/24 dev ${nodeInterface}`,
    `ip link set ${nodeInterface} up`,
    `ip route add default dev ${nodeInterface}`,
    'echo 1 >/proc/sys/net/ipv4/ip_forward',
    // Replies between two pods on the bridge must pass the address translation that their Service did.
    'test -e /proc/sys/net/bridge || modprobe br_netfilter',
    'echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables',
  ];
  const [program, ...args] = [...enterNode(holderPid), 'sh', '-c', script.join('\n')];
  execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** Folders that persistent volumes are made of, writable to whatever user a pod runs as. */
export function volumeFolders(folder: string): string[] {
  return Array.from({ length: volumeCount }, (_, index) => join(folder, 'volumes', String(index)));
}

/** Removes the mount points that `prepareNamespace` had to make on the machine. */
export function removeMountPoints(folder: string): void {
  const record = mountPointRecord(folder);
  if (!existsSync(record)) return;
  for (const path of (JSON.parse(readFileSync(record, 'utf8')) as string[]).toReversed()) {
    if (existsSync(path) && readdirSync(path).length === 0) rmdirSync(path);
  }
}

function makeFolders(folder: string): void {
  const made: string[] = existsSync(mountPointRecord(folder))
    ? (JSON.parse(readFileSync(mountPointRecord(folder), 'utf8')) as string[])
    : [];
  for (const [own, path] of Object.entries(ownFolders)) {
    mkdirSync(join(folder, own), { recursive: true });
    made.push(...missingFolders(path));
    mkdirSync(path, { recursive: true });
  }
  writeFileSync(mountPointRecord(folder), JSON.stringify(made));
  for (const path of volumeFolders(folder)) {
    mkdirSync(path, { recursive: true });
    chmodSync(path, 0o777);
  }
}

function missingFolders(path: string): string[] {
  return existsSync(path) ? [] : [...missingFolders(dirname(path)), path];
}

function mountPointRecord(folder: string): string {
  return join(folder, 'mount-points.json');
}

/** Whether the holder has got as far as having namespaces of its own. */
export function isSeparate(holderPid: number): boolean {
  return ['net', 'mnt'].every((kind) => namespaceOf(holderPid, kind) !== namespaceOf('self', kind));
}

function namespaceOf(pid: number | 'self', kind: string): string {
  return readlinkSync(`/proc/${pid}/ns/${kind}`);
}
