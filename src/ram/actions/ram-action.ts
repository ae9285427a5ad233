import type { z } from 'zod';
import type { Principal } from '../../policy/principal.ts';
import { defineAction, type AnyAction, type RequestContext } from '../../ports/action.ts';
import type { RamDependencies } from '../ram-dependencies.ts';

/** An action of RAM. */
export interface RamAction<Input> {
  readonly name: string;
  readonly input: z.ZodType<Input>;
  /** What it is about, such as `user/ci`; a list is about `user`. The permission of the action is needed on each. */
  resources(input: NoInfer<Input>, caller: Principal): readonly string[];
  run(input: NoInfer<Input>, caller: Principal, context: RequestContext): Promise<Record<string, unknown>>;
}

/** A row of the action table, of RAM or of its sibling IMS, that needs `ram:<name>` on its resources. */
export function ramAction<Input>(
  { accountId }: RamDependencies,
  action: RamAction<Input>,
  product: 'Ram' | 'Ims' = 'Ram',
): AnyAction {
  return defineAction<Input>({
    name: action.name,
    product,
    input: action.input,
    plan: (input, context) => ({
      access: action.resources(input, context.principal).map((relativeId) => ({
        action: `ram:${action.name}`,
        resource: `acs:ram::${accountId}:${relativeId}`,
        scope: 'shared',
      })),
      run: () => action.run(input, context.principal, context),
    }),
  });
}
