import { readyType, type CommonStatus, type Condition } from '../../src/api/condition.ts';
import type { KmsClient } from '../../src/client/kms-client.ts';
import { createControllers } from '../../src/controllers/operator.ts';
import { namespaceType } from '../../src/controllers/ownership.ts';
import { openManifests } from '../../src/cmd/standalone/manifests.ts';
import type { ManifestClusterApi } from '../../src/kube/manifest-cluster-api.ts';
import { Reflectors } from '../../src/kube/reflectors.ts';
import type { KubeObject, ObjectRef, ResourceType } from '../../src/kube/resource.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { startTestServer, type TestServer, type TestServerOptions } from '../support/kms-server.ts';

/** An object as tests look at it. */
export interface Subject extends KubeObject {
  spec?: object;
  status?: CommonStatus & Record<string, unknown>;
}

export interface SceneOptions extends TestServerOptions {
  driftIntervalMs: number;
}

/** The real controllers against a real KMS, over objects in memory, looking for drift as often as a test says. */
export class ControllerScene {
  readonly cluster: ManifestClusterApi;
  /** Events: reason and name of the object. */
  readonly events: string[] = [];
  /** Objects that nobody could look after, by kind. */
  readonly stale: Map<string, number> = new Map<string, number>();
  /** Calls of KMS by action. */
  readonly calls: Map<string, number> = new Map<string, number>();
  readonly signal: AbortSignal;
  readonly #stopping = new AbortController();
  readonly server: TestServer;
  #running: Promise<unknown> = Promise.resolve();

  private constructor(server: TestServer, cluster: ManifestClusterApi) {
    this.server = server;
    this.cluster = cluster;
    this.signal = this.#stopping.signal;
  }

  static async start(options: SceneOptions): Promise<ControllerScene> {
    const scene = new ControllerScene(
      await startTestServer(options),
      (await openManifests(undefined, systemClock)).cluster,
    );
    scene.#run(options.driftIntervalMs);
    return scene;
  }

  get kms(): KmsClient {
    return this.server.client;
  }

  #run(driftIntervalMs: number): void {
    const { cluster, signal } = this;
    const reflectors = new Reflectors({ source: cluster, log: silentLogger });
    const controllers = createControllers({
      cluster,
      reflectors,
      kms: {
        call: (action, parameters, callSignal) => {
          this.calls.set(action, (this.calls.get(action) ?? 0) + 1);
          return this.kms.call('Kms', action, parameters, { signal: callSignal });
        },
      },
      ram: {
        call: (action, parameters, callSignal) => this.kms.call('Ram', action, parameters, { signal: callSignal }),
      },
      recordEvent: ({ metadata }, _type, reason) => void this.events.push(`${reason} ${metadata.name}`),
      setStale: (kind, objects) => void this.stale.set(kind, objects),
      clock: systemClock,
      random: Math.random,
      driftIntervalMs,
      log: silentLogger,
    });
    this.#running = Promise.all([reflectors.run(signal), ...controllers.map((controller) => controller.run(signal))]);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running.catch(() => undefined);
    await this.server.close();
  }

  /** Makes the namespace, as a new one: its uid is another each time. */
  async namespace(name: string): Promise<void> {
    await this.cluster.delete(namespaceType, { name }, { signal: this.signal });
    await this.cluster.create(namespaceType, { metadata: { name } }, { signal: this.signal });
  }

  async apply(type: ResourceType, ref: ObjectRef, spec: object): Promise<void> {
    const { namespace, name } = ref;
    const metadata = namespace === undefined ? { name } : { namespace, name };
    await this.cluster.apply<Subject>(type, { metadata, spec }, { fieldManager: 'test', signal: this.signal });
  }

  read(type: ResourceType, ref: ObjectRef): Promise<Subject | undefined> {
    return this.cluster.get<Subject>(type, ref, { signal: this.signal });
  }

  async delete(type: ResourceType, ref: ObjectRef): Promise<void> {
    await this.cluster.delete(type, ref, { signal: this.signal });
    await this.until(async () => ((await this.read(type, ref)) === undefined ? true : undefined));
  }

  /** The condition once it is about the present spec and has the reason. */
  condition(type: ResourceType, ref: ObjectRef, reason: string, conditionType: string = readyType): Promise<Condition> {
    return this.until(
      async () => {
        const object = await this.read(type, ref);
        const found = object?.status?.conditions?.find((condition) => condition.type === conditionType);
        return found?.observedGeneration === object?.metadata.generation && found?.reason === reason
          ? found
          : undefined;
      },
      async () => `no ${reason}: ${JSON.stringify((await this.read(type, ref))?.status)}`,
    );
  }

  /** Applies, and gives the object once it is Ready. */
  async ready(type: ResourceType, ref: ObjectRef, spec: object): Promise<Subject> {
    await this.apply(type, ref, spec);
    await this.condition(type, ref, 'Ready');
    return (await this.read(type, ref))!;
  }

  /** Asks until there is an answer. */
  async until<T>(ask: () => Promise<T | undefined>, otherwise?: () => Promise<string>): Promise<T> {
    const deadline = Date.now() + 15_000;
    for (;;) {
      const answer = await ask();
      if (answer !== undefined) return answer;
      if (Date.now() > deadline) throw new Error((await otherwise?.()) ?? 'it did not come to that');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Asks KMS until the answer holds. */
  async untilKms(
    action: string,
    parameters: Record<string, unknown>,
    holds: (answer: string) => boolean,
  ): Promise<void> {
    const ask = async (): Promise<string> => {
      try {
        return JSON.stringify(await this.kms.call('Kms', action, parameters));
      } catch (error) {
        return String(error);
      }
    };
    await this.until(async () => (holds(await ask()) ? true : undefined), ask);
  }
}
