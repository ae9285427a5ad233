import { z } from 'zod';
import { keySpecs } from '../../../crypto/key-specs.ts';
import { ApiError } from '../../../lib/errors.ts';
import type { AnyAction } from '../../../ports/action.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import { changeKey } from '../../key-lookup.ts';
import { assertKeyState } from '../../key-state.ts';
import { flag, keyReference, optional } from '../../parameters.ts';
import { intervalText, rotationOf } from '../../rotation.ts';
import { keyAction } from './key-action.ts';

/** KMS UpdateRotationPolicy. The interval is 7 to 730 days. */
export function updateRotationPolicy(dependencies: KmsDependencies): AnyAction {
  return keyAction(dependencies, {
    name: 'UpdateRotationPolicy',
    input: z.object({
      KeyId: keyReference(),
      EnableAutomaticRotation: flag(),
      RotationInterval: optional(intervalText()),
    }),
    run: async (found, { EnableAutomaticRotation, RotationInterval }) => {
      const rotation = rotationOf(EnableAutomaticRotation, RotationInterval, 730);
      await changeKey(dependencies, found, (key) => {
        assertKeyState(key, dependencies.clock.now(), 'newVersion');
        if (
          keySpecs[key.keySpec]?.rotatesAutomatically !== true ||
          key.origin !== 'Aliyun_KMS' ||
          key.provider === 'xki'
        ) {
          throw new ApiError(
            'UnsupportedOperation',
            `Key ${key.keyId} is not rotated automatically. Create a version or a new key instead.`,
          );
        }
        if (rotation === undefined) delete key.rotation;
        else key.rotation = rotation;
      });
      return {};
    },
  });
}
