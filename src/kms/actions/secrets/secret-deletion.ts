import { z } from 'zod';
import { ApiError } from '../../../lib/errors.ts';
import type { AnyAction } from '../../../ports/action.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import { secretReference } from '../../parameters.ts';
import { plannedDeletion, recoveryParameters } from '../../planned-deletion.ts';
import { secretTable } from '../../records/secret.ts';
import { loadLiveSecret, loadSecret, type SecretLookup } from '../../secret-lookup.ts';
import { removeSecret } from '../../secret-removal.ts';
import { isoSeconds } from '../../time-format.ts';
import { secretAction } from './secret-action.ts';

const input = z.object({
  SecretName: secretReference(),
  ...recoveryParameters(),
});

/** KMS DeleteSecret: after a recovery window, or at once. A window once set is not shortened: restore it first. */
export function deleteSecret(dependencies: KmsDependencies): AnyAction {
  return secretAction(dependencies, {
    name: 'DeleteSecret',
    input,
    run: async (found, { ForceDeleteWithoutRecovery, RecoveryWindowInDays }) => {
      const now = dependencies.clock.now();
      const days = ForceDeleteWithoutRecovery ? 0 : RecoveryWindowInDays;
      const PlannedDeleteTime = isoSeconds(await schedule(dependencies, found, now, days));
      return { PlannedDeleteTime, SecretName: found.name };
    },
  });
}

function schedule(dependencies: KmsDependencies, found: SecretLookup, now: number, days: number): Promise<number> {
  const deletion = plannedDeletion(now, days);
  return dependencies.store.transact(async (transaction) => {
    const secret = await loadLiveSecret(transaction, found);
    if (days === 0) await removeSecret(transaction, secret);
    else await secretTable.put(transaction, secret.name, { ...secret, deletion });
    return deletion.dueTime;
  });
}

/** KMS RestoreSecret: keeps a secret that is about to be deleted. */
export function restoreSecret(dependencies: KmsDependencies): AnyAction {
  return secretAction(dependencies, {
    name: 'RestoreSecret',
    input: z.object({ SecretName: secretReference() }),
    run: async (found) => {
      await dependencies.store.transact(async (transaction) => {
        const secret = await loadSecret(transaction, found);
        if (secret.deletion === undefined) {
          throw new ApiError('Rejected.StateModifiedFailed', `Secret ${secret.name} is not about to be deleted.`);
        }
        delete secret.deletion;
        await secretTable.put(transaction, secret.name, secret);
      });
      return { SecretName: found.name };
    },
  });
}
