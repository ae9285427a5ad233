import { ApiError } from '../lib/errors.ts';
import type { AccessContext, AccessRequest, Decision } from '../policy/decision.ts';
import { evaluate } from '../policy/evaluate.ts';
import { accessDeniedDetail, decidedBy } from '../policy/explain.ts';
import type { PolicySource } from '../policy/policy-set.ts';
import type { Principal } from '../policy/principal.ts';
import type { Action } from '../ports/action.ts';

/** A decision as it is recorded. */
export interface RecordedDecision {
  effect: 'Allow' | 'Deny';
  /** Such as `RbacPolicy/shop statement 0`; with `shadow:` before it when a denial was not enforced. */
  decidedBy: string;
  /** Present when the call must be refused. */
  refusal?: ApiError;
}

/** Decides about one call. Rejects when the policies cannot be read: no policies, no access. */
export async function enforce(
  policySource: PolicySource,
  product: Action['product'],
  principal: Principal,
  access: readonly AccessRequest[],
  context: AccessContext,
): Promise<RecordedDecision> {
  const decision = evaluate(principal, access, context, await policySource(principal));
  const [reason] = decision.reasons;
  const rule = reason === undefined ? 'None' : decidedBy(reason);
  if (decision.effect === 'Allow') return { effect: 'Allow', decidedBy: rule };
  if (decision.shadowed === true) return { effect: 'Deny', decidedBy: `shadow:${rule}` };
  return { effect: 'Deny', decidedBy: rule, refusal: refusalOf(product, principal, decision) };
}

function refusalOf(product: Action['product'], principal: Principal, decision: Decision): ApiError {
  const [reason] = decision.reasons;
  const code = product === 'Kms' ? 'Forbidden.NoPermission' : 'NoPermission';
  const message = `You are not allowed to do this: ${reason?.request ?? 'nothing was asked'}. See AccessDeniedDetail for the rule.`;
  const detail = { ...accessDeniedDetail(decision, principal), Reason: reason?.message ?? '' };
  return new ApiError(code, message, { detail });
}
