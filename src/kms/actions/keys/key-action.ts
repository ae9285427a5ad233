import type { z } from 'zod';
import { defineAction, type AnyAction, type RequestContext } from '../../../ports/action.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import { findKey, keyAccess, type KeyLookup } from '../../key-lookup.ts';

/** An action about one key, which needs the permission of its own name on that key and no other. */
export interface KeyAction<Input extends { KeyId: string }> {
  readonly name: string;
  readonly input: z.ZodType<Input>;
  run(found: KeyLookup, input: Input, context: RequestContext): Promise<Record<string, unknown>>;
}

/** Makes the action: looks the key up once, names it for authorization, and runs on what was found. */
export function keyAction<Input extends { KeyId: string }>(
  dependencies: KmsDependencies,
  action: KeyAction<Input>,
): AnyAction {
  return defineAction<Input>({
    name: action.name,
    product: 'Kms',
    input: action.input,
    plan: async (input, context) => {
      const found = await findKey(dependencies, dependencies.store, input.KeyId);
      return {
        access: [keyAccess(dependencies, `kms:${action.name}`, found)],
        run: () => action.run(found, input, context),
      };
    },
  });
}
