import { z } from 'zod';
import type { AnyAction } from '../../../ports/action.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import { changeKey } from '../../key-lookup.ts';
import { description, keyReference } from '../../parameters.ts';
import { keyAction } from './key-action.ts';

/** KMS UpdateKeyDescription. */
export function updateKeyDescription(dependencies: KmsDependencies): AnyAction {
  return keyAction(dependencies, {
    name: 'UpdateKeyDescription',
    input: z.object({ KeyId: keyReference(), Description: description() }),
    run: async (found, { Description }) => {
      await changeKey(dependencies, found, (key) => {
        key.description = Description;
      });
      return {};
    },
  });
}
