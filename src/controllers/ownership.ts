import type { KubeObject, ResourceType } from '../kube/resource.ts';
import type { StoreReader } from '../kube/store.ts';
import type { KmsAnswer, KmsApi } from './kms-api.ts';

/** core/v1 Namespace, of which nothing but the metadata is looked at. */
export const namespaceType: ResourceType = {
  group: '',
  version: 'v1',
  plural: 'namespaces',
  kind: 'Namespace',
  namespaced: false,
};

/** Tag of a key or secret in KMS that says which object it belongs to. */
export const ownerTag = 'kaap.dev/owner';

/**
 * The value of {@link ownerTag} for what an object makes: `<uid of the namespace>:<name of the object>`.
 *
 * The uid is that of the namespace and not of the object: the same team that applies its object again gets its key back,
 * and whoever gets a namespace of the same name later does not.
 */
export function ownerOf(object: KubeObject, namespaces: Pick<StoreReader<KubeObject>, 'get'>): string {
  const { namespace = '', name } = object.metadata;
  return `${namespaces.get(namespace)?.metadata.uid ?? namespace}:${name}`;
}

/** Tags by key. */
export type Tags = Readonly<Record<string, string>>;

/** The tags of an answer of ListResourceTags or DescribeSecret. */
export function tagsOf(answer: KmsAnswer | undefined): Tags {
  const { Tag } = (answer?.['Tags'] ?? {}) as { Tag?: { TagKey: string; TagValue: string }[] };
  return Object.fromEntries((Tag ?? []).map(({ TagKey, TagValue }) => [TagKey, TagValue]));
}

/** The tags to give: those of the spec, which are all there are to be when it names any, and the owner's. */
export function wantedTags(specified: Tags | undefined, present: Tags, owner: string): Tags {
  return { ...(specified ?? present), [ownerTag]: owner };
}

/** Puts tags back that were changed or taken away, and takes away what was added, with a call each where needed. */
export async function settleTags(
  kms: KmsApi,
  target: Readonly<Record<'KeyId', string>> | Readonly<Record<'SecretName', string>>,
  present: Tags,
  wanted: Tags,
  signal: AbortSignal,
): Promise<void> {
  const surplus = Object.keys(present).filter((key) => !Object.hasOwn(wanted, key));
  const missing = Object.entries(wanted).filter(([key, value]) => present[key] !== value);
  if (surplus.length > 0) await kms.call('UntagResource', { ...target, TagKeys: JSON.stringify(surplus) }, signal);
  if (missing.length === 0) return;
  const Tags = JSON.stringify(missing.map(([TagKey, TagValue]) => ({ TagKey, TagValue })));
  await kms.call('TagResource', { ...target, Tags }, signal);
}

/** How an administrator hands a key or secret over to another object. */
export function handOverAdvice(target: string, owner: string): string {
  return `To hand it over, an administrator sets its tag: kaap call TagResource ${target} Tags='[{"TagKey":"${ownerTag}","TagValue":"${owner}"}]'.`;
}
