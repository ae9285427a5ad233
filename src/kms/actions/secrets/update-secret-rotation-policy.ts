import { z } from 'zod';
import { ApiError } from '../../../lib/errors.ts';
import type { AnyAction } from '../../../ports/action.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import { flag, optional, secretReference } from '../../parameters.ts';
import { intervalText } from '../../rotation.ts';
import { secretGenerator } from '../../secret-generator.ts';
import { changeSecret } from '../../secret-lookup.ts';
import { secretInterval, startRotation, stopRotation } from '../../secret-rotation.ts';
import { rotatorOf } from '../../secret-rotator.ts';
import { secretAction } from './secret-action.ts';

const input = z.object({
  SecretName: secretReference(),
  EnableAutomaticRotation: flag(),
  RotationInterval: optional(intervalText()),
  /** Kaap's own, for generic secrets: how rotation makes their values from now on. */
  SecretDataGenerator: optional(secretGenerator()),
});

/** KMS UpdateSecretRotationPolicy: automatic rotation on, counted from now, or off. */
export function updateSecretRotationPolicy(dependencies: KmsDependencies): AnyAction {
  return secretAction(dependencies, {
    name: 'UpdateSecretRotationPolicy',
    input,
    run: async (found, { EnableAutomaticRotation, RotationInterval, SecretDataGenerator }) => {
      const intervalSeconds = EnableAutomaticRotation ? secretInterval(RotationInterval) : undefined;
      const now = dependencies.clock.now();
      await changeSecret(dependencies, found, (secret) => {
        if (SecretDataGenerator !== undefined) {
          if (secret.secretType !== 'Generic') {
            throw new ApiError('InvalidParameter', 'The parameter SecretDataGenerator is for generic secrets only.');
          }
          secret.generator = SecretDataGenerator;
        }
        rotatorOf(dependencies, secret);
        if (intervalSeconds === undefined) stopRotation(secret);
        else startRotation(secret, intervalSeconds, now);
        secret.updateTime = now;
      });
      return { SecretName: found.name };
    },
  });
}
