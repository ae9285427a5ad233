import { ApiError } from '../lib/errors.ts';
import type { AccessRequest } from '../policy/decision.ts';
import { resourceArn, type Home } from './arn.ts';
import { sharedScope, type KmsDependencies } from './dependencies.ts';
import { findKey, keyAccess } from './key-lookup.ts';
import { dataKeyTable, type DataKeyRecord } from './records/data-key.ts';
import type { Reader } from './records/record-table.ts';

/** What a DataKeyName parameter led to. */
export interface DataKeyLookup {
  readonly name: string;
  /** Absent when there is no such data key. */
  readonly dataKey?: DataKeyRecord;
}

/** Finds the managed data key of that name. */
export async function findDataKey(reader: Reader, name: string): Promise<DataKeyLookup> {
  const dataKey = await dataKeyTable.get(reader, name);
  return dataKey === undefined ? { name } : { name, dataKey };
}

/** The permission `action` on what was looked up. */
export function dataKeyAccess(home: Home, action: string, { name, dataKey }: DataKeyLookup): AccessRequest {
  return { action, resource: resourceArn(home, 'datakey', name), scope: dataKey?.scope ?? sharedScope };
}

/** The permission `action` on the protecting key; none when there is no such data key. */
export async function protectingKeyAccess(
  dependencies: KmsDependencies,
  action: string,
  { dataKey }: DataKeyLookup,
): Promise<AccessRequest[]> {
  if (dataKey === undefined) return [];
  return [keyAccess(dependencies, action, await findKey(dependencies, dependencies.store, dataKey.keyId))];
}

/** The data key as it is now. Throws `Forbidden.ResourceNotFound`, also when another took its name since the lookup. */
export async function loadDataKey(reader: Reader, { name, dataKey }: DataKeyLookup): Promise<DataKeyRecord> {
  const current = dataKey === undefined ? undefined : await dataKeyTable.get(reader, name);
  if (current !== undefined && current.dataKeyId === dataKey?.dataKeyId) return current;
  const message = `There is no managed data key ${name}. ListManagedDataKeys shows those that exist.`;
  throw new ApiError('Forbidden.ResourceNotFound', message);
}

/** Like {@link loadDataKey}, and throws `Rejected.ResourceInDeleteWindow` for a data key about to be deleted. */
export async function loadLiveDataKey(reader: Reader, found: DataKeyLookup): Promise<DataKeyRecord> {
  const dataKey = await loadDataKey(reader, found);
  if (dataKey.deletion === undefined) return dataKey;
  const message = `Managed data key ${dataKey.name} is about to be deleted. Keep it with RestoreManagedDataKey.`;
  throw new ApiError('Rejected.ResourceInDeleteWindow', message);
}
