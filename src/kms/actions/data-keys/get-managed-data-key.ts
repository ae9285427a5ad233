import { z } from 'zod';
import { ApiError } from '../../../lib/errors.ts';
import type { AnyAction } from '../../../ports/action.ts';
import { loadLiveDataKey } from '../../data-key-lookup.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import { flag, optional, text, withDefault } from '../../parameters.ts';
import type { DataKeyRecord, DataKeyVersion } from '../../records/data-key.ts';
import { dataKeyAction, dataKeyName } from './data-key-action.ts';
import { openDataKeyVersion, versionNames } from './data-key-version.ts';

const input = z.object({
  DataKeyName: dataKeyName(),
  DataKeyVersionId: optional(text({ max: 64, pattern: /^[A-Za-z0-9]+$/, allowed: '1 to 64 letters or digits' })),
  UseLatest: withDefault(flag(), false),
});
type Input = z.infer<typeof input>;

/** KMS GetManagedDataKey: the version that is named, else the last one with `UseLatest`, else the first. */
export function getManagedDataKey(dependencies: KmsDependencies): AnyAction {
  return dataKeyAction(dependencies, {
    name: 'GetManagedDataKey',
    input,
    keyAction: 'kms:Decrypt',
    run: async (found, parameters) => {
      const dataKey = await loadLiveDataKey(dependencies.store, found);
      const version = chooseVersion(dataKey, parameters);
      const Plaintext = await openDataKeyVersion(dependencies, dataKey, version);
      return { ...versionNames(dataKey.name, version), Plaintext };
    },
  });
}

function chooseVersion({ name, versions }: DataKeyRecord, { DataKeyVersionId, UseLatest }: Input): DataKeyVersion {
  const version =
    DataKeyVersionId === undefined
      ? versions.at(UseLatest ? -1 : 0)
      : versions.find(({ id }) => id === DataKeyVersionId);
  if (version !== undefined) return version;
  const message = `Managed data key ${name} has no such version. ListManagedDataKeyVersions shows those that exist.`;
  throw new ApiError('Forbidden.ResourceNotFound', message);
}
