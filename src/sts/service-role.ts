import { evaluateTrust } from '../policy/trust.ts';
import { serviceAudience, type AccessPointEntry } from '../ports/access-point-directory.ts';
import type { RequestContext } from '../ports/action.ts';
import { listsServiceAccount, MAX_ACCESS_POINT_SECONDS, podOf, type Entrance } from './entrance.ts';
import type { SessionRequest } from './session-request.ts';
import type { StsDependencies } from './sts-dependencies.ts';

/**
 * The way in for a service (`ecs.aliyuncs.com`, `fc.aliyuncs.com`), which assumes a role for whoever runs on it: the token
 * is that of the service account which vouches for the service, and the role's trust policy has to trust the service.
 *
 * Where an access point trusts the role by that service, the session comes through the access point and has what it gives;
 * where none does, the session has what the role's own policies allow. Two access points do not say which of them is meant.
 */
export async function findServiceRole(
  { roles, accessPoints, serviceVouchers = new Map() }: StsDependencies,
  { roleName }: SessionRequest,
  claimed: ReadonlySet<string>,
  context: RequestContext,
): Promise<Entrance | undefined> {
  const [service, voucher] = [...serviceVouchers].find(([name]) => claimed.has(serviceAudience(name))) ?? [];
  if (service === undefined || voucher === undefined) return undefined;
  const role = await roles.findRole(roleName);
  if (role === undefined) return undefined;
  const trusting = (await accessPoints.findByRoleName(roleName)).filter((entry) => entry.service === service);
  if (trusting.length > 1) return undefined;
  const subject = { principal: { kind: 'Anonymous' }, service } as const;
  if (evaluateTrust(role.name, role.trustPolicy, subject, context).effect !== 'Allow') return undefined;
  const [accessPoint] = trusting;
  return {
    audience: serviceAudience(service),
    maxSeconds: longestSession(role.maxSessionSeconds, accessPoint),
    admits: ({ serviceAccount }) => serviceAccount !== undefined && listsServiceAccount([voucher], serviceAccount),
    grounds: (token) => ({
      roleId: role.roleId,
      ...(accessPoint === undefined ? {} : { accessPoint: accessPoint.name }),
      ...podOf(token),
    }),
  };
}

function longestSession(roleSeconds: number, accessPoint: AccessPointEntry | undefined): number {
  return accessPoint === undefined ? roleSeconds : Math.min(roleSeconds, MAX_ACCESS_POINT_SECONDS);
}
