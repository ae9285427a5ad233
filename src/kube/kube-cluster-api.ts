import { systemClock, type Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { Random } from './backoff.ts';
import type {
  ApplyOptions,
  CallOptions,
  ClusterApi,
  DeleteOptions,
  KubeEvent,
  SelectOptions,
  WatchEvent,
  WatchOptions,
} from './cluster-api.ts';
import { KubeClient } from './kube-client.ts';
import { isAlreadyExists, isNotFound } from './kube-error.ts';
import type { ApplyObject, KubeObject, NewObject, ObjectMeta, ObjectRef, ResourceType, StatusOf } from './resource.ts';
import { systemSleep, type Sleep } from './sleep.ts';
import type { KubeTransport } from './transport.ts';
import { watch } from './watcher.ts';

/** Where events are written. */
export const eventResource: ResourceType<KubeEvent> = {
  group: 'events.k8s.io',
  version: 'v1',
  plural: 'events',
  kind: 'Event',
  namespaced: true,
};

export interface KubeClusterApiOptions {
  transport: KubeTransport;
  log: Logger;
  clock?: Clock;
  sleep?: Sleep;
  random?: Random;
}

/** {@link ClusterApi} on a real API server. */
export class KubeClusterApi implements ClusterApi {
  readonly client: KubeClient;
  readonly #options: KubeClusterApiOptions;

  constructor(options: KubeClusterApiOptions) {
    this.client = new KubeClient(options.transport);
    this.#options = options;
  }

  watch<T extends KubeObject>(resource: ResourceType<T>, options: WatchOptions): AsyncIterable<WatchEvent<T>> {
    const { clock = systemClock, sleep = systemSleep, random = Math.random, log } = this.#options;
    return watch(resource, options, { client: this.client, clock, sleep, random, log });
  }

  get<T extends KubeObject>(resource: ResourceType<T>, ref: ObjectRef, options: CallOptions): Promise<T | undefined> {
    return this.client.get(resource, ref, options);
  }

  list<T extends KubeObject>(resource: ResourceType<T>, options: SelectOptions): Promise<T[]> {
    return this.client.list(resource, options);
  }

  create<T extends KubeObject>(resource: ResourceType<T>, object: NewObject<T>, options: CallOptions): Promise<T> {
    return this.client.create(resource, object, options);
  }

  apply<T extends KubeObject>(resource: ResourceType<T>, object: ApplyObject<T>, options: ApplyOptions): Promise<T> {
    return this.client.apply(resource, object, options);
  }

  applyStatus<T extends KubeObject>(
    resource: ResourceType<T>,
    ref: ObjectRef & { uid?: string | undefined },
    status: StatusOf<T>,
    options: ApplyOptions,
  ): Promise<T> {
    const object = { metadata: { name: ref.name, namespace: ref.namespace, uid: ref.uid }, status };
    return this.client.apply(resource, object, { ...options, subresource: 'status' });
  }

  update<T extends KubeObject>(resource: ResourceType<T>, object: T, options: CallOptions): Promise<T> {
    return this.client.update(resource, object, options);
  }

  patchFinalizers<T extends KubeObject>(
    resource: ResourceType<T>,
    object: { metadata: ObjectMeta },
    finalizers: readonly string[],
    options: CallOptions,
  ): Promise<T> {
    const { uid, resourceVersion } = object.metadata;
    const value = { metadata: { uid, resourceVersion, finalizers } };
    return this.client.patch(resource, object.metadata, { type: 'merge', value }, options);
  }

  delete(resource: ResourceType, ref: ObjectRef, options: DeleteOptions): Promise<void> {
    return this.client.delete(resource, ref, options);
  }

  /** A repeated event is patched into a series; when the first has expired meanwhile, it is written anew. */
  async emitEvent(event: KubeEvent, options: CallOptions): Promise<void> {
    if (event.series !== undefined) {
      const value = { series: event.series };
      try {
        await this.client.patch(eventResource, event.metadata, { type: 'merge', value }, options);
        return;
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }
    try {
      await this.client.create(eventResource, event, options);
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
  }
}
