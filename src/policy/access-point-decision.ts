import { makeReason, type Asked } from './asked.ts';
import type { Decision, Reason } from './decision.ts';
import type { AccessPointGrant } from './policy-set.ts';
import type { Principal } from './principal.ts';
import { isClientKeyUnlock, isOnTrial, isReserved, isTemplateAction, rbacMismatch } from './rbac-templates.ts';

/** How the decision about one request falls. */
export interface Outcome {
  readonly basis: Decision['basis'];
  readonly reasons: readonly Reason[];
  /** See {@link Decision.shadowed}. */
  readonly shadowed?: true;
}

/** Somebody who came through an access point. */
export type Entrant = Extract<Principal, { kind: 'ClientKey' | 'RoleSession' }>;

export function isEntrant(principal: Principal): principal is Entrant {
  return principal.kind === 'ClientKey' || (principal.kind === 'RoleSession' && principal.accessPoint !== undefined);
}

/**
 * What an access point gives: to its client keys and to sessions of its role the union of its policies; to a pod's session
 * at an access point of method ClientKey the password of the key file, and nothing else.
 */
export function decideAccessPoint(asked: Asked, entrant: Entrant, grant: AccessPointGrant | undefined): Outcome {
  const name = `AccessPoint/${entrant.accessPoint ?? ''}`;
  const deny = (message: string): Outcome => ({
    basis: 'ImplicitDeny',
    reasons: [makeReason(asked, name, 'NoMatch', message)],
  });
  if (grant === undefined || grant.name !== entrant.accessPoint)
    return deny('The access point does not exist any more.');
  if (entrant.kind === 'ClientKey' && grant.method !== 'ClientKey') {
    return deny('The access point does not take client keys any more.');
  }
  if (asked.implied) {
    return { basis: 'Allow', reasons: [makeReason(asked, name, 'Allow', 'It comes with the rest of the call.')] };
  }
  if (entrant.kind === 'RoleSession' && grant.method === 'ClientKey') {
    if (!isClientKeyUnlock(grant.name, asked.request.action, asked.relativeId)) {
      return deny('A pod may only read the password of its client key here. Sign this call with the client key.');
    }
    return { basis: 'Allow', reasons: [makeReason(asked, name, 'Allow', 'It is the password of the client key.')] };
  }
  return decideByPolicies(asked, grant, deny);
}

function decideByPolicies(asked: Asked, grant: AccessPointGrant, deny: (message: string) => Outcome): Outcome {
  const mismatches: Reason[] = [];
  for (const policy of grant.policies) {
    const name = `RbacPolicy/${policy.name}`;
    const mismatch = rbacMismatch(policy, asked.request, asked.relativeId, asked.facts.context);
    if (mismatch === undefined) {
      return { basis: 'Allow', reasons: [makeReason(asked, name, 'Allow', 'Template, resource and network match.')] };
    }
    mismatches.push(makeReason(asked, name, 'NoMatch', `Not allowed: ${mismatch}.`));
  }
  const onTrial = grant.policies.findIndex((policy) => isOnTrial(policy, asked.request));
  // The policy that is tried out decides, so that the record names it.
  if (onTrial > 0) mismatches.unshift(...mismatches.splice(onTrial, 1));
  const isShadowed = (onTrial >= 0 || grant.mode === 'Shadow') && isShadowable(asked);
  const shadow = isShadowed ? ({ shadowed: true } as const) : {};
  if (mismatches.length === 0) return { ...deny('The access point has no policies.'), ...shadow };
  return { basis: 'ImplicitDeny', reasons: mismatches, ...shadow };
}

/**
 * Shadow mode tries out policies on the calls that access points are for. It makes no administrator of whoever comes through
 * one, and does not open Kaap's own secrets.
 */
function isShadowable(asked: Asked): boolean {
  return isTemplateAction(asked.request.action) && !isReserved(asked.relativeId);
}
