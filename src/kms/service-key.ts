import { defaultKeySpec } from '../crypto/key-specs.ts';
import { ApiError } from '../lib/errors.ts';
import type { KmsDependencies } from './dependencies.ts';
import { providerOfScope } from './instance.ts';
import { addVersion, newKeyId } from './key-creation.ts';
import { providerOf } from './provider-of-key.ts';
import { keyTable, placementOf, type KeyRecord } from './records/key.ts';
import type { Reader } from './records/record-table.ts';
import { serviceKeyTable } from './records/service-key.ts';

const creator = 'service';

/** Whether the service made the key for itself. */
export function isServiceKey(key: KeyRecord): boolean {
  return key.creator === creator;
}

/** Ids of the keys that the service made for itself: one of a scope at most. */
export async function serviceKeyIds(reader: Reader): Promise<Set<string>> {
  return new Set((await serviceKeyTable.all(reader)).map(({ record }) => record.keyId));
}

/** Refuses to disable or delete a key on which every secret without a key of its own depends. */
export function assertNotServiceKey(key: KeyRecord): void {
  if (!isServiceKey(key)) return;
  throw new ApiError('UnsupportedOperation', `Key ${key.keyId} is kept by the service for secrets and stays enabled.`);
}

/** The service's key of a scope; made when the first secret needs it. */
export async function serviceKey(dependencies: KmsDependencies, scope: string): Promise<KeyRecord> {
  const existing = await serviceKeyTable.get(dependencies.store, scope);
  const key = existing === undefined ? undefined : await keyTable.get(dependencies.store, existing.keyId);
  return key ?? createServiceKey(dependencies, scope);
}

async function createServiceKey(dependencies: KmsDependencies, scope: string): Promise<KeyRecord> {
  const draft = draftKey(dependencies, scope);
  const material = await providerOf(dependencies, draft).generate(draft.keySpec, placementOf(draft));
  return dependencies.store.transact(async (transaction) => {
    const earlier = await serviceKeyTable.get(transaction, scope);
    const earlierKey = earlier === undefined ? undefined : await keyTable.get(transaction, earlier.keyId);
    if (earlierKey !== undefined) return earlierKey;
    const key = { ...draft, versions: [] };
    await addVersion(transaction, key, material, key.createTime);
    await serviceKeyTable.put(transaction, scope, { keyId: key.keyId });
    return key;
  });
}

function draftKey(dependencies: KmsDependencies, scope: string): KeyRecord {
  const provider = providerOfScope(dependencies, scope);
  return {
    keyId: newKeyId(dependencies, scope),
    scope,
    provider,
    keySpec: defaultKeySpec,
    keyUsage: 'ENCRYPT/DECRYPT',
    origin: 'Aliyun_KMS',
    protectionLevel: provider === 'pkcs11' ? 'HSM' : 'SOFTWARE',
    state: 'Enabled',
    description: 'Encrypts secrets that have no key of their own.',
    creator,
    createTime: dependencies.clock.now(),
    versions: [],
    tags: {},
  };
}
