import { z } from 'zod';
import { ApiError } from '../../../lib/errors.ts';
import type { AnyAction } from '../../../ports/action.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import { forgetKey } from '../../forget.ts';
import { changeKey } from '../../key-lookup.ts';
import { assertKeyState } from '../../key-state.ts';
import { integer, keyReference } from '../../parameters.ts';
import { plannedDeletion } from '../../planned-deletion.ts';
import { hasMaterial, type KeyRecord } from '../../records/key.ts';
import { assertNotServiceKey } from '../../service-key.ts';
import { keyAction } from './key-action.ts';

/** KMS ScheduleKeyDeletion. A window once set is never shortened: the state PendingDeletion refuses a second call. */
export function scheduleKeyDeletion(dependencies: KmsDependencies): AnyAction {
  return keyAction(dependencies, {
    name: 'ScheduleKeyDeletion',
    input: z.object({ KeyId: keyReference(), PendingWindowInDays: integer(7, 366) }),
    run: async (found, { PendingWindowInDays }) => {
      const deletion = plannedDeletion(dependencies.clock.now(), PendingWindowInDays);
      const key = await changeKey(dependencies, found, (record) => {
        assertNotServiceKey(record);
        assertKeyState(record, dependencies.clock.now(), 'scheduleDeletion');
        assertUnprotected(record);
        record.state = 'PendingDeletion';
        record.deletion = deletion;
        return record;
      });
      forgetKey(dependencies, key);
      return {};
    },
  });
}

/** KMS CancelKeyDeletion. The key is enabled afterwards, or waits for its material. */
export function cancelKeyDeletion(dependencies: KmsDependencies): AnyAction {
  return keyAction(dependencies, {
    name: 'CancelKeyDeletion',
    input: z.object({ KeyId: keyReference() }),
    run: async (found) => {
      const now = dependencies.clock.now();
      await changeKey(dependencies, found, (key) => {
        assertKeyState(key, now, 'cancelDeletion');
        key.state = hasMaterial(key, now) ? 'Enabled' : 'PendingImport';
        delete key.deletion;
      });
      return {};
    },
  });
}

function assertUnprotected(key: KeyRecord): void {
  if (key.deletionProtection === undefined) return;
  throw new ApiError(
    'Rejected.StateModifiedFailed',
    `Key ${key.keyId} is protected from deletion. Turn that off with SetDeletionProtection first.`,
  );
}
