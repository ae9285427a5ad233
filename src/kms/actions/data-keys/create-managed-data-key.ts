import { z } from 'zod';
import { uuidV4 } from '../../../crypto/uuid.ts';
import { ApiError } from '../../../lib/errors.ts';
import { defineAction, type AnyAction } from '../../../ports/action.ts';
import { containerArn } from '../../arn.ts';
import { loadLiveDataKey, type DataKeyLookup } from '../../data-key-lookup.ts';
import { sharedScope, type KmsDependencies } from '../../dependencies.ts';
import { findKey, keyAccess, loadKey, type KeyLookup } from '../../key-lookup.ts';
import { dataKeyTable, type DataKeyRecord, type DataKeyVersion } from '../../records/data-key.ts';
import type { Reader } from '../../records/record-table.ts';
import { dataKeyInput, dataKeyLength } from '../crypto/generate-data-key.ts';
import { dataKeyAction, dataKeyName } from './data-key-action.ts';
import { makeDataKeyVersion, versionNames } from './data-key-version.ts';

const maxVersions = 100;

const input = dataKeyInput
  .pick({ KeyId: true, KeySpec: true, NumberOfBytes: true })
  .extend({ DataKeyName: dataKeyName() });
type Input = z.infer<typeof input>;

/**
 * `CreateManagedDataKey`, an action of Kaap's own: a data key that is kept here, encrypted under a key of KMS, for
 * GetManagedDataKey. Alibaba Cloud documents how one is read, and not how it is made.
 */
export function createManagedDataKey(dependencies: KmsDependencies): AnyAction {
  return defineAction<Input>({
    name: 'CreateManagedDataKey',
    product: 'Kms',
    input,
    plan: async (parameters) => {
      const key = await findKey(dependencies, dependencies.store, parameters.KeyId);
      const scope = key.key?.scope ?? sharedScope;
      return {
        access: [
          { action: 'kms:CreateManagedDataKey', resource: containerArn(dependencies, 'datakey'), scope },
          keyAccess(dependencies, 'kms:GenerateDataKey', key),
        ],
        run: () => create(dependencies, parameters, key),
      };
    },
  });
}

async function create(
  dependencies: KmsDependencies,
  parameters: Input,
  found: KeyLookup,
): Promise<Record<string, unknown>> {
  const { store, random } = dependencies;
  const { keyId, scope } = await loadKey(store, found);
  const name = parameters.DataKeyName;
  await assertFree(store, name);
  const draft = { name, numberOfBytes: dataKeyLength(parameters), versions: [] };
  const version = await makeDataKeyVersion(dependencies, found, draft);
  const createTime = version.createTime;
  const dataKey = { ...draft, dataKeyId: uuidV4(random), scope, keyId, createTime, versions: [version] };
  await store.transact(async (transaction) => {
    await assertFree(transaction, name);
    await dataKeyTable.put(transaction, name, dataKey);
  });
  return { KeyId: keyId, ...versionNames(name, version) };
}

async function assertFree(reader: Reader, name: string): Promise<void> {
  const existing = await dataKeyTable.get(reader, name);
  if (existing === undefined) return;
  if (existing.deletion === undefined) {
    const message = `Managed data key ${name} exists already. Rotate it with CreateManagedDataKeyVersion.`;
    throw new ApiError('Rejected.ResourceExist', message);
  }
  const message = `Managed data key ${name} is about to be deleted. Keep it with RestoreManagedDataKey, or use another name.`;
  throw new ApiError('Rejected.ResourceInDeleteWindow', message);
}

/** `CreateManagedDataKeyVersion`, an action of Kaap's own: a new version beside those that are there, which stay readable. */
export function createManagedDataKeyVersion(dependencies: KmsDependencies): AnyAction {
  return dataKeyAction(dependencies, {
    name: 'CreateManagedDataKeyVersion',
    input: z.object({ DataKeyName: dataKeyName() }),
    keyAction: 'kms:GenerateDataKey',
    run: async (found) => {
      const draft = await loadLiveDataKey(dependencies.store, found);
      assertRoom(draft);
      const key = await findKey(dependencies, dependencies.store, draft.keyId);
      const version = await makeDataKeyVersion(dependencies, key, draft);
      await add(dependencies, found, version);
      return versionNames(found.name, version);
    },
  });
}

function add({ store }: KmsDependencies, found: DataKeyLookup, version: DataKeyVersion): Promise<void> {
  return store.transact(async (transaction) => {
    const dataKey = await loadLiveDataKey(transaction, found);
    assertRoom(dataKey);
    dataKey.versions.push(version);
    await dataKeyTable.put(transaction, dataKey.name, dataKey);
  });
}

function assertRoom({ name, versions }: DataKeyRecord): void {
  if (versions.length < maxVersions) return;
  const message = `Managed data key ${name} has ${maxVersions} versions already. Create a new data key.`;
  throw new ApiError('Rejected.LimitExceeded', message);
}
