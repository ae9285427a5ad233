import { z } from 'zod';
import { isCanonicalRelativeId } from '../../../policy/arn.ts';
import { defineAction, type AnyAction } from '../../../ports/action.ts';
import { dataKeyAccess, findDataKey, protectingKeyAccess, type DataKeyLookup } from '../../data-key-lookup.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import { text } from '../../parameters.ts';

const maxNameCharacters = 128;

/** `DataKeyName`. */
export function dataKeyName(): z.ZodType<string> {
  const allowed = `1 to ${maxNameCharacters} letters, digits or _/+=.@-, without empty, "." or ".." segments`;
  return text({ max: maxNameCharacters, allowed }).refine(isCanonicalRelativeId, `It must be ${allowed}.`);
}

/** An action about one managed data key. */
export interface DataKeyAction<Input extends { DataKeyName: string }> {
  readonly name: string;
  readonly input: z.ZodType<Input>;
  /** Permission it needs on the protecting key besides its own on the data key. */
  readonly keyAction?: string;
  run(found: DataKeyLookup, input: Input): Promise<Record<string, unknown>>;
}

/** Makes the action: looks the data key up once, names it for authorization, and runs on what was found. */
export function dataKeyAction<Input extends { DataKeyName: string }>(
  dependencies: KmsDependencies,
  action: DataKeyAction<Input>,
): AnyAction {
  const { name, input, keyAction } = action;
  return defineAction<Input>({
    name,
    product: 'Kms',
    input,
    plan: async (parameters) => {
      const found = await findDataKey(dependencies.store, parameters.DataKeyName);
      const onKey = keyAction === undefined ? [] : await protectingKeyAccess(dependencies, keyAction, found);
      const access = [dataKeyAccess(dependencies, `kms:${name}`, found), ...onKey];
      return { access, run: () => action.run(found, parameters) };
    },
  });
}
