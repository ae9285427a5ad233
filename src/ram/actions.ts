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

/** The actions of RAM 2015-05-01 and IMS 2019-08-15. To add a family, add its file and a row. */
export function createRamActions(dependencies: RamDependencies): readonly AnyAction[] {
  return [
    userActions,
    accessKeyActions,
    roleActions,
    policyActions,
    policyVersionActions,
    attachmentActions,
    simulationActions,
    oidcProviderActions,
  ].flatMap((family) => family(dependencies));
}
