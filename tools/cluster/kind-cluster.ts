// SPDX-License-Identifier: Apache-2.0
/** A cluster by kind, for machines with a container engine. Written from kind's documentation and not yet run by us. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ensureBinaries } from './binaries.ts';
import type { Cluster } from './cluster.ts';
import type { ContainerEngine } from './container-engine.ts';

const name = 'kaap';
const etcdPki = '/etc/kubernetes/pki/etcd';

/** One kind cluster named `kaap`. The machine reaches its API server directly, its pods and Services not. */
export class KindCluster implements Cluster {
  readonly folder: string;
  readonly kubeconfigPath: string;
  readonly #engine: ContainerEngine;

  constructor(folder: string, engine: ContainerEngine) {
    this.folder = folder;
    this.kubeconfigPath = join(folder, 'kubeconfig');
    this.#engine = engine;
  }

  async up(report: (line: string) => void): Promise<void> {
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    const verb = this.#exists() ? ['export', 'kubeconfig'] : ['create', 'cluster', '--wait=180s'];
    this.#kind([...verb, `--kubeconfig=${this.kubeconfigPath}`]);
    report('node ready');
  }

  async down(): Promise<void> {
    if (this.#exists()) this.#kind(['delete', 'cluster']);
    rmSync(this.folder, { recursive: true, force: true });
  }

  status(): Record<string, boolean> {
    return this.#exists() ? { kind: true } : {};
  }

  inNetwork(command: readonly string[]): string[] {
    return [...command];
  }

  async loadImage(archive: string): Promise<void> {
    this.#kind(['load', 'image-archive', archive]);
  }

  etcdctl(args: readonly string[]): string[] {
    const pod = ['exec', '-n', 'kube-system', `etcd-${name}-control-plane`, '--', 'etcdctl'];
    const certificates = [`--cacert=${etcdPki}/ca.crt`, `--cert=${etcdPki}/server.crt`, `--key=${etcdPki}/server.key`];
    const { kubectl } = ensureBinaries(['kubectl']);
    return [kubectl, `--kubeconfig=${this.kubeconfigPath}`, ...pod, ...certificates, ...args];
  }

  #exists(): boolean {
    return this.#run(['get', 'clusters']).split('\n').includes(name);
  }

  #kind(args: readonly string[]): void {
    this.#run([...args, `--name=${name}`]);
  }

  #run(args: readonly string[]): string {
    const { kind } = ensureBinaries(['kind']);
    const env = { ...process.env, KIND_EXPERIMENTAL_PROVIDER: this.#engine };
    const result = spawnSync(kind, args, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
    if (result.status !== 0) throw new Error(`kind ${args.join(' ')} ended with status ${result.status}`);
    return result.stdout;
  }
}
