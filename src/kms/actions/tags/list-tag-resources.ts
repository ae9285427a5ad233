import { z } from 'zod';
import { ApiError } from '../../../lib/errors.ts';
import type { AccessRequest } from '../../../policy/decision.ts';
import { defineAction, type AnyAction } from '../../../ports/action.ts';
import { containerArn } from '../../arn.ts';
import { sharedScope, type KmsDependencies } from '../../dependencies.ts';
import { json, optional, text, withDefault } from '../../parameters.ts';
import { keyTable } from '../../records/key.ts';
import { secretTable } from '../../records/secret.ts';
import { listTags, type TagPair } from '../../tags.ts';
import type { TaggedResource, Tags } from './tagged-resource.ts';
import { findAllTagged, resourceIds, taggedType, type TaggedType } from './tag-resources.ts';

const name = 'ListTagResources';
const pageSize = 100;
const maxFilters = 20;

const filter = z.object({ Key: z.string().min(1).max(128), Value: z.string().max(128).optional() });
type Filter = z.infer<typeof filter>;

interface Input {
  ResourceType: TaggedType;
  ResourceId: string[];
  Tag: Filter[];
  NextToken?: string | undefined;
}

const input: z.ZodType<Input> = z.object({
  ResourceType: taggedType(),
  ResourceId: withDefault(resourceIds(), []),
  Tag: withDefault(json(z.array(filter).max(maxFilters), `a list of at most ${maxFilters} {"Key","Value"}`), []),
  NextToken: optional(text({ max: 1024 })),
});

interface Tagged {
  id: string;
  tags: Tags;
}

/**
 * KMS ListTagResources: the tags of the resources named, or of all of a type; with `Tag`, of those that have every tag
 * given. 100 tags at most at once; `NextToken` goes on after them.
 */
export function listTagResources(dependencies: KmsDependencies): AnyAction {
  return defineAction<Input>({
    name,
    product: 'Kms',
    input,
    plan: async (parameters) => {
      const { ResourceType, ResourceId } = parameters;
      const named = await findAllTagged(dependencies, ResourceType, ResourceId);
      return {
        access: ResourceId.length === 0 ? [wholeType(dependencies, ResourceType)] : named.map(accessOf),
        run: async () => {
          const all = ResourceId.length === 0 ? await readAll(dependencies, ResourceType) : await readNamed(named);
          return pageOf(parameters, all);
        },
      };
    },
  });
}

function accessOf(resource: TaggedResource): AccessRequest {
  return resource.access(`kms:${name}`);
}

function wholeType(dependencies: KmsDependencies, type: TaggedType): AccessRequest {
  return { action: `kms:${name}`, resource: containerArn(dependencies, type), scope: sharedScope };
}

async function readAll({ store }: KmsDependencies, type: TaggedType): Promise<Tagged[]> {
  if (type === 'key') return (await keyTable.all(store)).map(({ record }) => ({ id: record.keyId, tags: record.tags }));
  return (await secretTable.all(store)).map(({ record }) => ({ id: record.name, tags: record.tags }));
}

async function readNamed(resources: readonly TaggedResource[]): Promise<Tagged[]> {
  const read = await Promise.all(
    resources.map(async (resource) => ({ id: idOf(resource), tags: await resource.read() })),
  );
  return [...new Map(read.map((resource) => [resource.id, resource])).values()];
}

function idOf({ label }: TaggedResource): string {
  return Object.values(label)[0] ?? '';
}

function matches(tags: Tags, asked: readonly Filter[]): boolean {
  return asked.every(
    ({ Key, Value }) => Object.hasOwn(tags, Key) && (Value === undefined || Value === '' || tags[Key] === Value),
  );
}

/** Where a tag stands in the list: its resource, then its key. No id and no key holds a NUL. */
function positionOf({ ResourceId, TagKey }: TagPair & { ResourceId: string }): string {
  return `${ResourceId}\0${TagKey}`;
}

function pageOf({ ResourceType, Tag, NextToken }: Input, resources: readonly Tagged[]): Record<string, unknown> {
  const after = NextToken === undefined ? '' : Buffer.from(NextToken, 'base64url').toString('utf8');
  if (NextToken !== undefined && !after.includes('\0')) {
    throw new ApiError(
      'InvalidParameter',
      'The parameter NextToken is not valid. Send it as the answer before gave it.',
    );
  }
  const rows = resources
    .filter(({ tags }) => matches(tags, Tag))
    .flatMap(({ id, tags }) => listTags(tags).map((tag) => ({ ResourceId: id, ResourceType, ...tag })))
    .map((row) => ({ row, position: positionOf(row) }))
    .filter(({ position }) => position > after)
    .toSorted((a, b) => (a.position < b.position ? -1 : 1));
  const page = rows.slice(0, pageSize);
  const last = rows.length > pageSize ? page.at(-1)?.position : undefined;
  return {
    NextToken: last === undefined ? '' : Buffer.from(last, 'utf8').toString('base64url'),
    TagResources: { TagResource: page.map(({ row }) => row) },
  };
}
