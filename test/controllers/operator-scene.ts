import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readyType, type CommonStatus } from '../../src/api/condition.ts';
import type { KmsClient } from '../../src/client/kms-client.ts';
import { startStandalone, type Standalone } from '../../src/cmd/standalone/standalone.ts';
import type { KubeObject, ResourceType } from '../../src/kube/resource.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLogger } from '../../src/lib/log.ts';

/** Any object, as tests look at it. */
export interface Subject extends KubeObject {
  spec?: object;
  status?: CommonStatus & Record<string, unknown>;
}

/** The core kind Secret. */
export const secretType: ResourceType = {
  group: '',
  version: 'v1',
  plural: 'secrets',
  kind: 'Secret',
  namespaced: true,
};

/** The real controllers against the real KMS, over objects in memory. */
export interface OperatorScene {
  standalone: Standalone;
  /** Acts as the account root. */
  kms: KmsClient;
  signal: AbortSignal;
  apply: (type: ResourceType, name: string, spec: object, namespace?: string) => Promise<void>;
  read: (type: ResourceType, name: string, namespace?: string) => Promise<Subject | undefined>;
  remove: (type: ResourceType, name: string, namespace?: string) => Promise<void>;
  /** The object once its Ready condition is about its present spec and has the reason. */
  withReason: (type: ResourceType, name: string, reason: string, namespace?: string) => Promise<Subject>;
  gone: (type: ResourceType, name: string, namespace?: string) => Promise<true>;
  close: () => Promise<void>;
}

/** Asks until there is an answer, for ten seconds. */
export async function until<T>(ask: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > deadline) throw new Error('it did not come to that');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export async function startOperatorScene(): Promise<OperatorScene> {
  const folder = await mkdtemp(join(tmpdir(), 'kaap-operator-'));
  const standalone = await startStandalone({
    dataDir: folder,
    listen: { host: '127.0.0.1', port: 0 },
    region: 'local',
    accountId: '1000000000000000',
    instances: [],
    clock: systemClock,
    log: silentLogger,
  });
  const kms = standalone.rootClient();
  const { signal } = new AbortController();
  const read = (type: ResourceType, name: string, namespace?: string): Promise<Subject | undefined> =>
    standalone.cluster.get(type, { name, namespace }, { signal });
  return {
    standalone,
    kms,
    signal,
    apply: async (type, name, spec, namespace) => {
      const metadata = namespace === undefined ? { name } : { name, namespace };
      const manager = { fieldManager: 'test', signal };
      await standalone.cluster.apply<Subject>(type, { metadata, spec }, manager);
    },
    read,
    remove: (type, name, namespace) => standalone.cluster.delete(type, { name, namespace }, { signal }),
    withReason: (type, name, reason, namespace) =>
      until(async () => {
        const object = await read(type, name, namespace);
        const ready = object?.status?.conditions?.find((condition) => condition.type === readyType);
        const current = ready?.observedGeneration === object?.metadata.generation;
        return current && ready?.reason === reason ? object : undefined;
      }),
    gone: (type, name, namespace) =>
      until(async () => ((await read(type, name, namespace)) === undefined ? true : undefined)),
    close: async () => {
      kms.close();
      await standalone.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
