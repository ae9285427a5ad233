import { setTimeout as sleep } from 'node:timers/promises';
import { openCluster, type ClusterAccess } from '../../tools/cluster/access.ts';

/** Namespace of the installation under test. */
export const systemNamespace = 'kaap-system';

/** The cluster that tools/e2e.ts has prepared. */
export function cluster(): ClusterAccess {
  const access = openCluster();
  if (access === undefined) throw new Error('No cluster runs. Start the suite with npm run e2e.');
  return access;
}

/** Runs the command line inside the container of kms, as an administrator does. */
export async function kaap(args: readonly string[], input = ''): Promise<string> {
  return cluster().kubectl(['exec', '-i', '-n', systemNamespace, 'kaap-kms-0', '--', 'kaap', ...args], { input });
}

/** Reads an object as JSON; undefined when it does not exist. */
export async function read<T>(args: readonly string[]): Promise<T | undefined> {
  const text = await cluster().kubectl(['get', ...args, '-o', 'json', '--ignore-not-found']);
  return text.trim() === '' ? undefined : (JSON.parse(text) as T);
}

/** Asks until the answer is there. Throws what `otherwise` says after the time is up. */
export async function eventually<T>(
  ask: () => Promise<T | undefined>,
  otherwise: () => Promise<string> | string,
  timeoutMs = 90_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > deadline) throw new Error(`after ${timeoutMs / 1000} s: ${await otherwise()}`);
    await sleep(250);
  }
}

/** A pod, as far as the tests look at it. */
export interface PodObject {
  metadata: { name: string; namespace: string; uid: string; deletionTimestamp?: string };
  spec: { containers: { name: string }[]; initContainers?: { name: string }[] };
  status: {
    phase: string;
    podIP?: string;
    conditions?: { type: string; status: string }[];
    containerStatuses?: ContainerStatus[];
    initContainerStatuses?: ContainerStatus[];
  };
}

interface ContainerStatus {
  name: string;
  restartCount: number;
  state: { running?: { startedAt: string }; terminated?: { exitCode: number; startedAt: string; message?: string } };
  lastState: { terminated?: { message?: string } };
}

/** The pods with a label. */
export async function podsOf(namespace: string, label: string): Promise<PodObject[]> {
  return (await read<{ items: PodObject[] }>(['pods', '-n', namespace, '-l', label]))?.items ?? [];
}

/** Whether a pod serves: ready, and not about to end. */
export function isReady({ metadata, status }: PodObject): boolean {
  const ready = status.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True');
  return metadata.deletionTimestamp === undefined && ready === true;
}

/** What test-app printed: the last value of each name, decoded. `null` where it said MISSING. */
export async function printed(namespace: string, pod: string, container = 'app'): Promise<Map<string, Buffer | null>> {
  const text = await cluster().kubectl(['logs', '-n', namespace, pod, '-c', container]);
  const values = new Map<string, Buffer | null>();
  // What follows the last end of a line is still being written.
  for (const line of text.split('\n').slice(0, -1)) {
    const match = /^\d+ \d+ (?:ENV|FILE) (\S+?)(?:=(\S*)| MISSING)$/.exec(line);
    if (match?.[1] !== undefined) values.set(match[1], match[2] === undefined ? null : Buffer.from(match[2], 'base64'));
  }
  return values;
}

/** The metrics of the operator that runs, as Prometheus reads them. */
export async function operatorMetrics(): Promise<string> {
  const [pod] = await podsOf(systemNamespace, 'app.kubernetes.io/component=operator');
  const path = `/api/v1/namespaces/${systemNamespace}/pods/${pod?.metadata.name}:9090/proxy/metrics`;
  return cluster().kubectl(['get', '--raw', path]);
}

/** Messages of the events in a namespace about an object whose name begins so. */
export async function eventsAbout(namespace: string, namePrefix: string): Promise<string[]> {
  interface EventObject {
    regarding?: { name?: string };
    note?: string;
    reason?: string;
  }
  const list = await read<{ items: EventObject[] }>(['events.events.k8s.io', '-n', namespace]);
  return (list?.items ?? [])
    .filter(({ regarding }) => regarding?.name?.startsWith(namePrefix) === true)
    .map(({ reason = '', note = '' }) => `${reason}: ${note}`);
}
