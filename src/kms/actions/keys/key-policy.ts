import { z } from 'zod';
import type { AnyAction } from '../../../ports/action.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import { changeKey, loadKey } from '../../key-lookup.ts';
import { keyReference, oneOf, withDefault } from '../../parameters.ts';
import { assertResourcePolicy, defaultResourcePolicy, policyName, policyText } from '../../resource-policy.ts';
import { keyAction } from './key-action.ts';

const PolicyName = withDefault(oneOf([policyName]), policyName);

/** KMS GetKeyPolicy. A key without a policy of its own has the default one: the whole account. */
export function getKeyPolicy(dependencies: KmsDependencies): AnyAction {
  return keyAction(dependencies, {
    name: 'GetKeyPolicy',
    input: z.object({ KeyId: keyReference(), PolicyName }),
    run: async (found) => {
      const key = await loadKey(dependencies.store, found);
      return { Policy: key.policy ?? defaultResourcePolicy('key', dependencies.accountId) };
    },
  });
}

/** KMS SetKeyPolicy. */
export function setKeyPolicy(dependencies: KmsDependencies): AnyAction {
  return keyAction(dependencies, {
    name: 'SetKeyPolicy',
    input: z.object({ KeyId: keyReference(), Policy: policyText(), PolicyName }),
    run: async (found, { Policy }) => {
      assertResourcePolicy(Policy);
      await changeKey(dependencies, found, (key) => {
        key.policy = Policy;
      });
      return {};
    },
  });
}
