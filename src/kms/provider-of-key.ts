import { ApiError } from '../lib/errors.ts';
import type { KeyProvider } from '../ports/key-provider.ts';
import type { KmsDependencies } from './dependencies.ts';
import type { KeyRecord } from './records/key.ts';

/** The provider of a key. Throws `Rejected.Unavailable` when this installation runs none of its kind. */
export function providerOf({ providers }: Pick<KmsDependencies, 'providers'>, key: KeyRecord): KeyProvider {
  const provider = providers[key.provider];
  if (provider !== undefined) return provider;
  throw new ApiError(
    'Rejected.Unavailable',
    `Key ${key.keyId} lives in a provider of kind ${key.provider}, which this service is not configured with.`,
  );
}
