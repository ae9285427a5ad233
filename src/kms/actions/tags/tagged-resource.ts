import { ApiError } from '../../../lib/errors.ts';
import type { AccessRequest } from '../../../policy/decision.ts';
import type { Transaction } from '../../../ports/store.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import { findKey, keyAccess, loadKey } from '../../key-lookup.ts';
import { keyReference, optional, secretReference } from '../../parameters.ts';
import { keyTable } from '../../records/key.ts';
import { secretTable } from '../../records/secret.ts';
import { findSecret, loadLiveSecret, loadSecret, secretAccess } from '../../secret-lookup.ts';
import type { z } from 'zod';

/** Tags of a key or a secret. */
export type Tags = Record<string, string>;

/** A key or secret whose tags somebody asks for. */
export interface TaggedResource {
  /** Its id or name, under the field that responses give it. */
  readonly label: { KeyId: string } | { SecretName: string };
  access(action: string): AccessRequest;
  read(): Promise<Tags>;
  change(transaction: Transaction, change: (tags: Tags) => Tags): Promise<void>;
}

/** The two parameters of which one names the resource. */
export function resourceParameters(): {
  KeyId: z.ZodType<string | undefined>;
  SecretName: z.ZodType<string | undefined>;
} {
  return { KeyId: optional(keyReference()), SecretName: optional(secretReference()) };
}

/** Looks up the one resource that the parameters name. */
export function findTagged(
  dependencies: KmsDependencies,
  { KeyId, SecretName }: { KeyId?: string | undefined; SecretName?: string | undefined },
): Promise<TaggedResource> {
  if (KeyId !== undefined && SecretName === undefined) return taggedKey(dependencies, KeyId);
  if (SecretName !== undefined && KeyId === undefined) return taggedSecret(dependencies, SecretName);
  throw new ApiError('MissingParameter', 'One of the parameters KeyId and SecretName is required, and not both.');
}

/** Looks up a key by its id, alias or ARN. */
export async function taggedKey(dependencies: KmsDependencies, keyId: string): Promise<TaggedResource> {
  const found = await findKey(dependencies, dependencies.store, keyId);
  return {
    label: { KeyId: found.key?.keyId ?? found.name },
    access: (action) => keyAccess(dependencies, action, found),
    read: async () => (await loadKey(dependencies.store, found)).tags,
    change: async (transaction, change) => {
      const key = await loadKey(transaction, found);
      await keyTable.put(transaction, key.keyId, { ...key, tags: change(key.tags) });
    },
  };
}

/** Looks up a secret by its name or ARN. */
export async function taggedSecret(dependencies: KmsDependencies, secretName: string): Promise<TaggedResource> {
  const found = await findSecret(dependencies, dependencies.store, secretName);
  return {
    label: { SecretName: found.name },
    access: (action) => secretAccess(dependencies, action, found),
    read: async () => (await loadSecret(dependencies.store, found)).tags,
    change: async (transaction, change) => {
      const secret = await loadLiveSecret(transaction, found);
      await secretTable.put(transaction, secret.name, { ...secret, tags: change(secret.tags) });
    },
  };
}
