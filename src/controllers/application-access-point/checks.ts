import type { ApplicationAccessPoint } from '../../api/v1alpha1/application-access-point.ts';
import type { Check } from '../check.ts';
import type { KmsAnswer } from '../kms-api.ts';

/** What an access point's readiness depends on. */
export interface AccessPointInput {
  accessPoint: ApplicationAccessPoint;
  inKms: KmsAnswer | undefined;
  /** Permission policies that the access point names and KMS does not have. */
  missingPolicies: readonly string[];
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

const trustedRoleIsServed: Check<AccessPointInput> = ({ accessPoint }) => {
  const role = accessPoint.spec.authentication.ramRole?.trustedRole;
  if (role === undefined || role === 'ServiceAccountRole') return undefined;
  return {
    reason: 'TrustedRoleNotServed',
    message: `This version authenticates pods by trustedRole ServiceAccountRole only, not by ${role}. Use ServiceAccountRole, or a client key.`,
  };
};

/** Readiness rules of an access point, most basic first. */
export const accessPointChecks: readonly Check<AccessPointInput>[] = [
  trustedRoleIsServed,
  trustsSomebody,
  policiesExist,
];
