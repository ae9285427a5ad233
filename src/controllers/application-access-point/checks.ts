import type { ApplicationAccessPoint } from '../../api/v1alpha1/application-access-point.ts';
import { trustsService } from '../../policy/trust.ts';
import { trustedServices } from '../../ports/access-point-directory.ts';
import type { Check } from '../check.ts';
import type { KmsAnswer } from '../kms-api.ts';

/** What an access point's readiness depends on. */
export interface AccessPointInput {
  accessPoint: ApplicationAccessPoint;
  inKms: KmsAnswer | undefined;
  /** Permission policies that the access point names and KMS does not have. */
  missingPolicies: readonly string[];
  /** Trust policy of the role in RAM; `undefined` when there is no such role, or none is needed. */
  roleTrust: string | undefined;
}

const policiesExist: Check<AccessPointInput> = ({ missingPolicies }) =>
  missingPolicies.length === 0
    ? undefined
    : {
        reason: 'PolicyNotFound',
        message: `spec.policies names ${missingPolicies.join(', ')}, which does not exist. Create the RbacPolicy or take the name out.`,
        requeueAfterMs: 5_000,
      };

const trustsSomebody: Check<AccessPointInput> = ({ accessPoint }) => {
  const { ramRole } = accessPoint.spec.authentication;
  if (ramRole === undefined || ramRole.trustedRole !== 'ServiceAccountRole') return undefined;
  if ((ramRole.serviceAccounts ?? []).length > 0) return undefined;
  return {
    reason: 'NoServiceAccount',
    message:
      'spec.authentication.ramRole.serviceAccounts is empty, so nobody can use this access point. List the service accounts that may.',
  };
};

/** Looks again by itself: a role that the API changed is nothing that is watched. */
const roleRequeueMs = 30_000;

const roleTrustsService: Check<AccessPointInput> = ({ accessPoint, roleTrust }) => {
  const { ramRole } = accessPoint.spec.authentication;
  const service = trustedServices[ramRole?.trustedRole ?? ''];
  if (ramRole === undefined || service === undefined) return undefined;
  const { roleName, trustedRole } = ramRole;
  if (roleTrust === undefined) {
    return {
      reason: 'RoleNotFound',
      message: `RAM has no role ${roleName}. Create it, as a RamRole or with CreateRole, with a trust policy that names the service ${service}.`,
      requeueAfterMs: roleRequeueMs,
    };
  }
  if (trustsService(roleTrust, service)) return undefined;
  return {
    reason: 'TrustPolicyDoesNotFit',
    message: `The trust policy of the role ${roleName} does not let the service ${service} assume it, as ${trustedRole} needs. Add "Principal":{"Service":["${service}"]} to it.`,
    requeueAfterMs: roleRequeueMs,
  };
};

/** Readiness rules of an access point, most basic first. */
export const accessPointChecks: readonly Check<AccessPointInput>[] = [trustsSomebody, policiesExist, roleTrustsService];
