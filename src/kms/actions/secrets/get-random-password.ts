import { defineAction, type AnyAction } from '../../../ports/action.ts';
import { sharedScope, type KmsDependencies } from '../../dependencies.ts';
import { passwordRules, randomPassword, type PasswordRules } from '../../random-password.ts';

/** KMS GetRandomPassword. Nothing is stored. Its permission has no resource. */
export function getRandomPassword({ random }: KmsDependencies): AnyAction {
  return defineAction<PasswordRules>({
    name: 'GetRandomPassword',
    product: 'Kms',
    input: passwordRules,
    plan: (parameters) => ({
      access: [{ action: 'kms:GetRandomPassword', resource: '*', scope: sharedScope }],
      run: () => Promise.resolve({ RandomPassword: randomPassword(random, parameters) }),
    }),
  });
}
