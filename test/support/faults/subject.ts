import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Controller, specOrMetadataChanged } from '../../../src/kube/controller.ts';
import { KubeClusterApi } from '../../../src/kube/kube-cluster-api.ts';
import { LeaderElector } from '../../../src/kube/lease.ts';
import { Reflectors } from '../../../src/kube/reflectors.ts';
import type { ObjectKey } from '../../../src/kube/resource.ts';
import { systemSleep } from '../../../src/kube/sleep.ts';
import { applyDecidedStatus } from '../../../src/kube/status-write.ts';
import type { Store } from '../../../src/kube/store.ts';
import { fileToken } from '../../../src/kube/token-source.ts';
import { createTransport } from '../../../src/kube/transport.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { silentLogger } from '../../../src/lib/log.ts';
import { widgetResource, type Widget } from '../widget.ts';
import { FaultProxy, type FaultProxyOptions } from './fault-proxy.ts';

/** When a process led, by the clock that all of them share. */
export interface Term {
  identity: string;
  fromMs: number;
  toMs: number;
}

export interface SubjectOptions extends FaultProxyOptions {
  identity: string;
  watchTimeoutSeconds: number;
}

const common = { clock: systemClock, random: Math.random, log: silentLogger };

/** An operator as the process composes it, whose only way to the API server is a {@link FaultProxy}. */
export class Subject {
  readonly proxy: FaultProxy;
  readonly store: Store<Widget>;
  readonly terms: Term[] = [];
  /** Changes that were told although they had been told before. */
  readonly toldTwice: string[] = [];
  reconciliations = 0;
  listings = 0;
  readonly #options: SubjectOptions;
  readonly #folder: string;
  readonly #api: KubeClusterApi;
  readonly #reflectors: Reflectors;
  readonly #controller: Controller<Widget>;
  #tokens = 1;

  private constructor(options: SubjectOptions, proxy: FaultProxy, folder: string) {
    this.proxy = proxy;
    this.#options = options;
    this.#folder = folder;
    const { watchTimeoutSeconds } = options;
    const connection = { server: proxy.url, tls: {}, token: fileToken(join(folder, 'token'), systemClock) };
    this.#api = new KubeClusterApi({ ...common, transport: createTransport(connection), watchTimeoutSeconds });
    this.#reflectors = new Reflectors({ source: this.#api, log: silentLogger, onListed: () => (this.listings += 1) });
    this.store = this.#reflectors.store(widgetResource);
    this.#controller = this.#createController();
    this.#watchChanges();
  }

  static async start(options: SubjectOptions): Promise<Subject> {
    const folder = await mkdtemp(join(tmpdir(), 'kaap-faults-'));
    const proxy = await FaultProxy.start(options);
    await writeFile(join(folder, 'token'), proxy.token);
    return new Subject(options, proxy, folder);
  }

  /** The kubelet writes the new token first; the old one goes on for a while. */
  async rotateToken(): Promise<void> {
    this.#tokens += 1;
    const token = `token-${this.#tokens}`;
    await writeFile(join(this.#folder, 'next'), token);
    await rename(join(this.#folder, 'next'), join(this.#folder, 'token'));
    setTimeout(() => (this.proxy.token = token), 500);
  }

  async run(signal: AbortSignal): Promise<void> {
    const { identity } = this.#options;
    const elector = new LeaderElector({
      ...common,
      api: this.#api,
      sleep: systemSleep,
      namespace: 'default',
      name: 'faults',
      identity,
      leaseDurationMs: 6000,
      renewDeadlineMs: 4000,
      retryPeriodMs: 800,
    });
    const lead = async (leading: AbortSignal): Promise<void> => {
      const term = { identity, fromMs: performance.now(), toMs: Infinity };
      this.terms.push(term);
      await this.#controller.run(leading);
      term.toMs = performance.now();
    };
    await Promise.all([this.#reflectors.run(signal), elector.run(signal, lead)]);
    await this.proxy.stop();
    await rm(this.#folder, { recursive: true });
  }

  #createController(): Controller<Widget> {
    return new Controller<Widget>({
      ...common,
      name: 'faults',
      primary: widgetResource,
      reflectors: this.#reflectors,
      changed: specOrMetadataChanged,
      queue: { backoff: { baseMs: 200, maxMs: 5000, jitter: 0.2 } },
      reconcile: async (_key, object, { signal }) => {
        this.reconciliations += 1;
        const observedGeneration = object?.metadata.generation ?? 0;
        if (object === undefined || object.status?.observedGeneration === observedGeneration) return;
        const status = { observedGeneration, phase: `size ${object.spec.size}` };
        await applyDecidedStatus(this.#api, widgetResource, object, status, { fieldManager: 'faults', signal });
      },
    });
  }

  #watchChanges(): void {
    const told = new Set<string>();
    this.store.subscribe(({ type, key, object }) => {
      const { uid, resourceVersion } = object.metadata;
      const id = type === 'Delete' ? `${key} ${uid} deleted` : `${key} ${uid} ${resourceVersion}`;
      if (told.has(id)) this.toldTwice.push(id);
      told.add(id);
    });
  }

  /** Keys whose objects differ from what the API server really has. */
  differences(truth: ReadonlyMap<ObjectKey, Widget>): string[] {
    const keys = new Set([...truth.keys(), ...this.store.keys()]);
    return [...keys].filter(
      (key) => truth.get(key)?.metadata.resourceVersion !== this.store.get(key)?.metadata.resourceVersion,
    );
  }
}
