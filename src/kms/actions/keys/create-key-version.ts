import { z } from 'zod';
import { ApiError } from '../../../lib/errors.ts';
import type { AnyAction } from '../../../ports/action.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import { addVersion } from '../../key-creation.ts';
import { providerOf } from '../../provider-of-key.ts';
import { loadKey } from '../../key-lookup.ts';
import { isRotatable } from '../../key-rotation.ts';
import { assertKeyState } from '../../key-state.ts';
import { versionFields } from '../../key-version-fields.ts';
import { keyReference } from '../../parameters.ts';
import { placementOf, primaryVersion, type KeyRecord } from '../../records/key.ts';
import { keyAction } from './key-action.ts';

const maxVersions = 50;
const minAgeMs = 7 * 86_400_000;

/** KMS CreateKeyVersion: rotates by hand. At most every seven days, and 50 versions in all. */
export function createKeyVersion(dependencies: KmsDependencies): AnyAction {
  return keyAction(dependencies, {
    name: 'CreateKeyVersion',
    input: z.object({ KeyId: keyReference() }),
    run: async (found) => {
      const now = dependencies.clock.now();
      const draft = await loadKey(dependencies.store, found);
      assertMayRotate(draft, now);
      const material = await providerOf(dependencies, draft).generate(draft.keySpec, placementOf(draft));
      return dependencies.store.transact(async (transaction) => {
        const key = await loadKey(transaction, found);
        assertMayRotate(key, now);
        await addVersion(transaction, key, material, now);
        return { KeyVersion: versionFields(key.keyId, { id: material.versionId, createTime: now }) };
      });
    },
  });
}

function assertMayRotate(key: KeyRecord, now: number): void {
  assertKeyState(key, now, 'newVersion');
  if (!isRotatable(key)) {
    throw new ApiError(
      'UnsupportedOperation',
      `Key ${key.keyId} cannot be rotated. Create a new key and move its alias.`,
    );
  }
  if (key.versions.length >= maxVersions) {
    throw new ApiError(
      'Rejected.LimitExceeded',
      `Key ${key.keyId} has ${maxVersions} versions already. Create a new key.`,
    );
  }
  if (now - (primaryVersion(key)?.createTime ?? 0) < minAgeMs) {
    throw new ApiError(
      'Rejected.LimitExceeded',
      `The newest version of key ${key.keyId} is younger than seven days. Wait.`,
    );
  }
}
