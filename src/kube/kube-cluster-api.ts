import { systemClock, type Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { Random } from './backoff.ts';
import type {
  ApplyOptions,
  CallOptions,
  CreateOptions,
  ClusterApi,
  DeleteOptions,
  KubeEvent,
  SelectOptions,
  WatchEvent,
  WatchOptions,
} from './cluster-api.ts';
import { KubeClient } from './kube-client.ts';
import { isAlreadyExists, isConflict, isKubeError, isNotFound, KubeError } from './kube-error.ts';
import {
  resourceName,
  type ApplyObject,
  type KubeObject,
  type NewObject,
  type ObjectMeta,
  type ObjectRef,
  type ResourceType,
  type StatusOf,
} from './resource.ts';
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
  /** Asked of the server for each watch; see `watch`. */
  watchTimeoutSeconds?: number;
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
    const { watchTimeoutSeconds: timeoutSeconds } = this.#options;
    const tuning = timeoutSeconds === undefined ? {} : { timeoutSeconds };
    return watch(resource, options, { client: this.client, clock, sleep, random, log, ...tuning });
  }

  get<T extends KubeObject>(resource: ResourceType<T>, ref: ObjectRef, options: CallOptions): Promise<T | undefined> {
    return this.client.get(resource, ref, options);
  }

  list<T extends KubeObject>(resource: ResourceType<T>, options: SelectOptions): Promise<T[]> {
    return this.client.list(resource, options);
  }

  create<T extends KubeObject>(resource: ResourceType<T>, object: NewObject<T>, options: CreateOptions): Promise<T> {
    return this.client.create(resource, object, options);
  }

  apply<T extends KubeObject>(resource: ResourceType<T>, object: ApplyObject<T>, options: ApplyOptions): Promise<T> {
    return this.client.apply(resource, object, options);
  }

  /**
   * The API server ignores a uid in a status patch but heeds a resourceVersion, which no other incarnation of the name
   * has. So a reference with a uid alone costs a read before the write, and the write holds only for what was read.
   */
  async applyStatus<T extends KubeObject>(
    resource: ResourceType<T>,
    ref: ObjectRef & { uid?: string | undefined; resourceVersion?: string | undefined },
    status: StatusOf<T>,
    options: ApplyOptions,
  ): Promise<T> {
    const read = ref.resourceVersion === undefined && ref.uid !== undefined;
    const resourceVersion = read ? await this.#versionOf(resource, ref, options) : ref.resourceVersion;
    const object = { metadata: { name: ref.name, namespace: ref.namespace, resourceVersion }, status };
    return this.client.apply(resource, object, { ...options, subresource: 'status' });
  }

  async #versionOf(
    resource: ResourceType,
    ref: ObjectRef & { uid?: string | undefined },
    options: CallOptions,
  ): Promise<string | undefined> {
    const live = await this.client.get(resource, ref, options);
    const name = `${resourceName(resource)} "${ref.name}"`;
    if (live === undefined) throw new KubeError(404, 'NotFound', `${name} not found`);
    if (live.metadata.uid !== ref.uid) throw new KubeError(409, 'Conflict', `${name} is another object by now`);
    return live.metadata.resourceVersion;
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

  async evict(ref: ObjectRef & { uid?: string | undefined }, options: CallOptions): Promise<boolean> {
    try {
      await this.client.evict(ref, options);
      return true;
    } catch (error) {
      if (isNotFound(error) || isConflict(error)) return true;
      if (isKubeError(error, 429)) return false;
      throw error;
    }
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
