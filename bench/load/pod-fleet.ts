import {
  injectedAnnotation,
  injectedPods,
  isInjected,
  isPodReady,
  podType,
  type Pod,
} from '../../src/controllers/pod.ts';
import type { KubeClusterApi } from '../../src/kube/kube-cluster-api.ts';
import { isNotFound } from '../../src/kube/kube-error.ts';
import { keyOf, type KubeObject, type ObjectKey, type ResourceType } from '../../src/kube/resource.ts';
import { forEachOf, type BindingFleet } from './binding-fleet.ts';
import { simulatedNode } from './simulated-nodes.ts';

const deploymentType: ResourceType<KubeObject & { spec: object }> = {
  group: 'apps',
  version: 'v1',
  plural: 'deployments',
  kind: 'Deployment',
  namespaced: true,
};

export interface PodFleetSize {
  /** For each binding. */
  podsEach: number;
  nodes: number;
}

/** A Deployment for each binding, whose pods kwok runs on its nodes. It follows them by a watch. */
export class PodFleet {
  readonly size: PodFleetSize;
  /** Pods that were seen, and of them those that are gone. */
  made = 0;
  gone = 0;
  readonly #api: KubeClusterApi;
  readonly #bindings: BindingFleet;
  readonly #signal: AbortSignal;
  readonly #pods = new Map<ObjectKey, Pod>();

  constructor(api: KubeClusterApi, bindings: BindingFleet, size: PodFleetSize, signal: AbortSignal) {
    this.#api = api;
    this.#bindings = bindings;
    this.size = size;
    this.#signal = signal;
  }

  /** Pods that are there. */
  get pods(): number {
    return this.#pods.size;
  }

  /** Those that serve: injected, ready, and not about to go. */
  get serving(): number {
    return [...this.#pods.values()].filter(isServing).length;
  }

  /** Follows the pods until the signal fires. */
  async run(): Promise<void> {
    for await (const event of this.#api.watch<Pod>(podType, { ...injectedPods, signal: this.#signal })) {
      if (event.type === 'Init' || event.type === 'InitDone') continue;
      const key = keyOf(event.object);
      if (event.type === 'Delete') this.gone += Number(this.#pods.delete(key));
      else {
        this.made += Number(!this.#pods.has(key));
        this.#pods.set(key, event.object);
      }
    }
  }

  /** Every Deployment, with so many pods. */
  async scale(replicas: number = this.size.podsEach): Promise<void> {
    await forEachOf(this.#bindings.size.bindings, (at) => this.#apply(at, replicas));
  }

  /** A Deployment goes with its pods, and one of its name comes. */
  async remake(at: number): Promise<void> {
    await this.#api.delete(deploymentType, this.#bindings.refOf(at), { signal: this.#signal });
    await this.#apply(at, this.size.podsEach);
  }

  /** A pod goes; its Deployment makes another. */
  async deletePod(at: number): Promise<void> {
    const pod = this.#servingPod(at);
    if (pod !== undefined) await this.#api.delete(podType, pod.metadata, { signal: this.#signal });
  }

  /** A pod comes to look as if it had passed the webhook by. */
  async unmarkPod(at: number): Promise<void> {
    const pod = this.#servingPod(at);
    if (pod === undefined) return;
    const value = { metadata: { annotations: { [injectedAnnotation]: null } } };
    try {
      await this.#api.client.patch(podType, pod.metadata, { type: 'merge', value }, { signal: this.#signal });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  #servingPod(at: number): Pod | undefined {
    const serving = [...this.#pods.values()].filter(isServing);
    return serving[at % serving.length];
  }

  async #apply(at: number, replicas: number): Promise<void> {
    const { namespace, name } = this.#bindings.refOf(at);
    const matchLabels = { app: name };
    const template = {
      metadata: { labels: { ...matchLabels, 'kaap.dev/inject': 'true' } },
      spec: {
        nodeName: simulatedNode(at % this.size.nodes),
        terminationGracePeriodSeconds: 1,
        containers: [{ name: 'app', image: 'example/app:1' }],
      },
    };
    const spec = { replicas, revisionHistoryLimit: 1, selector: { matchLabels }, template };
    const options = { fieldManager: 'bench', signal: this.#signal };
    await this.#api.apply(deploymentType, { metadata: { namespace, name }, spec }, options);
  }
}

function isServing(pod: Pod): boolean {
  return isInjected(pod) && isPodReady(pod) && pod.metadata.deletionTimestamp === undefined;
}
