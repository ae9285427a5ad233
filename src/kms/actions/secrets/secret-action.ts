import type { z } from 'zod';
import { defineAction, type AnyAction, type RequestContext } from '../../../ports/action.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import { findSecret, secretAccess, secretKeyAccess, type SecretLookup } from '../../secret-lookup.ts';

/** An action about one secret. */
export interface SecretAction<Input extends { SecretName: string }> {
  readonly name: string;
  readonly input: z.ZodType<Input>;
  /** Permission it needs on the secret's self-managed key besides its own on the secret. */
  readonly keyAction?: string;
  run(found: SecretLookup, input: Input, context: RequestContext): Promise<Record<string, unknown>>;
}

/** Makes the action: looks the secret up once, names it for authorization, and runs on what was found. */
export function secretAction<Input extends { SecretName: string }>(
  dependencies: KmsDependencies,
  action: SecretAction<Input>,
): AnyAction {
  return defineAction<Input>({
    name: action.name,
    product: 'Kms',
    input: action.input,
    plan: async (input, context) => {
      const found = await findSecret(dependencies, dependencies.store, input.SecretName);
      const access = [secretAccess(dependencies, `kms:${action.name}`, found)];
      if (action.keyAction !== undefined) {
        access.push(...(await secretKeyAccess(dependencies, action.keyAction, found.secret?.encryptionKeyId)));
      }
      return { access, run: () => action.run(found, input, context) };
    },
  });
}
