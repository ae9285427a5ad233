import type {
  ApplyOptions,
  CallOptions,
  CreateOptions,
  DeleteOptions,
  SelectOptions,
  WatchOptions,
} from './cluster-api.ts';
import { isExpired, isNotFound } from './kube-error.ts';
import {
  apiVersionOf,
  collectionPath,
  objectPath,
  type KubeObject,
  type NewObject,
  type ObjectRef,
  type ResourceType,
} from './resource.ts';
import type { KubeTransport } from './transport.ts';

/** A page of a collection. */
export interface ListPage<T extends KubeObject> {
  items: T[];
  resourceVersion: string;
  /** Absent on the last page. */
  continueToken: string | undefined;
}

/** A patch and how it is to be read: RFC 7386 merge or RFC 6902 operations. */
export type Patch = { type: 'merge'; value: object } | { type: 'json'; value: readonly object[] };

export interface PageOptions extends WatchOptions {
  limit?: number;
  continueToken?: string | undefined;
}

interface ListBody<T> {
  metadata?: { resourceVersion?: string; continue?: string };
  items?: (Omit<T, 'apiVersion' | 'kind'> & Partial<Pick<KubeObject, 'apiVersion' | 'kind'>>)[];
}

/** Objects in one page: kube-rs and client-go use the same. */
export const pageSize = 500;

const podResource: ResourceType = { group: '', version: 'v1', plural: 'pods', kind: 'Pod', namespaced: true };

const metadataAccept = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';
const metadataListAccept = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';

/** Typed calls of the API server for any kind, one HTTP request each but for `list`. */
export class KubeClient {
  readonly transport: KubeTransport;

  constructor(transport: KubeTransport) {
    this.transport = transport;
  }

