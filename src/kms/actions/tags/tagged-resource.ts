import { ApiError } from '../../../lib/errors.ts';
import type { AccessRequest } from '../../../policy/decision.ts';
import type { Transaction } from '../../../ports/store.ts';
import { certificateAccess, certificateReference, findCertificate, loadCertificate } from '../../certificate-lookup.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import { findKey, keyAccess, loadKey } from '../../key-lookup.ts';
import { keyReference, optional, secretReference } from '../../parameters.ts';
import { certificateTable } from '../../records/certificate.ts';
import { keyTable } from '../../records/key.ts';
import { secretTable } from '../../records/secret.ts';
import { findSecret, loadLiveSecret, loadSecret, secretAccess } from '../../secret-lookup.ts';
import type { z } from 'zod';

/** Tags of a key, a secret or a certificate. */
export type Tags = Record<string, string>;

/** A key, secret or certificate whose tags somebody asks for. */
export interface TaggedResource {
  /** Its id or name, under the field that responses give it. */
  readonly label: { KeyId: string } | { SecretName: string } | { CertificateId: string };
  access(action: string): AccessRequest;
  read(): Promise<Tags>;
  change(transaction: Transaction, change: (tags: Tags) => Tags): Promise<void>;
}

/** The parameters of which one names the resource. */
export interface NamedResource {
  KeyId?: string | undefined;
  SecretName?: string | undefined;
  CertificateId?: string | undefined;
}

/** The schema of {@link NamedResource}. */
export function resourceParameters(): Record<keyof NamedResource, z.ZodType<string | undefined>> {
  return {
    KeyId: optional(keyReference()),
    SecretName: optional(secretReference()),
    CertificateId: optional(certificateReference()),
  };
}

/** Looks up the one resource that the parameters name. */
export function findTagged(
  dependencies: KmsDependencies,
  { KeyId, SecretName, CertificateId }: NamedResource,
): Promise<TaggedResource> {
  const given = [
    KeyId === undefined ? undefined : taggedKey(dependencies, KeyId),
    SecretName === undefined ? undefined : taggedSecret(dependencies, SecretName),
    CertificateId === undefined ? undefined : taggedCertificate(dependencies, CertificateId),
  ].filter((resource) => resource !== undefined);
  const [only] = given;
  if (only !== undefined && given.length === 1) return only;
  throw new ApiError(
    'MissingParameter',
    'One of the parameters KeyId, SecretName and CertificateId is required, and not more.',
  );
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

/** Looks up a certificate by its id or ARN. */
export async function taggedCertificate(dependencies: KmsDependencies, id: string): Promise<TaggedResource> {
  const found = await findCertificate(dependencies, dependencies.store, id);
  return {
    label: { CertificateId: found.name },
    access: (action) => certificateAccess(dependencies, action, found),
    read: async () => (await loadCertificate(dependencies.store, found)).tags,
    change: async (transaction, change) => {
      const certificate = await loadCertificate(transaction, found);
      await certificateTable.put(transaction, found.name, { ...certificate, tags: change(certificate.tags) });
    },
  };
}
