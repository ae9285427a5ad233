import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { cluster, isReady, type PodObject } from './installation.ts';

interface WatchEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  object: PodObject;
}

/**
 * Which pods with a label are ready, from one moment to the next. It comes from a watch of the API server, so that
 * no state is missed between two looks, however slow the machine is.
 */
export class ReadyHistory {
  readonly #states: ReadonlySet<string>[] = [];
  readonly #watch: ChildProcess;
  readonly #ready: Set<string> = new Set<string>();
  readonly #lines: Promise<void>;

  private constructor(initial: readonly PodObject[], watch: ChildProcess) {
    this.#watch = watch;
    for (const { metadata } of initial.filter(isReady)) this.#ready.add(metadata.uid);
    this.#states.push(new Set(this.#ready));
    this.#lines = this.#read();
  }

  static async start(namespace: string, label: string): Promise<ReadyHistory> {
    const access = cluster();
    const path = `/api/v1/namespaces/${namespace}/pods?labelSelector=${encodeURIComponent(label)}`;
    const list = JSON.parse(await access.kubectl(['get', '--raw', path])) as {
      metadata: { resourceVersion: string };
      items: PodObject[];
    };
    const since = `${path}&watch=1&resourceVersion=${list.metadata.resourceVersion}&timeoutSeconds=600`;
    const [program = '', ...args] = access.inNetwork([
      access.kubectlPath,
      `--kubeconfig=${access.kubeconfigPath}`,
      'get',
      '--raw',
      since,
    ]);
    return new ReadyHistory(list.items, spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] }));
  }

  /**
   * Ends the watch. Gives the uids of the pods that were ready, before and after each change of them. Throws when it had
   * ended by itself: then states may be missing.
   */
  async end(): Promise<readonly ReadonlySet<string>[]> {
    if (this.#watch.exitCode !== null) throw new Error(`the watch ended with status ${this.#watch.exitCode}`);
    const closed = once(this.#watch, 'close');
    this.#watch.kill();
    await Promise.all([closed, this.#lines]);
    return this.#states;
  }

  async #read(): Promise<void> {
    if (this.#watch.stdout === null) return;
    for await (const line of createInterface({ input: this.#watch.stdout })) {
      if (line.endsWith('}')) this.#note(JSON.parse(line) as WatchEvent);
    }
  }

  #note({ type, object }: WatchEvent): void {
    const { uid } = object.metadata;
    const was = this.#ready.has(uid);
    const is = type !== 'DELETED' && isReady(object);
    if (is) this.#ready.add(uid);
    else this.#ready.delete(uid);
    if (was !== is) this.#states.push(new Set(this.#ready));
  }
}
