import { z } from 'zod';
import { ApiError } from '../../../lib/errors.ts';
import { defineAction, type AnyAction } from '../../../ports/action.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import { flag, oneOf, textList, withDefault } from '../../parameters.ts';
import { addTags, removeTags, shortTagPairs, tagKeys } from '../../tags.ts';
import { taggedKey, taggedSecret, type TaggedResource, type Tags } from './tagged-resource.ts';

const maxResources = 50;

/** What has tags, as the second generation of the tag API spells it. */
export type TaggedType = 'key' | 'secret';

const finders: Readonly<Record<TaggedType, typeof taggedKey>> = { key: taggedKey, secret: taggedSecret };

/** `ResourceType`. */
export function taggedType(): z.ZodType<TaggedType> {
  return oneOf(['key', 'secret']);
}

/** `ResourceId.1=…`: ids, names or ARNs of resources of one type. */
export function resourceIds(): z.ZodType<string[]> {
  const shape = `a list of at most ${maxResources} key ids or names of secrets, as ResourceId.1=…`;
  return textList({ max: 512, pattern: /^[\x21-\x7e]+$/ }, maxResources, shape);
}

/** Looks up every resource that the parameters name. */
export function findAllTagged(
  dependencies: KmsDependencies,
  type: TaggedType,
  ids: readonly string[],
): Promise<TaggedResource[]> {
  return Promise.all(ids.map((id) => finders[type](dependencies, id)));
}

interface Change {
  ResourceType: TaggedType;
  ResourceId: string[];
}

/** Changes the tags of all resources in one transaction: all of them or none. */
function changeAction<Input extends Change>(
  dependencies: KmsDependencies,
  name: string,
  input: z.ZodType<Input>,
  changeOf: (input: Input) => (tags: Tags) => Tags,
): AnyAction {
  return defineAction<Input>({
    name,
    product: 'Kms',
    input,
    plan: async (parameters) => {
      const { ResourceType, ResourceId } = parameters;
      if (ResourceId.length === 0) throw new ApiError('MissingParameter', `${name} needs the parameter ResourceId.1.`);
      const resources = await findAllTagged(dependencies, ResourceType, ResourceId);
      const change = changeOf(parameters);
      return {
        access: resources.map((resource) => resource.access(`kms:${name}`)),
        run: async () => {
          await dependencies.store.transact(async (transaction) => {
            for (const resource of resources) await resource.change(transaction, change);
          });
          return {};
        },
      };
    },
  });
}

/** KMS TagResources: tags for up to 50 keys or secrets. Tags of the same key are replaced. */
export function tagResources(dependencies: KmsDependencies): AnyAction {
  const input = z.object({ ResourceType: taggedType(), ResourceId: resourceIds(), Tag: shortTagPairs() });
  return changeAction(
    dependencies,
    'TagResources',
    input,
    ({ Tag }) =>
      (tags) =>
        addTags(tags, Tag),
  );
}

/** KMS UntagResources: removes the tags named, or with `All` every tag. */
export function untagResources(dependencies: KmsDependencies): AnyAction {
  const input = z.object({
    ResourceType: taggedType(),
    ResourceId: resourceIds(),
    TagKey: withDefault(tagKeys(), []),
    All: withDefault(flag(), false),
  });
  return changeAction(dependencies, 'UntagResources', input, ({ TagKey, All }) => {
    if (TagKey.length === 0 && !All) {
      throw new ApiError('MissingParameter', 'UntagResources needs the parameter TagKey.1, or All=true.');
    }
    return (tags) => (TagKey.length === 0 ? {} : removeTags(tags, TagKey));
  });
}
