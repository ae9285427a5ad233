import { randomUUID } from 'node:crypto';
import { systemClock, type Clock } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
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
import { applyFields, releaseChanged, type FieldOwners } from './field-ownership.ts';
import { standardListKeys, type Json, type ListKeys } from './field-set.ts';
import { KubeError } from './kube-error.ts';
import { typed } from './kube-client.ts';
import { manifestId, readManifests, type Manifest, type ManifestFile, type ManifestProblem } from './manifest-files.ts';
import { conflict, ObjectTable, withoutStatus, type Admit, type AnyObject } from './object-table.ts';
import { isSelected, watchTable } from './table-watch.ts';
import {
  keyOf,
  objectPath,
  resourceName,
  type ApplyObject,
  type KubeObject,
  type NewObject,
  type ObjectMeta,
  type ObjectRef,
  type ResourceType,
  type StatusOf,
} from './resource.ts';

export interface ManifestClusterApiOptions {
  /** The kinds that files may hold. Calls may use others, such as Secrets that controllers write. */
  resources: readonly ResourceType[];
  /** Folder of manifests. Without one the table starts empty and `reload` does nothing. */
  folder?: string;
  /** Defaults and validation, which a real API server does by the kind's schema. */
  admit?: Admit;
  /** Lists that are maps, beyond the standard ones. */
  listKeys?: ListKeys;
  clock?: Clock;
  newUid?: () => string;
}

/** What a reload did. */
export interface ReloadResult {
  applied: number;
  deleted: number;
  problems: ManifestProblem[];
}

/** Owns the fields that come from files. */
const fileManager = 'manifests';
/** Events kept; older ones are forgotten. */
const maxEvents = 1000;
const podResource: ResourceType = { group: '', version: 'v1', plural: 'pods', kind: 'Pod', namespaced: true };
const noOwners: FieldOwners = new Map();

/**
 * {@link ClusterApi} without a cluster: a table of objects in memory, fed by a folder of manifests. Controllers see what
 * they would see on a cluster; nothing is kept when the process ends but the files themselves.
 */
export class ManifestClusterApi implements ClusterApi {
  readonly #options: ManifestClusterApiOptions;
  readonly #table: ObjectTable;
  readonly #listKeys: ListKeys;
  #files: ReadonlyMap<string, ManifestFile> = new Map();
  #events: KubeEvent[] = [];

  constructor(options: ManifestClusterApiOptions) {
    const { clock = systemClock, newUid = randomUUID, admit } = options;
    this.#options = options;
    this.#listKeys = { ...standardListKeys, ...options.listKeys };
    this.#table = new ObjectTable({ clock, newUid, ...(admit === undefined ? {} : { admit }) });
  }

  /** Events emitted so far, oldest first. */
  get events(): readonly KubeEvent[] {
    return this.#events;
  }

