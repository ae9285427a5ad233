import type { AccessContext, AccessRequest, Decision } from './decision.ts';
import type { PolicySet } from './policy-set.ts';
import type { Principal } from './principal.ts';

/**
 * Decides whether `principal` may do all of `requests`. Explicit deny beats allow beats implicit deny; every request must
 * be allowed, and nothing asked is nothing allowed. Pure: same arguments, same decision. Never throws: a policy that cannot
 * be read denies.
 */
export function evaluate(
  _principal: Principal,
  _requests: readonly AccessRequest[],
  _context: AccessContext,
  _policySet: PolicySet,
): Decision {
  const reason = { policy: 'None', effect: 'NoMatch', request: '', message: 'Not decided yet.' } as const;
  return { effect: 'Deny', basis: 'ImplicitDeny', reasons: [reason] };
}
