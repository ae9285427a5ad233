import type { KmsDependencies } from './dependencies.ts';
import { certificateKeyTable } from './records/certificate.ts';
import { keyTable, type KeyRecord } from './records/key.ts';
import { keyVersionTable } from './records/key-version.ts';

/** Drops what the key's provider has cached of its versions. */
export function forgetKey({ providers }: Pick<KmsDependencies, 'providers'>, key: KeyRecord): void {
  for (const { id } of key.versions) providers[key.provider]?.forget(id);
}

/**
 * Follows the store and drops cached material as soon as a key is disabled, about to be deleted, or gone, on whichever
 * replica that was decided. Gives the stop. `onError` learns when a change could not be read.
 *
 * Nothing depends on it but memory: every operation reads the key's state for itself.
 */
export function forgetUnusableKeys(
  dependencies: Pick<KmsDependencies, 'providers' | 'store'>,
  onError: (error: unknown) => void,
): () => void {
  const { providers, store } = dependencies;
  const forgetUnlessEnabled = async (keyId: string): Promise<void> => {
    const key = await keyTable.get(store, keyId);
    if (key !== undefined && key.state !== 'Enabled') forgetKey(dependencies, key);
  };
  return store.watch((changes) => {
    for (const { bucket, key, deleted } of changes) {
      if (bucket === keyTable.bucket && !deleted) forgetUnlessEnabled(key).catch(onError);
      if (deleted && (bucket === keyVersionTable.bucket || bucket === certificateKeyTable.bucket)) {
        for (const provider of Object.values(providers)) provider.forget(key);
      }
    }
  });
}
