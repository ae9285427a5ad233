import { ApiError } from '../lib/errors.ts';
import type { AccessRequest } from '../policy/decision.ts';
import { relativeName, resourceArn, type Home } from './arn.ts';
import { sharedScope, type KmsDependencies } from './dependencies.ts';
import { aliasTable } from './records/alias.ts';
import { keyTable, type KeyRecord } from './records/key.ts';
import type { Reader } from './records/record-table.ts';

/** What a KeyId parameter led to. */
export interface KeyLookup {
  /** The parameter without the ARN around it: an id, or an alias with its `alias/`. */
  readonly name: string;
  /** Absent when there is no such key. */
  readonly key?: KeyRecord;
}

/** Finds the key that an id, an alias or an ARN of either names, once: an alias moved later changes nothing. */
export async function findKey(home: Home, reader: Reader, keyId: string): Promise<KeyLookup> {
  const name = relativeName(home, 'key', keyId);
  const id = name.startsWith('alias/') ? (await aliasTable.get(reader, name))?.keyId : name;
  const key = id === undefined ? undefined : await keyTable.get(reader, id);
  return key === undefined ? { name } : { name, key };
}

/** The permission `action` on what was looked up; an unknown key is named as the caller named it. */
export function keyAccess(home: Home, action: string, found: KeyLookup): AccessRequest {
  const { key } = found;
  if (key === undefined) return { action, resource: resourceArn(home, 'key', found.name), scope: sharedScope };
  return {
    action,
    resource: resourceArn(home, 'key', key.keyId),
    scope: key.scope,
    tags: key.tags,
    ...(key.policy !== undefined && { resourcePolicy: key.policy }),
  };
}

/** The key as it is now. Throws the "not found" error that fits what the caller named. */
export async function loadKey(reader: Reader, found: KeyLookup): Promise<KeyRecord> {
  const key = found.key === undefined ? undefined : await keyTable.get(reader, found.key.keyId);
  if (key === undefined) throw keyNotFound(found.name);
  return key;
}

/** Reads the key again and changes it in a transaction. */
export function changeKey<T>(
  { store }: Pick<KmsDependencies, 'store'>,
  found: KeyLookup,
  change: (key: KeyRecord) => T,
): Promise<T> {
  return store.transact(async (transaction) => {
    const key = await loadKey(transaction, found);
    const result = change(key);
    await keyTable.put(transaction, key.keyId, key);
    return result;
  });
}

function keyNotFound(name: string): ApiError {
  return name.startsWith('alias/')
    ? new ApiError('Forbidden.AliasNotFound', `There is no alias ${name}. ListAliases shows those that exist.`)
    : new ApiError('Forbidden.KeyNotFound', `There is no key ${name}. ListKeys shows those that exist.`);
}
