import { z } from 'zod';
import type { AnyAction } from '../../../ports/action.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import { oneOf, secretReference, withDefault } from '../../parameters.ts';
import { assertResourcePolicy, defaultResourcePolicy, policyName, policyText } from '../../resource-policy.ts';
import { changeSecret, loadSecret } from '../../secret-lookup.ts';
import { secretAction } from './secret-action.ts';

const PolicyName = withDefault(oneOf([policyName]), policyName);

/** KMS GetSecretPolicy. A secret without a policy of its own has the default one: the whole account. */
export function getSecretPolicy(dependencies: KmsDependencies): AnyAction {
  return secretAction(dependencies, {
    name: 'GetSecretPolicy',
    input: z.object({ SecretName: secretReference(), PolicyName }),
    run: async (found) => {
      const secret = await loadSecret(dependencies.store, found);
      return { Policy: secret.policy ?? defaultResourcePolicy('secret', dependencies.accountId) };
    },
  });
}

/** KMS SetSecretPolicy. */
export function setSecretPolicy(dependencies: KmsDependencies): AnyAction {
  return secretAction(dependencies, {
    name: 'SetSecretPolicy',
    input: z.object({ SecretName: secretReference(), Policy: policyText(), PolicyName }),
    run: async (found, { Policy }) => {
      assertResourcePolicy(Policy);
      await changeSecret(dependencies, found, (secret) => {
        secret.policy = Policy;
      });
      return {};
    },
  });
}
