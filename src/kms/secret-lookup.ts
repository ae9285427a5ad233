import { ApiError } from '../lib/errors.ts';
import type { AccessRequest } from '../policy/decision.ts';
import { relativeName, resourceArn, type Home } from './arn.ts';
import { sharedScope, type KmsDependencies } from './dependencies.ts';
import { findKey, keyAccess } from './key-lookup.ts';
import type { Reader } from './records/record-table.ts';
import { secretTable, type SecretRecord } from './records/secret.ts';

/** What a SecretName parameter led to. */
export interface SecretLookup {
  /** The parameter without the ARN around it. */
  readonly name: string;
  /** Absent when there is no such secret. */
  readonly secret?: SecretRecord;
}

/** Finds the secret that a name or an ARN names. */
export async function findSecret(home: Home, reader: Reader, secretName: string): Promise<SecretLookup> {
  const name = relativeName(home, 'secret', secretName);
  const secret = await secretTable.get(reader, name);
  return secret === undefined ? { name } : { name, secret };
}

/** The permission `action` on what was looked up; an unknown secret is named as the caller named it. */
export function secretAccess(home: Home, action: string, { name, secret }: SecretLookup): AccessRequest {
  return {
    action,
    resource: resourceArn(home, 'secret', name),
    scope: secret?.scope ?? sharedScope,
    ...(secret !== undefined && { tags: secret.tags }),
    ...(secret?.policy !== undefined && { resourcePolicy: secret.policy }),
  };
}

/**
 * The permission `action` on the self-managed key of a secret; none for a secret under the service's own key. The
 * access-point template SecretUser covers it.
 */
export async function secretKeyAccess(
  dependencies: KmsDependencies,
  action: string,
  encryptionKeyId: string | undefined,
): Promise<AccessRequest[]> {
  if (encryptionKeyId === undefined) return [];
  const found = await findKey(dependencies, dependencies.store, encryptionKeyId);
  return [{ ...keyAccess(dependencies, action, found), impliedByAccessPoint: true }];
}

/** The secret as it is now. Throws `Forbidden.ResourceNotFound`, also when another took its name since the lookup. */
export async function loadSecret(reader: Reader, found: SecretLookup): Promise<SecretRecord> {
  const { name } = found;
  const secret = found.secret === undefined ? undefined : await secretTable.get(reader, name);
  if (secret !== undefined && secret.secretId === found.secret?.secretId) return secret;
  throw new ApiError('Forbidden.ResourceNotFound', `There is no secret ${name}. ListSecrets shows those that exist.`);
}

/** Like {@link loadSecret}, and throws `Rejected.ResourceInDeleteWindow` for a secret about to be deleted. */
export async function loadLiveSecret(reader: Reader, found: SecretLookup): Promise<SecretRecord> {
  const secret = await loadSecret(reader, found);
  if (secret.deletion === undefined) return secret;
  throw new ApiError(
    'Rejected.ResourceInDeleteWindow',
    `Secret ${secret.name} is about to be deleted. Keep it with RestoreSecret.`,
  );
}

/** Reads the secret again and changes it in a transaction. It must not be about to be deleted. */
export function changeSecret<T>(
  { store }: Pick<KmsDependencies, 'store'>,
  found: SecretLookup,
  change: (secret: SecretRecord) => T,
): Promise<T> {
  return store.transact(async (transaction) => {
    const secret = await loadLiveSecret(transaction, found);
    const result = change(secret);
    await secretTable.put(transaction, secret.name, secret);
    return result;
  });
}