  /** Reads an object; undefined when there is none. */
  async get<T extends KubeObject>(
    resource: ResourceType<T>,
    ref: ObjectRef,
    options: CallOptions,
  ): Promise<T | undefined> {
    try {
      return await this.transport.request<T>({
        method: 'GET',
        path: objectPath(resource, ref),
        signal: options.signal,
      });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** Reads a whole collection page by page. Starts again, and then in one go, when a continue token expires on the way. */
  async list<T extends KubeObject>(resource: ResourceType<T>, options: SelectOptions): Promise<T[]> {
    for (let limit = pageSize; ; limit = 0) {
      try {
        return await this.#listPages(resource, { ...options, limit });
      } catch (error) {
        if (!isExpired(error) || limit === 0) throw error;
      }
    }
  }

  async #listPages<T extends KubeObject>(resource: ResourceType<T>, options: PageOptions): Promise<T[]> {
    const items: T[] = [];
    let continueToken: string | undefined;
    do {
      const page = await this.listPage(resource, { ...options, continueToken });
      items.push(...page.items);
      continueToken = page.continueToken;
    } while (continueToken !== undefined);
    return items;
  }

  /** Reads one page. A limit of 0 is no limit. */
  async listPage<T extends KubeObject>(resource: ResourceType<T>, options: PageOptions): Promise<ListPage<T>> {
    const { limit = pageSize, continueToken, signal } = options;
    const body = await this.transport.request<ListBody<T>>({
      method: 'GET',
      path: collectionPath(resource, options.namespace),
      query: { ...selectorsOf(options), limit: limit === 0 ? undefined : limit, continue: continueToken },
      ...(options.metadataOnly === true ? { accept: metadataListAccept } : {}),
      signal,
    });
    return {
      items: (body.items ?? []).map((item) => typed(resource, item as T)),
      resourceVersion: body.metadata?.resourceVersion ?? '',
      continueToken: body.metadata?.continue === '' ? undefined : body.metadata?.continue,
    };
  }

  /** Opens a watch and yields its lines. The server ends it after `timeoutSeconds`; silence for longer is an error. */
  watchLines(
    resource: ResourceType,
    options: WatchOptions & { resourceVersion: string; timeoutSeconds: number; idleMs: number },
  ): AsyncIterable<string> {
    return this.transport.stream({
      method: 'GET',
      path: collectionPath(resource, options.namespace),
      query: {
        ...selectorsOf(options),
        watch: true,
        allowWatchBookmarks: true,
        resourceVersion: options.resourceVersion,
        timeoutSeconds: options.timeoutSeconds,
      },
      ...(options.metadataOnly === true ? { accept: metadataAccept } : {}),
      timeoutMs: options.idleMs,
      signal: options.signal,
    });
  }

  /** Creates an object. `apiVersion` and `kind` are filled in. */
  create<T extends KubeObject>(resource: ResourceType<T>, object: NewObject<T>, options: CreateOptions): Promise<T> {
    const path = collectionPath(resource, object.metadata.namespace);
    const { signal, dryRun = false } = options;
    const query = dryRun ? { dryRun: 'All' } : {};
    return this.transport.request<T>({ method: 'POST', path, query, body: typed(resource, object), signal });
  }

  /** Replaces an object; with a resourceVersion in it, only if unchanged since. */
  update<T extends KubeObject>(resource: ResourceType<T>, object: T, options: CallOptions): Promise<T> {
    const path = objectPath(resource, object.metadata);
    return this.transport.request<T>({ method: 'PUT', path, body: typed(resource, object), signal: options.signal });
  }

  /** Patches an object or a subresource of it. */
  patch<T extends KubeObject>(
    resource: ResourceType<T>,
    ref: ObjectRef,
    patch: Patch,
    options: CallOptions & { subresource?: string; fieldManager?: string },
  ): Promise<T> {
    return this.transport.request<T>({
      method: 'PATCH',
      path: objectPath(resource, ref, options.subresource),
      query: { fieldManager: options.fieldManager },
      contentType: patch.type === 'merge' ? 'application/merge-patch+json' : 'application/json-patch+json',
      body: patch.value,
      signal: options.signal,
    });
  }

  /** Server-side apply of an object or a subresource of it. JSON is YAML, so it goes as it is. */
  apply<T extends KubeObject>(
    resource: ResourceType<T>,
    object: object & { metadata: ObjectRef },
    options: ApplyOptions & { subresource?: string },
  ): Promise<T> {
    return this.transport.request<T>({
      method: 'PATCH',
      path: objectPath(resource, object.metadata, options.subresource),
      query: { fieldManager: options.fieldManager, force: options.force ?? true },
      contentType: 'application/apply-patch+yaml',
      body: typed(resource, object),
      signal: options.signal,
    });
  }

  /** Evicts a pod (policy/v1 Eviction). 429 when a PodDisruptionBudget forbids it now, 409 when the uid is another. */
  async evict(ref: ObjectRef & { uid?: string | undefined }, options: CallOptions): Promise<void> {
    const { namespace, name, uid } = ref;
    const preconditions = uid === undefined ? undefined : { uid };
    await this.transport.request<unknown>({
      method: 'POST',
      path: objectPath(podResource, { namespace, name }, 'eviction'),
      body: {
        apiVersion: 'policy/v1',
        kind: 'Eviction',
        metadata: { namespace, name },
        deleteOptions: { preconditions },
      },
      signal: options.signal,
    });
  }

  /** Asks for deletion; dependents follow in the background. Resolves when the object does not exist. */
  async delete(resource: ResourceType, ref: ObjectRef, options: DeleteOptions): Promise<void> {
    const { uid, resourceVersion } = options;
    const preconditions = uid === undefined && resourceVersion === undefined ? undefined : { uid, resourceVersion };
    try {
      await this.transport.request<unknown>({
        method: 'DELETE',
        path: objectPath(resource, ref),
        body: { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: 'Background', preconditions },
        signal: options.signal,
      });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}

/** The object with the kind's `apiVersion` and `kind`: items of a list of a built-in kind come without them. */
export function typed<O extends object>(
  resource: ResourceType,
  object: O,
): O & Pick<KubeObject, 'apiVersion' | 'kind'> {
  return { ...object, apiVersion: apiVersionOf(resource), kind: resource.kind };
}

function selectorsOf(options: WatchOptions): { labelSelector: string | undefined; fieldSelector: string | undefined } {
  return { labelSelector: options.labelSelector, fieldSelector: options.fieldSelector };
}
