import type { AnyAction } from '../ports/action.ts';
import { assumeRole } from './assume-role.ts';
import { assumeRoleWithCallerIdentity } from './assume-role-with-caller-identity.ts';
import { assumeRoleWithOidc } from './assume-role-with-oidc.ts';
import { getCallerIdentity } from './get-caller-identity.ts';
import type { StsDependencies } from './sts-dependencies.ts';

export type { StsDependencies } from './sts-dependencies.ts';

/** One row per action: what makes it. To add an action, add its file and a row. */
const rows: readonly ((dependencies: StsDependencies) => AnyAction)[] = [
  assumeRole,
  assumeRoleWithOidc,
  assumeRoleWithCallerIdentity,
  () => getCallerIdentity,
];

/**
 * The actions of STS 2015-04-01. Sessions are stored nowhere, so that a dry run makes one and throws it away; `rehearse` gives
 * dependencies that remember neither who came nor which proof was shown.
 */
export function createStsActions(
  dependencies: StsDependencies,
  rehearse?: () => StsDependencies,
): readonly AnyAction[] {
  return rows.map((row) =>
    rehearse === undefined ? row(dependencies) : { ...row(dependencies), rehearsal: () => row(rehearse()) },
  );
}
