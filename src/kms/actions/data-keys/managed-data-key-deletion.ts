import { z } from 'zod';
import { ApiError } from '../../../lib/errors.ts';
import type { AnyAction } from '../../../ports/action.ts';
import { buryDataKey } from '../../burial.ts';
import { loadDataKey, loadLiveDataKey } from '../../data-key-lookup.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import { plannedDeletion, recoveryParameters } from '../../planned-deletion.ts';
import { dataKeyTable } from '../../records/data-key.ts';
import { isoSeconds } from '../../time-format.ts';
import { dataKeyAction, dataKeyName } from './data-key-action.ts';

/**
 * `DeleteManagedDataKey`, an action of Kaap's own: as DeleteSecret, after a recovery window or at once. What its versions have
 * encrypted can never be read again.
 */
export function deleteManagedDataKey(dependencies: KmsDependencies): AnyAction {
  const { store, clock } = dependencies;
  return dataKeyAction(dependencies, {
    name: 'DeleteManagedDataKey',
    input: z.object({ DataKeyName: dataKeyName(), ...recoveryParameters() }),
    run: async (found, { ForceDeleteWithoutRecovery, RecoveryWindowInDays }) => {
      const now = clock.now();
      const deletion = plannedDeletion(now, ForceDeleteWithoutRecovery ? 0 : RecoveryWindowInDays);
      await store.transact(async (transaction) => {
        const dataKey = await loadLiveDataKey(transaction, found);
        if (ForceDeleteWithoutRecovery) await buryDataKey(transaction, dataKey, now);
        else await dataKeyTable.put(transaction, dataKey.name, { ...dataKey, deletion });
      });
      return { DataKeyName: found.name, PlannedDeleteTime: isoSeconds(deletion.dueTime) };
    },
  });
}

/** `RestoreManagedDataKey`, an action of Kaap's own: keeps a data key that is about to be deleted. */
export function restoreManagedDataKey(dependencies: KmsDependencies): AnyAction {
  return dataKeyAction(dependencies, {
    name: 'RestoreManagedDataKey',
    input: z.object({ DataKeyName: dataKeyName() }),
    run: async (found) => {
      await dependencies.store.transact(async (transaction) => {
        const { deletion, ...dataKey } = await loadDataKey(transaction, found);
        if (deletion === undefined) {
          const message = `Managed data key ${dataKey.name} is not about to be deleted.`;
          throw new ApiError('Rejected.StateModifiedFailed', message);
        }
        await dataKeyTable.put(transaction, dataKey.name, dataKey);
      });
      return { DataKeyName: found.name };
    },
  });
}
