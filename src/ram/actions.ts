import type { AnyAction } from '../ports/action.ts';
import { accessKeyActions } from './actions/access-keys.ts';
import { attachmentActions } from './actions/attachments.ts';
import { oidcProviderActions } from './actions/oidc-providers.ts';
import { policyActions } from './actions/policies.ts';
import { policyVersionActions } from './actions/policy-versions.ts';
import { roleActions } from './actions/roles.ts';
import { simulationActions } from './actions/simulation.ts';
import { userActions } from './actions/users.ts';
import type { RamDependencies } from './ram-dependencies.ts';

export type { RamDependencies } from './ram-dependencies.ts';

type Family = (dependencies: RamDependencies) => readonly AnyAction[];

/** To add a family of actions, add its file and a row. */
const families: readonly Family[] = [
  userActions,
  accessKeyActions,
  roleActions,
  policyActions,
  policyVersionActions,
  attachmentActions,
  simulationActions,
  oidcProviderActions,
];

/**
 * The actions of RAM 2015-05-01 and IMS 2019-08-15. Dry runs work with what `rehearse` gives: dependencies whose store
 * forgets what is written.
 */
export function createRamActions(
  dependencies: RamDependencies,
  rehearse?: () => RamDependencies,
): readonly AnyAction[] {
  return families.flatMap((family) => {
    const actions = family(dependencies);
    if (rehearse === undefined) return actions;
    return actions.map((action) => ({ ...action, rehearsal: () => named(family(rehearse()), action.name) }));
  });
}

function named(actions: readonly AnyAction[], name: string): AnyAction {
  const action = actions.find((each) => each.name === name);
  if (action === undefined) throw new Error(`there is no action ${name}`);
  return action;
}
