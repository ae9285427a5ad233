import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterAccess } from '../../tools/cluster/access.ts';
import { podsOf, printed, type PodObject } from './installation.ts';
import { podTemplate, subjects } from './tenant.ts';

/** What became of a steady stream of new pods, every second of them bound to secrets. */
export interface StreamReport {
  /** Bound pods that were created. */
  created: number;
  /** Why bound pods were not created: what somebody who creates one would read. */
  refusals: string[];
  /** Unrelated pods that were not created, or ended otherwise than they should. */
  heldUp: string[];
  /** Attempts that did not reach an API server that serves. */
  unreachable: number;
  /** Bound pods that ended with their exact secrets. */
  right: number;
  /** Bound pods that ran with anything else. */
  wrong: string[];
}

type Workload = 'bound' | 'unrelated';

/**
 * What kubectl says when no API server serves, which holds up every pod alike. An API server that has just started
 * answers "not yet ready to handle request" until its admission plugins know the cluster.
 */
const isUnreachable = (error: string): boolean =>
  !/webhook|kaap\.dev/.test(error) &&
  /connect(ion)? (to the server|refused|reset)|GOAWAY|not yet ready to handle request|EOF|TLS handshake|i\/o timeout|etcdserver/.test(
    error,
  );

/** Creates pods in a namespace as a steady stream, looks at what those that ended have printed, and takes them away. */
export class PodStream {
  readonly report: StreamReport = {
    created: 0,
    refusals: [],
    heldUp: [],
    unreachable: 0,
    right: 0,
    wrong: [],
  };
  readonly #access: ClusterAccess;
  readonly #namespace: string;
  /** Names of pods that were looked at to the end: while the kubelet is away one stays, though it was deleted. */
  readonly #concluded = new Set<string>();
  /** The content of the file that a bound pod gets, and of `DB_USER` in its environment. */
  readonly #expected: { file: string; user: string };

  constructor(access: ClusterAccess, namespace: string, expected: { file: string; user: string }) {
    this.#access = access;
    this.#namespace = namespace;
    this.#expected = expected;
  }

  /** Creates a pair of pods every one and a half seconds. */
  async create(until: () => boolean): Promise<void> {
    for (let number = 0; !until(); number += 1) {
      const unrelated = await this.#tryCreate(`unrelated-${number}`, 'unrelated');
      if (unrelated !== undefined) this.report.heldUp.push(unrelated);
      const bound = await this.#tryCreate(`bound-${number}`, 'bound');
      if (bound === undefined) this.report.created += 1;
      else this.report.refusals.push(bound);
      await sleep(1500);
    }
  }

  /** Looks at pods that have ended now and then. While the API server is away there is nothing to look at. */
  async inspect(until: () => boolean): Promise<void> {
    while (!until()) {
      await this.inspectOnce().catch(() => undefined);
      await sleep(3000);
    }
  }

  /** Looks at every pod that has ended, and gives those that have not, or whose log could not be read to its end. */
  async inspectOnce(): Promise<PodObject[]> {
    const left: PodObject[] = [];
    for (const workload of ['bound', 'unrelated'] as const) {
      for (const pod of await podsOf(this.#namespace, `workload=${workload}`)) {
        if (pod.status.phase !== 'Succeeded' || !(await this.#isConcluded(pod, workload))) left.push(pod);
      }
    }
    return left;
  }

  /**
   * Whether a pod that has ended is done with. One line for each subject is in its log, `MISSING` where there was nothing; a
   * log with fewer was cut, as when the kubelet was killed while it told it: the API server then ends without an error.
   */
  async #isConcluded({ metadata: { name } }: PodObject, workload: Workload): Promise<boolean> {
    if (workload === 'bound' && !this.#concluded.has(name)) {
      const got = await printed(this.#namespace, name);
      if (got.size < subjects.length) return false;
      const [file, user] = [got.get('/var/run/secrets/kaap/db.json')?.toString(), got.get('DB_USER')?.toString()];
      if (file === this.#expected.file && user === this.#expected.user) this.report.right += 1;
      else this.report.wrong.push(`${name} printed ${got.size} values: ${[...got.keys()].join(', ')}`);
      this.#concluded.add(name);
    }
    await this.#access.kubectl(['delete', 'pod', name, '-n', this.#namespace, '--wait=false']);
    return true;
  }

  /** Undefined when the pod was created, else why it was not. Waits for an API server that serves. */
  async #tryCreate(name: string, workload: Workload): Promise<string | undefined> {
    for (;;) {
      try {
        await this.#access.apply([this.#pod(name, workload)]);
        return undefined;
      } catch (error) {
        const message = String(error);
        if (!isUnreachable(message)) return message;
        this.report.unreachable += 1;
        await sleep(500);
      }
    }
  }

  #pod(name: string, workload: Workload): object {
    const namespace = this.#namespace;
    const { metadata, spec } = podTemplate({
      namespace,
      args: workload === 'bound' ? [...subjects] : [],
      restartPolicy: 'OnFailure',
      labels: { workload },
    });
    const labels = workload === 'bound' ? (metadata as { labels: object }).labels : { workload };
    return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace, labels }, spec };
  }
}
