import { z } from 'zod';
import { defineAction, type AnyAction } from '../../../ports/action.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import { addTags, listTags, removeTags, tagKeys, tagPairs } from '../../tags.ts';
import { findTagged, resourceParameters, type NamedResource, type TaggedResource } from './tagged-resource.ts';

function tagAction<Input extends NamedResource>(
  dependencies: KmsDependencies,
  name: string,
  input: z.ZodType<Input>,
  run: (resource: TaggedResource, input: Input) => Promise<Record<string, unknown>>,
): AnyAction {
  return defineAction<Input>({
    name,
    product: 'Kms',
    input,
    plan: async (parameters) => {
      const resource = await findTagged(dependencies, parameters);
      return { access: [resource.access(`kms:${name}`)], run: () => run(resource, parameters) };
    },
  });
}

/** KMS TagResource, for keys, secrets and certificates. Tags of the same key are replaced. */
export function tagResource(dependencies: KmsDependencies): AnyAction {
  const input = z.object({ ...resourceParameters(), Tags: tagPairs() });
  return tagAction(dependencies, 'TagResource', input, async (resource, { Tags }) => {
    await dependencies.store.transact((transaction) => resource.change(transaction, (tags) => addTags(tags, Tags)));
    return {};
  });
}

/** KMS UntagResource, for keys, secrets and certificates. */
export function untagResource(dependencies: KmsDependencies): AnyAction {
  const input = z.object({ ...resourceParameters(), TagKeys: tagKeys() });
  return tagAction(dependencies, 'UntagResource', input, async (resource, { TagKeys }) => {
    await dependencies.store.transact((transaction) =>
      resource.change(transaction, (tags) => removeTags(tags, TagKeys)),
    );
    return {};
  });
}

/** KMS ListResourceTags, for keys; and, with SecretName or CertificateId, for secrets and certificates. */
export function listResourceTags(dependencies: KmsDependencies): AnyAction {
  const input = z.object(resourceParameters());
  return tagAction(dependencies, 'ListResourceTags', input, async (resource) => {
    const tags = await resource.read();
    return { Tags: { Tag: listTags(tags).map((tag) => ({ ...resource.label, ...tag })) } };
  });
}
