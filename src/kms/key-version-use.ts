import { keySpecs } from '../crypto/key-specs.ts';
import { ApiError } from '../lib/errors.ts';
import type { KeyMaterial, KeyProvider } from '../ports/key-provider.ts';
import { materialOf, usableKey, type CryptoDependencies, type KeyUse } from './key-encryption.ts';
import { providerOf } from './provider-of-key.ts';
import type { KeyLookup } from './key-lookup.ts';
import { namedVersion, primaryVersion, type KeyRecord } from './records/key.ts';
import { keyVersionTable } from './records/key-version.ts';

/** One version of a key, ready to work, and the fields of a response that name it. */
export interface UsableVersion {
  readonly key: KeyRecord;
  readonly material: KeyMaterial;
  readonly provider: KeyProvider;
  readonly names: { readonly KeyId: string; readonly KeyVersionId: string };
}

/**
 * Reads a key and the version that the caller names, or its primary one, and makes sure that both may be used so. The state is checked
 * first, then the usage, then the version, as KMS does.
 */
export async function usableVersion(
  dependencies: CryptoDependencies,
  found: KeyLookup,
  versionId: string | undefined,
  use: KeyUse,
): Promise<UsableVersion> {
  const key = await usableKey(dependencies, found, use);
  return versionOf(dependencies, key, versionId ?? primaryVersion(key)?.id ?? '');
}

/** The named version of a key that was already found usable. */
export async function versionOf(
  dependencies: CryptoDependencies,
  key: KeyRecord,
  versionId: string,
): Promise<UsableVersion> {
  const { id } = namedVersion(key, versionId);
  const version = await keyVersionTable.get(dependencies.store, id);
  if (version === undefined) throw new Error(`key ${key.keyId} has no record of its version ${id}`);
  return {
    key,
    material: materialOf(id, version),
    provider: providerOf(dependencies, key),
    names: { KeyId: key.keyId, KeyVersionId: id },
  };
}

/** Throws `InvalidParameter` unless the key's spec has the algorithm for the key's usage. */
export function assertAlgorithm(key: KeyRecord, algorithm: string): void {
  const known = keySpecs[key.keySpec]?.algorithms[key.keyUsage] ?? [];
  if (known.includes(algorithm)) return;
  throw new ApiError(
    'InvalidParameter',
    `The parameter Algorithm must be one of ${known.join(', ')} for key ${key.keyId}.`,
  );
}
