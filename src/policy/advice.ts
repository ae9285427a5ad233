import { parseArn } from './arn.ts';
import type { Decision, Reason } from './decision.ts';
import { decidedBy } from './explain.ts';

/** Kind of the policy that stands against a call, the first part of {@link Reason.policy} → what lifts an explicit deny. */
const denialAdvice: ReadonlyMap<string, string> = new Map([
  ['KeyPolicy', 'Change the policy of the key: SetKeyPolicy.'],
  ['SecretPolicy', 'Change the policy of the secret: SetSecretPolicy.'],
  ['SessionPolicy', 'Assume the role again with a session policy that does not deny it.'],
  ['RamPolicy', 'Take the statement out (CreatePolicyVersion), or detach the policy.'],
]);

/** The same → what brings a permission that is missing. */
const permissionAdvice: ReadonlyMap<string, (relativeId: string) => string> = new Map<
  string,
  (relativeId: string) => string
>([
  ['SessionPolicy', () => 'Assume the role again with a session policy that allows it.'],
  [
    'RbacPolicy',
    (relativeId) =>
      `Add ${relativeId} to the resources of the policy, give it the template or network rule that is missing, or give the access point another policy.`,
  ],
  ['AccessPoint', () => 'Change the access point, or ask about another one.'],
]);

/**
 * What would have to change for a denied call to be allowed, one line each; empty for an allowed one. Names the smallest
 * change, not whether it is wise.
 */
export function adviseChange(decision: Decision): string[] {
  const [reason] = decision.reasons;
  if (decision.effect === 'Allow' || reason === undefined) return [];
  const [kind = ''] = reason.policy.split('/', 1);
  if (decision.basis === 'ExplicitDeny') {
    return [`${decidedBy(reason)} denies it. ${denialAdvice.get(kind) ?? 'Change that policy.'}`];
  }
  const { action = '', resource = '' } = decision.denied ?? {};
  const advice = permissionAdvice.get(kind);
  if (advice !== undefined) return [advice(parseArn(resource)?.relativeId ?? resource)];
  return isOutOfReach(reason) ? [] : [`Attach a policy with this statement: ${statementFor(action, resource)}`];
}

/** What no policy reaches: a resource of another account, one without a canonical name. */
function isOutOfReach({ policy, message }: Reason): boolean {
  return policy === 'None' && !message.startsWith('No policy');
}

function statementFor(action: string, resource: string): string {
  return JSON.stringify({ Effect: 'Allow', Action: action, Resource: resource });
}
