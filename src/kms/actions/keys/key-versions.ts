import { z } from 'zod';
import { ApiError } from '../../../lib/errors.ts';
import type { AnyAction } from '../../../ports/action.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import { loadKey, type KeyLookup } from '../../key-lookup.ts';
import { versionFields } from '../../key-version-fields.ts';
import { pageOf, pageParameters } from '../../paging.ts';
import { keyReference, text } from '../../parameters.ts';
import { namedVersion, type KeyRecord } from '../../records/key.ts';
import { keyAction } from './key-action.ts';

/** KMS DescribeKeyVersion. */
export function describeKeyVersion(dependencies: KmsDependencies): AnyAction {
  return keyAction(dependencies, {
    name: 'DescribeKeyVersion',
    input: z.object({ KeyId: keyReference(), KeyVersionId: text({ max: 64 }) }),
    run: async (found, { KeyVersionId }) => {
      const key = await versionedKey(dependencies, found);
      return { KeyVersion: versionFields(key.keyId, namedVersion(key, KeyVersionId)) };
    },
  });
}

/** KMS ListKeyVersions, newest first. */
export function listKeyVersions(dependencies: KmsDependencies): AnyAction {
  return keyAction(dependencies, {
    name: 'ListKeyVersions',
    input: z.object({ KeyId: keyReference(), ...pageParameters(10) }),
    run: async (found, page) => {
      const key = await versionedKey(dependencies, found);
      const { items, fields } = pageOf(key.versions.toReversed(), page);
      return { KeyVersions: { KeyVersion: items.map((version) => versionFields(key.keyId, version)) }, ...fields };
    },
  });
}

/** Versions of an external key are its owner's ("Manage external keys", Precautions). */
async function versionedKey({ store }: KmsDependencies, found: KeyLookup): Promise<KeyRecord> {
  const key = await loadKey(store, found);
  if (key.provider !== 'xki') return key;
  throw new ApiError(
    'UnsupportedOperation',
    `The versions of key ${key.keyId} are managed by the owner of the external key.`,
  );
}
