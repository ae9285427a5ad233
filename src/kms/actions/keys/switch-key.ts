import { z } from 'zod';
import type { AnyAction } from '../../../ports/action.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import { forgetKey } from '../../forget.ts';
import { changeKey } from '../../key-lookup.ts';
import { assertKeyState } from '../../key-state.ts';
import { keyReference } from '../../parameters.ts';
import { assertNotServiceKey } from '../../service-key.ts';
import { keyAction } from './key-action.ts';

/** KMS EnableKey. An enabled key stays as it is. */
export function enableKey(dependencies: KmsDependencies): AnyAction {
  return keyAction(dependencies, {
    name: 'EnableKey',
    input: z.object({ KeyId: keyReference() }),
    run: async (found) => {
      await changeKey(dependencies, found, (key) => {
        assertKeyState(key, dependencies.clock.now(), 'enable');
        key.state = 'Enabled';
      });
      return {};
    },
  });
}

/** KMS DisableKey. Once it has answered, nothing encrypts or decrypts with the key. */
export function disableKey(dependencies: KmsDependencies): AnyAction {
  return keyAction(dependencies, {
    name: 'DisableKey',
    input: z.object({ KeyId: keyReference() }),
    run: async (found) => {
      const key = await changeKey(dependencies, found, (record) => {
        assertNotServiceKey(record);
        assertKeyState(record, dependencies.clock.now(), 'disable');
        record.state = 'Disabled';
        return record;
      });
      forgetKey(dependencies, key);
      return {};
    },
  });
}
