import { z } from 'zod';
import { ApiError } from '../lib/errors.ts';
import { json, textList } from './parameters.ts';

/** A tag as the API writes it. */
export interface TagPair {
  TagKey: string;
  TagValue: string;
}

const maxTags = 20;
const maxLength = 128;
const shape = `a JSON list of at most ${maxTags} {"TagKey","TagValue"}, each of at most ${maxLength} characters`;

const tagKey = z
  .string()
  .min(1)
  .max(maxLength)
  .refine((key) => !/^(aliyun|acs:)/.test(key));
const tagValue = z.string().max(maxLength);

const pair = z.object({ TagKey: tagKey, TagValue: tagValue });

const shortPair = z
  .object({ Key: tagKey, Value: tagValue.default('') })
  .transform(({ Key, Value }) => ({ TagKey: Key, TagValue: Value }));

/** `Tags`: `[{"TagKey":"team","TagValue":"shop"}]`. Keys may not begin with `aliyun` or `acs:`. */
export function tagPairs(): z.ZodType<TagPair[]> {
  return json(z.array(pair).max(maxTags), `${shape}; keys do not begin with aliyun or acs:`);
}

/** `Tag`: `[{"Key":"team","Value":"shop"}]`, as TagResources writes it (`Tag.1.Key=team`). */
export function shortTagPairs(): z.ZodType<TagPair[]> {
  const allowed = `1 to ${maxTags} {"Key","Value"}, each of at most ${maxLength} characters`;
  return json(z.array(shortPair).min(1).max(maxTags), `${allowed}; keys do not begin with aliyun or acs:`);
}

/** `TagKeys`: `["team"]`. */
export function tagKeys(): z.ZodType<string[]> {
  return textList({ max: maxLength }, maxTags, 'a JSON list of tag keys, such as ["team"]');
}

/** The tags with `added` put over them. Throws `Rejected.LimitExceeded` over 20. */
export function addTags(tags: Readonly<Record<string, string>>, added: readonly TagPair[]): Record<string, string> {
  const all = new Map(Object.entries(tags));
  for (const { TagKey, TagValue } of added) all.set(TagKey, TagValue);
  if (all.size > maxTags) {
    throw new ApiError('Rejected.LimitExceeded', `A resource has at most ${maxTags} tags. Remove some first.`);
  }
  return Object.fromEntries(all);
}

/** The tags without `keys`. */
export function removeTags(tags: Readonly<Record<string, string>>, keys: readonly string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(tags).filter(([key]) => !keys.includes(key)));
}

/** Tags as list responses show them. */
export function listTags(tags: Readonly<Record<string, string>>): TagPair[] {
  return Object.entries(tags).map(([TagKey, TagValue]) => ({ TagKey, TagValue }));
}
