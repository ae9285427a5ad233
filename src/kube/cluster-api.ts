import type { ApplyObject, KubeObject, NewObject, ObjectMeta, ObjectRef, ResourceType, StatusOf } from './resource.ts';

/**
 * What a watch yields. `Init`, any number of `InitApply` and `InitDone` are one complete listing; it may start again at
 * any time, and whatever was known and is not in the new listing is gone. `Apply` and `Delete` follow `InitDone`.
 */
export type WatchEvent<T extends KubeObject = KubeObject> =
  | { type: 'Init' }
  | { type: 'InitApply'; object: T }
  | { type: 'InitDone' }
  | { type: 'Apply'; object: T }
  | { type: 'Delete'; object: T };

/** Every call can be cancelled; a cancelled call rejects with the signal's reason, a cancelled watch ends. */
export interface CallOptions {
  signal: AbortSignal;
}

export interface CreateOptions extends CallOptions {
  /** Answers as if it were created, and creates nothing. */
  dryRun?: boolean;
}

export interface SelectOptions extends CallOptions {
  /** All namespaces unless given. */
  namespace?: string;
  /** Equality and set selectors in kubectl's syntax. */
  labelSelector?: string;
}

export interface WatchOptions extends SelectOptions {
  fieldSelector?: string;
  /** Asks for metadata only: objects then have `apiVersion`, `kind` and `metadata` and nothing else. */
  metadataOnly?: boolean;
}

export interface ApplyOptions extends CallOptions {
  /** Names the owner of the fields, one per controller. */
  fieldManager: string;
  /** Takes fields over from other managers. True unless given: a controller knows what it wants. */
  force?: boolean;
}

export interface DeleteOptions extends CallOptions {
  /** Deletes only this incarnation of the name; otherwise 409. */
  uid?: string;
  /** Deletes only if unchanged since; otherwise 409. */
  resourceVersion?: string;
}

/** Names what an event is about. */
export interface ObjectReference {
  apiVersion: string;
  kind: string;
  name: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
}

/** events.k8s.io/v1 Event. */
export interface KubeEvent extends KubeObject {
  /** RFC 3339 with microseconds. */
  eventTime: string;
  reportingController: string;
  reportingInstance: string;
  action: string;
  reason: string;
  type: 'Normal' | 'Warning';
  regarding: ObjectReference;
  /** At most 1024 bytes. */
  note: string;
  series?: { count: number; lastObservedTime: string };
}

/** Where objects come from and go to. Reads give `undefined` for what does not exist. */
export interface ObjectSource {
  /** Follows a kind until the signal fires. Heals itself: errors are retried inside and never end the iteration. */
  watch<T extends KubeObject>(resource: ResourceType<T>, options: WatchOptions): AsyncIterable<WatchEvent<T>>;
  /** Reads one object, past every cache. */
  get<T extends KubeObject>(resource: ResourceType<T>, ref: ObjectRef, options: CallOptions): Promise<T | undefined>;
  /** Reads all objects that are selected. */
  list<T extends KubeObject>(resource: ResourceType<T>, options: SelectOptions): Promise<T[]>;
}

/**
 * A cluster, or something that behaves like one. Failures are {@link KubeError}s with the API server's status and
 * reason: 404 NotFound, 409 AlreadyExists or Conflict, 422 Invalid.
 */
export interface ClusterApi extends ObjectSource {
  /** Creates; 409 AlreadyExists when the name is taken. */
  create<T extends KubeObject>(resource: ResourceType<T>, object: NewObject<T>, options: CreateOptions): Promise<T>;
  /** Server-side apply: creates the object or takes exactly these fields, and gives up those applied before and absent now. */
  apply<T extends KubeObject>(resource: ResourceType<T>, object: ApplyObject<T>, options: ApplyOptions): Promise<T>;
  /**
   * Server-side apply of the status. Never creates: 404 when the object is gone, 409 when `uid` or `resourceVersion` is
   * given and differs. With a resourceVersion it is one call; with a uid alone, the object is read before.
   */
  applyStatus<T extends KubeObject>(
    resource: ResourceType<T>,
    ref: ObjectRef & { uid?: string | undefined; resourceVersion?: string | undefined },
    status: StatusOf<T>,
    options: ApplyOptions,
  ): Promise<T>;
  /** Replaces everything but the status; 409 Conflict when `resourceVersion` is not the current one. */
  update<T extends KubeObject>(resource: ResourceType<T>, object: T, options: CallOptions): Promise<T>;
  /** Sets the finalizers of `object` as it was read; 409 Conflict when it has changed since. */
  patchFinalizers<T extends KubeObject>(
    resource: ResourceType<T>,
    object: { metadata: ObjectMeta },
    finalizers: readonly string[],
    options: CallOptions,
  ): Promise<T>;
  /** Asks for deletion. With finalizers left the object stays, with a deletionTimestamp. Resolves when it is gone already. */
  delete(resource: ResourceType, ref: ObjectRef, options: DeleteOptions): Promise<void>;
  /**
   * Asks for the end of a pod, as PodDisruptionBudgets permit: false when one does not now. Resolves with true when the pod
   * is gone already, or has become another one of the same name.
   */
  evict(ref: ObjectRef & { uid?: string | undefined }, options: CallOptions): Promise<boolean>;
  /** Writes an event: a new one, or the growth of its series. */
  emitEvent(event: KubeEvent, options: CallOptions): Promise<void>;
}
