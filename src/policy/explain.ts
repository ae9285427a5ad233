import type { Decision, Reason } from './decision.ts';
import { principalArn, type Principal } from './principal.ts';

/** A decision as lines for people, the deciding reason first. For `kaap why`. */
export function explainDecision(decision: Decision): string[] {
  return [headline(decision), ...decision.reasons.map((reason) => `  ${explainReason(reason)}`)];
}

const BASIS: Readonly<Record<Decision['basis'], string>> = {
  Allow: 'Allowed: every permission that the call needs is given and none is denied.',
  ExplicitDeny: 'Denied: a policy says so. No permission outweighs that.',
  ImplicitDeny: 'Denied: no policy allows it.',
};

function headline(decision: Decision): string {
  const shadow =
    decision.shadowed === true ? ' The access point or its policy is in Shadow mode, so the call goes on.' : '';
  return BASIS[decision.basis] + shadow;
}

const MARK: Readonly<Record<Reason['effect'], string>> = { Allow: 'allow', Deny: 'deny', NoMatch: 'no match' };

function explainReason(reason: Reason): string {
  return `${MARK[reason.effect]}  ${reason.request}  by ${decidedBy(reason)}: ${reason.message}`;
}

/** The rule behind a reason, such as `RamPolicy/ci statement 2`; what the audit log records. */
export function decidedBy(reason: Reason): string {
  return reason.statement === undefined ? reason.policy : `${reason.policy} statement ${reason.statement}`;
}

/** Kind of the policy that decided → PolicyType as Alibaba Cloud names it, by the first part of {@link Reason.policy}. */
const POLICY_TYPES: ReadonlyMap<string, string> = new Map([
  ['SessionPolicy', 'SessionPolicy'],
  ['TrustPolicy', 'AssumeRolePolicy'],
  ['KeyPolicy', 'ResourceBasedPolicy'],
  ['SecretPolicy', 'ResourceBasedPolicy'],
  ['AccessPoint', 'ApplicationAccessPointPolicy'],
  ['RbacPolicy', 'ApplicationAccessPointPolicy'],
]);

const PRINCIPAL_TYPES: Readonly<Record<Principal['kind'], string>> = {
  Account: 'Account',
  RamUser: 'SubUser',
  RoleSession: 'AssumedRoleUser',
  ClientKey: 'ClientKey',
  Anonymous: 'Anonymous',
};

/** How an error answer names the principal: as short as it is unambiguous in its account. */
function displayName(principal: Principal): string {
  switch (principal.kind) {
    case 'RamUser':
      return principal.userName;
    case 'RoleSession':
      return `${principal.roleName}:${principal.sessionName}`;
    case 'ClientKey':
      return principal.accessPoint;
    case 'Account':
    case 'Anonymous':
      return principalArn(principal);
    default:
      return principal satisfies never;
  }
}

/**
 * The AccessDeniedDetail of an error answer: who was denied what, and by which kind of policy. Names rules, never values of
 * conditions, so that a caller learns what to ask an administrator for.
 */
export function accessDeniedDetail(decision: Decision, principal: Principal): Record<string, string> {
  const [reason] = decision.reasons;
  const policy = reason?.policy.split('/', 1)[0] ?? '';
  return {
    AuthAction: decision.denied?.action ?? '',
    AuthResource: decision.denied?.resource ?? '',
    AuthPrincipalDisplayName: displayName(principal),
    AuthPrincipalOwnerId: principal.kind === 'Anonymous' ? '' : principal.accountId,
    AuthPrincipalType: PRINCIPAL_TYPES[principal.kind],
    NoPermissionType: decision.basis,
    PolicyType: POLICY_TYPES.get(policy) ?? 'AccountLevelIdentityBasedPolicy',
    DecidedBy: reason === undefined ? '' : decidedBy(reason),
  };
}
