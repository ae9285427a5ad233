import { z } from 'zod';
import { ApiError } from '../../../lib/errors.ts';
import type { AnyAction } from '../../../ports/action.ts';
import { resourceArn } from '../../arn.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import { secretReference } from '../../parameters.ts';
import { rotationCountTable } from '../../records/rotation-count.ts';
import { loadLiveSecret } from '../../secret-lookup.ts';
import { versionId } from '../../secret-parameters.ts';
import { rotateSecret, rotatorOf } from '../../secret-rotator.ts';
import { secretAction } from './secret-action.ts';

const hourMs = 3_600_000;
/** KMS RotateSecret: at most that many an hour for an account. */
const maxPerHour = 50;
const accountKey = 'account';

/**
 * KMS RotateSecret: at once, also when automatic rotation is off. The version id makes it idempotent: a version that is there
 * already is the answer.
 */
export function rotateSecretAction(dependencies: KmsDependencies): AnyAction {
  return secretAction(dependencies, {
    name: 'RotateSecret',
    input: z.object({ SecretName: secretReference(), VersionId: versionId() }),
    run: async (found, { VersionId }, { signal }) => {
      const secret = await loadLiveSecret(dependencies.store, found);
      rotatorOf(dependencies, secret);
      if (!secret.versions.some(({ id }) => id === VersionId)) await countRotation(dependencies);
      await rotateSecret(dependencies, found, VersionId, signal);
      return { Arn: resourceArn(dependencies, 'secret', secret.name), SecretName: secret.name, VersionId };
    },
  });
}

/** Counts a rotation by hand, and refuses one too many. */
function countRotation({ store, clock }: KmsDependencies): Promise<void> {
  return store.transact(async (transaction) => {
    const now = clock.now();
    const earlier = (await rotationCountTable.get(transaction, accountKey))?.times ?? [];
    const times = earlier.filter((time) => time > now - hourMs && time <= now);
    if (times.length >= maxPerHour) {
      throw new ApiError('Rejected.LimitExceeded', `There were ${maxPerHour} rotations by hand within an hour. Wait.`);
    }
    await rotationCountTable.put(transaction, accountKey, { times: [...times, now] });
  });
}
