import type { AnyAction } from '../ports/action.ts';
import { assumeRole } from './assume-role.ts';
import { assumeRoleWithCallerIdentity } from './assume-role-with-caller-identity.ts';
import { assumeRoleWithOidc } from './assume-role-with-oidc.ts';
import { getCallerIdentity } from './get-caller-identity.ts';
import type { StsDependencies } from './sts-dependencies.ts';

export type { StsDependencies } from './sts-dependencies.ts';

/** The actions of STS 2015-04-01. To add one, add its file and a row. */
export function createStsActions(dependencies: StsDependencies): readonly AnyAction[] {
  return [
    assumeRole(dependencies),
    assumeRoleWithOidc(dependencies),
    assumeRoleWithCallerIdentity(dependencies),
    getCallerIdentity,
  ];
}
