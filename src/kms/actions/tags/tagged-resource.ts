import { ApiError } from '../../../lib/errors.ts';
import type { AccessRequest } from '../../../policy/decision.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import { changeKey, findKey, keyAccess, loadKey } from '../../key-lookup.ts';
import { keyReference, optional, secretReference } from '../../parameters.ts';
import { changeSecret, findSecret, loadSecret, secretAccess } from '../../secret-lookup.ts';
import type { z } from 'zod';

/** Tags of a key or a secret. */
export type Tags = Record<string, string>;

/** A key or secret whose tags somebody asks for. */
export interface TaggedResource {
  /** Its id or name, under the field that responses give it. */
  readonly label: { KeyId: string } | { SecretName: string };
  access(action: string): AccessRequest;
  read(): Promise<Tags>;
  change(change: (tags: Tags) => Tags): Promise<void>;
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

async function taggedKey(dependencies: KmsDependencies, keyId: string): Promise<TaggedResource> {
  const found = await findKey(dependencies, dependencies.store, keyId);
  return {
    label: { KeyId: found.key?.keyId ?? found.name },
    access: (action) => keyAccess(dependencies, action, found),
    read: async () => (await loadKey(dependencies.store, found)).tags,
    change: (change) =>
      changeKey(dependencies, found, (key) => {
        key.tags = change(key.tags);
      }),
  };
}

async function taggedSecret(dependencies: KmsDependencies, secretName: string): Promise<TaggedResource> {
  const found = await findSecret(dependencies, dependencies.store, secretName);
  return {
    label: { SecretName: found.name },
    access: (action) => secretAccess(dependencies, action, found),
    read: async () => (await loadSecret(dependencies.store, found)).tags,
    change: (change) =>
      changeSecret(dependencies, found, (secret) => {
        secret.tags = change(secret.tags);
      }),
  };
}
