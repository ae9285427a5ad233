import type { ServiceAccountIdentity } from '../policy/principal.ts';
import type { ServiceAccountReference } from '../ports/access-point-directory.ts';
import type { VerifiedToken } from '../ports/identity.ts';
import type { SessionGrounds } from './issue-session.ts';

/** A way to assume a role with a token: the audience that the token must have, and what is asked of the verified token. */
export interface Entrance {
  readonly audience: string;
  readonly maxSeconds: number;
  readonly admits: (token: VerifiedToken) => boolean | Promise<boolean>;
  readonly grounds: (token: VerifiedToken) => SessionGrounds;
}

/** Longest session at an access point, in seconds: how long a stolen session outlives its pod at most. */
export const MAX_ACCESS_POINT_SECONDS = 3600;

/** Whether the list names the service account: namespace, name, and provider and uid when given, matched exactly. */
export function listsServiceAccount(
  list: readonly ServiceAccountReference[],
  identity: ServiceAccountIdentity,
): boolean {
  return list.some(
    ({ provider, namespace, name, uid }) =>
      namespace === identity.namespace &&
      name === identity.name &&
      (provider === undefined || provider === identity.provider) &&
      (uid === undefined || uid === identity.uid),
  );
}

/** The pod behind a token, as a session keeps it. */
export function podOf({ serviceAccount }: VerifiedToken): Pick<SessionGrounds, 'serviceAccount'> {
  return serviceAccount === undefined ? {} : { serviceAccount };
}
