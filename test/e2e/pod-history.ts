import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { cluster, isReady, type PodObject } from './installation.ts';

interface WatchEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  object: PodObject;
}

/** What a history tells of one pod. */
export interface PodState {
  readonly ready: boolean;
  /** Of all its containers together. */
  readonly restarts: number;
}

/** Pods by their uid. */
export type PodStates = ReadonlyMap<string, PodState>;

/** Uids of the pods that are ready. */
export function readyOf(states: PodStates): string[] {
  return [...states].flatMap(([uid, { ready }]) => (ready ? [uid] : []));
}

/**
 * How the pods with a label are, from one moment to the next. It comes from a watch of the API server, so that
 * no state is missed between two looks, however slow the machine is.
 */
export class PodHistory {
  readonly #states: PodStates[];
  readonly #watch: ChildProcess;
  readonly #lines: Promise<void>;

  private constructor(initial: readonly PodObject[], watch: ChildProcess) {
    this.#watch = watch;
    this.#states = [new Map(initial.map((pod) => [pod.metadata.uid, stateOf(pod)]))];
    this.#lines = this.#read();
  }

  static async start(namespace: string, label: string): Promise<PodHistory> {
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
    return new PodHistory(list.items, spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] }));
  }

  /**
   * Ends the watch. Gives the states of all pods at its start and after each change. Throws when it had ended by itself: then
   * states may be missing.
   */
  async end(): Promise<readonly PodStates[]> {
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
    const states = new Map(this.#states.at(-1));
    if (type === 'DELETED') states.delete(object.metadata.uid);
    else states.set(object.metadata.uid, stateOf(object));
    this.#states.push(states);
  }
}

function stateOf(pod: PodObject): PodState {
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status;
  const restarts = [...containerStatuses, ...initContainerStatuses].map(({ restartCount }) => restartCount);
  return { ready: isReady(pod), restarts: restarts.reduce((sum, each) => sum + each, 0) };
}
