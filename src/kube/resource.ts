import type { ObjectMeta, OwnerReference } from '../api/object-meta.ts';

export type { ObjectMeta, OwnerReference } from '../api/object-meta.ts';

/** Anything that the API server stores. Kinds extend it with `spec` and `status`, or `data`. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
}

/**
 * Describes a kind to the runtime. The type parameter says what its objects look like; nothing checks that at run time
 * but the schema of the API server.
 */
export interface ResourceType<T extends KubeObject = KubeObject> {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  /** Never set: it carries the object's type only. */
  readonly objectType?: T;
}

/** Names one object of a kind. `namespace` is absent for cluster-scoped kinds. */
export interface ObjectRef {
  namespace?: string | undefined;
  name: string;
}

/** A store and queue key: `namespace/name`, or `name` for a cluster-scoped object. */
export type ObjectKey = string;

/** What `status` is in T. */
export type StatusOf<T extends KubeObject> = T extends { status?: infer S } ? NonNullable<S> : never;

/** T with every field optional, at any depth. Lists are given whole. */
export type DeepPartial<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { [K in keyof T]?: DeepPartial<T[K]> }
    : T;

/** What a creation sends: `apiVersion` and `kind` come from the {@link ResourceType}, status is not ours to set. */
export type NewObject<T extends KubeObject> = Omit<T, 'apiVersion' | 'kind' | 'status'>;

/** What a server-side apply sends: a name, and exactly the fields that the field manager wants to own. */
export type ApplyObject<T extends KubeObject> = DeepPartial<Omit<T, 'apiVersion' | 'kind' | 'metadata' | 'status'>> & {
  metadata: ObjectMeta;
};

/** `v1` or `group/version`. */
export function apiVersionOf(resource: ResourceType): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
}

/** A name for logs and messages: `kmskeys.kaap.dev`, `secrets`. */
export function resourceName(resource: ResourceType): string {
  return resource.group === '' ? resource.plural : `${resource.plural}.${resource.group}`;
}

/** The key of an object or of a reference to one. */
export function keyOf(object: KubeObject | ObjectRef): ObjectKey {
  const { namespace, name } = 'metadata' in object ? object.metadata : object;
  return namespace === undefined || namespace === '' ? name : `${namespace}/${name}`;
}

/** The reverse of {@link keyOf}. */
export function refOf(key: ObjectKey): ObjectRef {
  const slash = key.indexOf('/');
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

/** A controller owner reference to `owner`, which must have been read from the API server. */
export function ownerReferenceTo(owner: KubeObject): OwnerReference {
  const { name, uid } = owner.metadata;
  if (uid === undefined) throw new Error(`${owner.kind} ${keyOf(owner)} has no uid and cannot own anything`);
  return { apiVersion: owner.apiVersion, kind: owner.kind, name, uid, controller: true, blockOwnerDeletion: true };
}

/** Path of a collection; across all namespaces when the kind has namespaces and none is given. */
export function collectionPath(resource: ResourceType, namespace?: string): string {
  const root = resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`;
  const scope = resource.namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${root}${scope}/${resource.plural}`;
}

/** Path of one object, or of a subresource of it. Throws when the reference does not fit the kind's scope. */
export function objectPath(resource: ResourceType, ref: ObjectRef, subresource?: string): string {
  if (ref.name === '') throw new Error(`${resourceName(resource)}: an empty name would address the collection`);
  if (resource.namespaced && (ref.namespace === undefined || ref.namespace === '')) {
    throw new Error(`${resourceName(resource)} ${ref.name} needs a namespace`);
  }
  const path = `${collectionPath(resource, ref.namespace)}/${encodeURIComponent(ref.name)}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
}
