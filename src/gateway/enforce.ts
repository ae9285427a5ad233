import { ApiError } from '../lib/errors.ts';
import type { AccessContext, AccessRequest, Decision, Reason } from '../policy/decision.ts';
import { evaluate } from '../policy/evaluate.ts';
import type { PolicySet, PolicySource } from '../policy/policy-set.ts';
import { principalArn, type Principal } from '../policy/principal.ts';
import { rbacTemplates } from '../policy/rbac-templates.ts';
import type { Action } from '../ports/action.ts';

/** A decision as it is recorded. */
export interface RecordedDecision {
  effect: 'Allow' | 'Deny';
  /** Such as `RbacPolicy/shop statement 0`; with `shadow:` before it when a denial was not enforced. */
  decidedBy: string;
  /** Present when the call must be refused. */
  refusal?: ApiError;
}

/** Everything an access point could give at all: what mode Shadow may let pass. */
const templateActions: ReadonlySet<string> = new Set(
  [...rbacTemplates.values()].flatMap((template) => [...template.actions]),
);

/** Secrets of Kaap itself, such as the passwords of client key files. */
const ownSecrets = /:secret\/kaap\//;

/**
 * Whether a denial is recorded and not enforced. Mode Shadow tries out an access point's policies on the calls that
 * access points are for; it does not make an administrator of whoever comes through one. So a management call, an
 * explicit deny of anybody's policy, Kaap's own secrets and the session that only opens a client key stay refused.
 */
function isShadowed(
  principal: Principal,
  policies: PolicySet,
  access: readonly AccessRequest[],
  decision: Decision,
): boolean {
  if (policies.accessPoint?.mode !== 'Shadow' || decision.basis !== 'ImplicitDeny' || access.length === 0) return false;
  if (principal.kind === 'RoleSession' && policies.accessPoint.method === 'ClientKey') return false;
  if (policies.sessionPolicy !== undefined || (principal.kind === 'RoleSession' && principal.sessionPolicy))
    return false;
  return access.every(({ action, resource }) => templateActions.has(action) && !ownSecrets.test(resource));
}

function nameOf(reason: Reason | undefined): string {
  if (reason === undefined) return 'None';
  return reason.statement === undefined ? reason.policy : `${reason.policy} statement ${reason.statement}`;
}

function refusalOf(
  product: Action['product'],
  principal: Principal,
  access: readonly AccessRequest[],
  decision: Decision,
): ApiError {
  const [reason] = decision.reasons;
  const [first] = access;
  const asked =
    reason === undefined || reason.request === '' ? `${first?.action} on ${first?.resource}` : reason.request;
  const detail = {
    AuthAction: first?.action ?? '',
    AuthResource: first?.resource ?? '',
    AuthPrincipalType: principal.kind,
    AuthPrincipalDisplayName: principalArn(principal),
    NoPermissionType: decision.basis,
    Policy: nameOf(reason),
    Reason: reason?.message ?? '',
  };
  const code = product === 'Kms' ? 'Forbidden.NoPermission' : 'NoPermission';
  return new ApiError(code, `You are not allowed to do this: ${asked}. See AccessDeniedDetail for the rule.`, {
    detail,
  });
}

/** Decides about one call. Rejects when the policies cannot be read: no policies, no access. */
export async function enforce(
  policySource: PolicySource,
  product: Action['product'],
  principal: Principal,
  access: readonly AccessRequest[],
  context: AccessContext,
): Promise<RecordedDecision> {
  const policies = await policySource(principal);
  const decision = evaluate(principal, access, context, policies);
  const decidedBy = nameOf(decision.reasons[0]);
  if (decision.effect === 'Allow') return { effect: 'Allow', decidedBy };
  if (isShadowed(principal, policies, access, decision)) return { effect: 'Deny', decidedBy: `shadow:${decidedBy}` };
  return { effect: 'Deny', decidedBy, refusal: refusalOf(product, principal, access, decision) };
}
