import type { ProviderKind } from '../crypto/key-specs.ts';
import { ApiError } from '../lib/errors.ts';
import { sharedScope, type InstanceType, type KmsDependencies } from './dependencies.ts';

/** Kind of provider that holds the keys of an instance. */
export const instanceProviders: Readonly<Record<InstanceType, ProviderKind>> = {
  Software: 'software',
  Hardware: 'pkcs11',
  External: 'xki',
};

/**
 * The provider of new keys in a scope. Throws `InvalidParameter`, naming
 * the parameter, for an instance that does not exist.
 */
export function providerOfScope(
  { instances }: Pick<KmsDependencies, 'instances'>,
  scope: string,
  parameter = 'DKMSInstanceId',
): ProviderKind {
  if (scope === sharedScope) return 'software';
  const instance = instances.find(({ id }) => id === scope);
  if (instance !== undefined) return instanceProviders[instance.type];
  throw new ApiError(
    'InvalidParameter',
    `The parameter ${parameter} names no KMS instance. ListKmsInstances shows those that exist; leave it out for the shared one.`,
  );
}
