// SPDX-License-Identifier: Apache-2.0
/** One cgroup holds everything a cluster runs: its own processes and every container. What is in it is ours to end. */
import { existsSync, mkdirSync, readFileSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const unifiedControllers = ['cpuset', 'cpu', 'io', 'memory', 'pids'];

/** The cluster's cgroup, in every hierarchy that this machine has. */
export class ClusterCgroup {
  /** The cgroup's name below the root of each hierarchy. */
  readonly name: string;
  readonly #hierarchies: readonly Hierarchy[];

  constructor(name: string) {
    this.name = name;
    this.#hierarchies = hierarchies();
  }

  /** Makes the cgroup. Returns the file that a process writes its pid to when it joins. */
  create(): string {
    const unified = this.#hierarchies.length === 1;
    for (const { path } of this.#hierarchies.filter(({ version }) => unified || version === 1)) {
      mkdirSync(join(path, this.name), { recursive: true });
      if (unified) for (const folder of [path, join(path, this.name)]) delegate(folder);
    }
    const joined = this.#hierarchies.find(({ path }) => unified || path.endsWith('/pids'));
    if (!joined) throw new Error('this machine has neither cgroup v2 nor the pids hierarchy of cgroup v1');
    // With cgroup v2 a process may only be in a leaf.
    const leaf = join(joined.path, this.name, 'host');
    mkdirSync(leaf, { recursive: true });
    return join(leaf, 'cgroup.procs');
  }

  /** Every process in the cgroup. */
  pids(): number[] {
    const folders = this.folders();
    return [...new Set(folders.flatMap((folder) => lines(join(folder, 'cgroup.procs')).map(Number)))];
  }

  /** Kills every container at once, and what looks after it. */
  killContainers(): void {
    const containers = this.folders().filter((folder) => /\/kubepods/.test(folder));
    const inside = containers.flatMap((folder) => lines(join(folder, 'cgroup.procs')).map(Number));
    const shims = this.pids().filter((pid) => lines(`/proc/${pid}/comm`)[0]?.startsWith('containerd-shim') === true);
    new Set([...shims, ...inside]).forEach(kill);
  }

  /** Every folder of the cgroup, the deepest first. */
  folders(): string[] {
    const tops = this.#hierarchies.map(({ path }) => join(path, this.name)).filter((path) => existsSync(path));
    return tops.flatMap(depthFirst);
  }

  /** Kills every process in the cgroup and removes it. Throws when a process outlives ten seconds of that. */
  async destroy(): Promise<void> {
    const deadline = Date.now() + 10_000;
    for (let pids = this.pids(); pids.length > 0; pids = this.pids()) {
      if (Date.now() > deadline) throw new Error(`cannot kill ${pids.join(', ')} in cgroup ${this.name}`);
      pids.forEach(kill);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    for (const folder of this.folders()) rmdirSync(folder);
  }
}

interface Hierarchy {
  readonly path: string;
  readonly version: 1 | 2;
}

function hierarchies(): Hierarchy[] {
  return lines('/proc/mounts').flatMap((line) => {
    const [, path = '', type = ''] = line.split(' ');
    const version = { cgroup: 1, cgroup2: 2 }[type] as 1 | 2 | undefined;
    return version ? [{ path, version }] : [];
  });
}

function delegate(folder: string): void {
  const available = readFileSync(join(folder, 'cgroup.controllers'), 'utf8').split(/\s+/);
  const wanted = unifiedControllers.filter((controller) => available.includes(controller));
  writeFileSync(join(folder, 'cgroup.subtree_control'), wanted.map((controller) => `+${controller}`).join(' '));
}

function depthFirst(folder: string): string[] {
  const children = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [...children.flatMap((entry) => depthFirst(join(folder, entry.name))), folder];
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function lines(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n').filter(Boolean);
  } catch (error) {
    if (['ENOENT', 'ENODEV'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}
