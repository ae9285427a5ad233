import { keySpecs } from '../crypto/key-specs.ts';
import { ApiError } from '../lib/errors.ts';
import { resourceArn } from './arn.ts';
import type { KmsDependencies } from './dependencies.ts';
import { addVersion } from './key-creation.ts';
import { keyTable, placementOf, primaryVersion, stateAt, type KeyRecord } from './records/key.ts';
import { providerOf } from './provider-of-key.ts';

type Dependencies = Pick<KmsDependencies, 'store' | 'providers' | 'clock' | 'ownChanges' | 'region' | 'accountId'>;

/** Whether new material may be made for the key: not for what came from outside, is kept outside, or has one version. */
export function isRotatable(key: KeyRecord): boolean {
  return keySpecs[key.keySpec]?.rotates === true && key.origin === 'Aliyun_KMS' && key.provider !== 'xki';
}

/** When the key is due by its rotation policy, in milliseconds since the Unix epoch; nothing when it has none. */
export function nextRotation(key: KeyRecord): number | undefined {
  const last = primaryVersion(key)?.createTime;
  if (key.rotation?.enabled !== true || last === undefined) return undefined;
  return last + key.rotation.intervalSeconds * 1000;
}

/**
 * Rotates every key that is due and gives their ids; keys that are not enabled wait. Any number of replicas may do it at
 * the same time: one new version comes of it.
 */
export async function rotateDueKeys(
  dependencies: Dependencies,
  onError: (keyId: string, error: unknown) => void,
): Promise<string[]> {
  const rotated: string[] = [];
  for (const { key: keyId, record } of await keyTable.all(dependencies.store)) {
    if (!isDue(record, dependencies.clock.now())) continue;
    try {
      const { version } = await replacePrimary(dependencies, record, isDue);
      if (version !== undefined) rotated.push(keyId);
    } catch (error) {
      onError(keyId, error);
    }
  }
  return rotated;
}

/**
 * Rotates a key whose primary version has no uses left, unless somebody has just done so, and gives the key with a version
 * that has. Throws `Rejected.LimitExceeded` when no new material can be made for it.
 */
export async function rotateWornOut(dependencies: Dependencies, worn: KeyRecord): Promise<KeyRecord> {
  const versionId = primaryVersion(worn)?.id;
  if (!isRotatable(worn)) {
    const message = `Key ${worn.keyId} has encrypted as often as its material may. Create a new key.`;
    throw new ApiError('Rejected.LimitExceeded', message);
  }
  const { key } = await replacePrimary(dependencies, worn, (current) => primaryVersion(current)?.id === versionId);
  return key;
}

function isDue(key: KeyRecord, now: number): boolean {
  const due = nextRotation(key);
  return due !== undefined && due <= now && stateAt(key, now) === 'Enabled' && isRotatable(key);
}

/** Adds a version if the key, as it is when the version is stored, still needs one. */
async function replacePrimary(
  dependencies: Dependencies,
  draft: KeyRecord,
  isNeeded: (key: KeyRecord, now: number) => boolean,
): Promise<{ key: KeyRecord; version?: string }> {
  const material = await providerOf(dependencies, draft).generate(draft.keySpec, placementOf(draft));
  const rotated = await dependencies.store.transact(async (transaction) => {
    const now = dependencies.clock.now();
    const key = await keyTable.get(transaction, draft.keyId);
    if (key === undefined) throw new ApiError('Forbidden.KeyNotFound', `There is no key ${draft.keyId} any more.`);
    if (!isNeeded(key, now)) return { key };
    await addVersion(transaction, key, material, now);
    return { key, version: material.versionId };
  });
  if ('version' in rotated) dependencies.ownChanges.note('RotateKey', [resourceArn(dependencies, 'key', draft.keyId)]);
  return rotated;
}