  /**
   * Reads the folder and brings the table in line with it, as `kubectl apply --prune` would. A file with a problem keeps
   * the objects that it had before, so that a typing error deletes nothing.
   */
  async reload(): Promise<ReloadResult> {
    const { folder, resources } = this.#options;
    if (folder === undefined) return { applied: 0, deleted: 0, problems: [] };
    const { files, problems } = await readManifests(folder, resources);
    const merged = new Map([...files].map(([file, found]) => [file, found ?? this.#files.get(file)]));
    const before = unique(this.#files, []);
    const after = unique(merged, problems);
    this.#files = merged;
    let applied = 0;
    for (const { manifest, file } of after.values()) {
      try {
        this.#applyManifest(manifest);
        applied += 1;
      } catch (error) {
        problems.push({ file, message: messageOf(error) });
      }
    }
    const gone = [...before].filter(([id]) => !after.has(id));
    for (const [, { manifest }] of gone) {
      const row = this.#table.row(manifest.resource, manifest.object.metadata);
      if (row !== undefined) this.#table.remove(manifest.resource, row);
    }
    return { applied, deleted: gone.length, problems };
  }

  watch<T extends KubeObject>(resource: ResourceType<T>, options: WatchOptions): AsyncIterable<WatchEvent<T>> {
    return watchTable<T>(this.#table, resource, options);
  }

  async get<T extends KubeObject>(
    resource: ResourceType<T>,
    ref: ObjectRef,
    options: CallOptions,
  ): Promise<T | undefined> {
    options.signal.throwIfAborted();
    objectPath(resource, ref);
    const row = this.#table.row(resource, ref);
    return row === undefined ? undefined : copy(resource, row.object);
  }

  async list<T extends KubeObject>(resource: ResourceType<T>, options: SelectOptions): Promise<T[]> {
    options.signal.throwIfAborted();
    const selected = isSelected(options);
    return this.#table
      .objects(resource)
      .filter(selected)
      .map((object) => copy(resource, object));
  }

  async create<T extends KubeObject>(
    resource: ResourceType<T>,
    object: NewObject<T>,
    options: CreateOptions,
  ): Promise<T> {
    options.signal.throwIfAborted();
    objectPath(resource, object.metadata);
    if (this.#table.row(resource, object.metadata) !== undefined) {
      const message = `${resourceName(resource)} "${object.metadata.name}" already exists`;
      throw new KubeError(409, 'AlreadyExists', message);
    }
    const made = wire(typed(resource, object));
    if (options.dryRun === true) return copy(resource, made);
    return copy(resource, this.#table.insert(resource, made, noOwners));
  }

  async apply<T extends KubeObject>(
    resource: ResourceType<T>,
    object: ApplyObject<T>,
    options: ApplyOptions,
  ): Promise<T> {
    options.signal.throwIfAborted();
    return copy(resource, this.#apply(resource, object, options));
  }

  async applyStatus<T extends KubeObject>(
    resource: ResourceType<T>,
    ref: ObjectRef & { uid?: string | undefined; resourceVersion?: string | undefined },
    status: StatusOf<T>,
    options: ApplyOptions,
  ): Promise<T> {
    options.signal.throwIfAborted();
    const row = this.#table.existing(resource, ref, ref.uid);
    const { resourceVersion = row.object.metadata.resourceVersion } = ref;
    if (resourceVersion !== row.object.metadata.resourceVersion) throw conflict(resource, ref, 'it has changed since');
    const manager = `${options.fieldManager} status`;
    const { object, owners } = this.#merge(resource, row, json({ status }), { ...options, fieldManager: manager });
    return copy(resource, this.#table.replace(resource, row, object, owners));
  }

  async update<T extends KubeObject>(resource: ResourceType<T>, object: T, options: CallOptions): Promise<T> {
    options.signal.throwIfAborted();
    const next = withoutStatus(wire(typed(resource, object)));
    return copy(
      resource,
      this.#replace(resource, object.metadata, () => next),
    );
  }

  async patchFinalizers<T extends KubeObject>(
    resource: ResourceType<T>,
    object: { metadata: ObjectMeta },
    finalizers: readonly string[],
    options: CallOptions,
  ): Promise<T> {
    options.signal.throwIfAborted();
    const next = (live: AnyObject): AnyObject => {
      const { finalizers: _old, ...metadata } = live.metadata;
      return { ...live, metadata: finalizers.length === 0 ? metadata : { ...metadata, finalizers: [...finalizers] } };
    };
    return copy(resource, this.#replace(resource, object.metadata, next));
  }

  async delete(resource: ResourceType, ref: ObjectRef, options: DeleteOptions): Promise<void> {
    options.signal.throwIfAborted();
    if (this.#table.row(resource, ref) === undefined) return;
    const row = this.#table.existing(resource, ref, options.uid);
    refuseStale(resource, row.object, options.resourceVersion);
    this.#table.remove(resource, row);
  }

  /** Nothing runs here: an evicted pod is deleted. */
  async evict(ref: ObjectRef & { uid?: string | undefined }, options: CallOptions): Promise<boolean> {
    options.signal.throwIfAborted();
    const row = this.#table.row(podResource, ref);
    if (row === undefined || (ref.uid !== undefined && row.object.metadata.uid !== ref.uid)) return true;
    await this.delete(podResource, ref, options);
    return true;
  }

  async emitEvent(event: KubeEvent, options: CallOptions): Promise<void> {
    options.signal.throwIfAborted();
    const key = keyOf(event);
    this.#events = [...this.#events.filter((known) => keyOf(known) !== key), structuredClone(event)].slice(-maxEvents);
  }

  #applyManifest({ resource, object }: Manifest): void {
    this.#apply(resource, withoutStatus(object), { fieldManager: fileManager, force: true });
  }

  #apply(
    resource: ResourceType,
    object: object & { metadata: ObjectMeta },
    options: Omit<ApplyOptions, 'signal'>,
  ): AnyObject {
    objectPath(resource, object.metadata);
    const { metadata, status: _status, ...fields } = object as AnyObject;
    const { name, namespace, uid, resourceVersion, ...owned } = metadata;
    const wanted = json({ ...fields, apiVersion: undefined, kind: undefined, metadata: owned });
    const row = this.#table.row(resource, metadata);
    if (row === undefined) {
      const identity = typed(resource, { metadata: { name, ...(namespace === undefined ? {} : { namespace }) } });
      const merged = this.#merge(resource, { object: identity, owners: noOwners }, wanted, options);
      return this.#table.insert(resource, merged.object, merged.owners);
    }
    this.#table.existing(resource, metadata, uid);
    refuseStale(resource, row.object, resourceVersion);
    const merged = this.#merge(resource, row, wanted, options);
    return this.#table.replace(resource, row, merged.object, merged.owners);
  }

  #merge(
    resource: ResourceType,
    row: { object: AnyObject; owners: FieldOwners },
    wanted: Json,
    options: Omit<ApplyOptions, 'signal'>,
  ): { object: AnyObject; owners: FieldOwners } {
    const { owners } = row;
    const live = json(row.object) as { [field: string]: Json };
    const { fieldManager: manager, force = true } = options;
    const outcome = applyFields({ live, owners, wanted, manager, force, listKeys: this.#listKeys });
    if (outcome.type === 'merged') return { object: outcome.object as unknown as AnyObject, owners: outcome.owners };
    throw conflict(resource, row.object.metadata, `another field manager owns ${outcome.fields.join(', ')}`);
  }

  #replace(resource: ResourceType, metadata: ObjectMeta, next: (live: AnyObject) => AnyObject): AnyObject {
    const row = this.#table.existing(resource, metadata, metadata.uid);
    refuseStale(resource, row.object, metadata.resourceVersion);
    const { status } = row.object;
    const object = { ...next(row.object), ...(status === undefined ? {} : { status }) };
    return this.#table.replace(resource, row, object, releaseChanged(row.owners, json(row.object), json(object)));
  }
}

/** Manifests by object. The first of several for one object counts; the others are problems. */
function unique(
  files: ReadonlyMap<string, ManifestFile>,
  problems: ManifestProblem[],
): Map<string, { manifest: Manifest; file: string }> {
  const found = new Map<string, { manifest: Manifest; file: string }>();
  for (const [file, manifests] of files) {
    for (const manifest of manifests ?? []) {
      const id = manifestId(manifest);
      const first = found.get(id);
      if (first === undefined) found.set(id, { manifest, file });
      else problems.push({ file, message: `${id} is in ${first.file} already` });
    }
  }
  return found;
}

function refuseStale(resource: ResourceType, object: KubeObject, resourceVersion: string | undefined): void {
  if (resourceVersion === undefined || resourceVersion === object.metadata.resourceVersion) return;
  throw conflict(
    resource,
    object.metadata,
    'the object has been modified; please apply your changes to the latest version',
  );
}

/** What would arrive over a connection: without fields that are undefined, and without shared parts. */
function json(value: unknown): Json {
  return JSON.parse(JSON.stringify(value)) as Json;
}

function wire(object: KubeObject): AnyObject {
  return json(object) as unknown as AnyObject;
}

function copy<T extends KubeObject>(_resource: ResourceType<T>, object: AnyObject): T {
  return structuredClone(object) as unknown as T;
}
