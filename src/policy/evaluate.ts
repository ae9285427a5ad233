import { decideAccessPoint, isEntrant, type Outcome } from './access-point-decision.ts';
import { parseArn } from './arn.ts';
import { actionName, type ActionName, type Positions } from './action-index.ts';
import {
  compilePolicy,
  statementApplies,
  statementMismatch,
  type CompiledPolicy,
  type CompiledStatement,
} from './compiled-policy.ts';
import type { AccessContext, AccessRequest, Decision, Reason } from './decision.ts';
import type { PolicySet } from './policy-set.ts';
import { principalMatches } from './principal-pattern.ts';
import type { Principal } from './principal.ts';
import { makeReason, type Asked } from './asked.ts';

/**
 * Decides whether `principal` may do all of `requests`. Explicit deny beats allow beats implicit deny; every request must
 * be allowed, and nothing asked is nothing allowed. Pure: same arguments, same decision. Never throws: a policy that cannot
 * be read denies.
 */
export function evaluate(
  principal: Principal,
  requests: readonly AccessRequest[],
  context: AccessContext,
  policySet: PolicySet,
): Decision {
  if (requests.length === 0) return nothingAsked;
  const policies = compileAll(principal, policySet);
  const somethingOfItsOwn = requests.some((request) => request.impliedByAccessPoint !== true);
  const outcomes = requests.map((request) => {
    const asked = ask(principal, request, context, somethingOfItsOwn);
    return { request, outcome: isOutcome(asked) ? asked : decide(asked, policySet, policies) };
  });
  const deciding =
    outcomes.find(({ outcome }) => outcome.basis === 'ExplicitDeny') ??
    outcomes.find(({ outcome }) => outcome.basis === 'ImplicitDeny');
  if (deciding === undefined) {
    return { effect: 'Allow', basis: 'Allow', reasons: outcomes.flatMap(({ outcome }) => outcome.reasons) };
  }
  const denials = outcomes.filter(({ outcome }) => outcome.basis !== 'Allow');
  const others = denials.filter((denial) => denial !== deciding);
  const shadowed = denials.every(({ outcome }) => outcome.shadowed === true);
  return {
    effect: 'Deny',
    basis: deciding.outcome.basis,
    reasons: [...deciding.outcome.reasons, ...others.flatMap(({ outcome }) => outcome.reasons)],
    denied: deciding.request,
    ...(shadowed ? { shadowed } : {}),
  };
}

const nothingAsked: Decision = {
  effect: 'Deny',
  basis: 'ImplicitDeny',
  reasons: [{ policy: 'None', effect: 'NoMatch', request: 'nothing', message: 'No permission was asked for.' }],
};

/** The documents that speak about a principal, compiled, with the names that decisions show. */
interface CompiledSet {
  readonly identity: readonly NamedCompiled[];
  readonly session: readonly NamedCompiled[];
}

/** What one policy says about the action that is asked for. */
interface Voice extends NamedCompiled {
  readonly about: Positions;
}

function voiceOf({ name, policy }: NamedCompiled, action: ActionName): Voice {
  return { name, policy, about: policy.about(action) };
}

interface NamedCompiled {
  readonly name: string;
  readonly policy: CompiledPolicy;
}

function compileAll(principal: Principal, policySet: PolicySet): CompiledSet {
  const sessionDocuments = [
    principal.kind === 'RoleSession' ? principal.sessionPolicy : undefined,
    policySet.sessionPolicy,
  ].filter((document) => document !== undefined);
  return {
    identity: policySet.identityPolicies.map(({ name, document }) => ({
      name,
      policy: compilePolicy(document, 'identity'),
    })),
    session: sessionDocuments.map((document) => ({
      name: 'SessionPolicy',
      policy: compilePolicy(document, 'session'),
    })),
  };
}

/** Reads the request, or refuses what has no single reading: another account's resource, a name that is not canonical. */
function ask(
  principal: Principal,
  request: AccessRequest,
  context: AccessContext,
  somethingOfItsOwn: boolean,
): Asked | Outcome {
  const { resource, tags } = request;
  const arn = resource === '*' ? undefined : parseArn(resource);
  const asked: Asked = {
    principal,
    request,
    relativeId: arn?.service === 'kms' ? arn.relativeId : '',
    action: actionName(request.action),
    resource,
    facts: tags === undefined ? { context } : { context, tags },
    implied: request.impliedByAccessPoint === true && somethingOfItsOwn && isEntrant(principal),
  };
  if (principal.kind === 'Anonymous') return refuse(asked, 'Nobody is signed in.');
  if (resource !== '*' && arn === undefined) return refuse(asked, 'The name of the resource is not canonical.');
  if (arn !== undefined && arn.account !== principal.accountId) {
    return refuse(asked, `The resource belongs to another account than ${principal.accountId}.`);
  }
  return asked;
}

function isOutcome(value: Asked | Outcome): value is Outcome {
  return 'basis' in value;
}

function refuse(asked: Asked, message: string): Outcome {
  return { basis: 'ImplicitDeny', reasons: [makeReason(asked, 'None', 'NoMatch', message)] };
}

function decide(asked: Asked, policySet: PolicySet, policies: CompiledSet): Outcome {
  const own = ownPolicy(asked);
  const session = policies.session.map((policy) => voiceOf(policy, asked.action));
  const identity = policies.identity.map((policy) => voiceOf(policy, asked.action));
  const denial =
    (own === undefined ? undefined : findDenial(asked, own)) ??
    firstOf(session, (voice) => findDenial(asked, voice)) ??
    firstOf(identity, (voice) => findDenial(asked, voice));
  if (denial !== undefined) return { basis: 'ExplicitDeny', reasons: [denial] };
  const outcome = findGrant(asked, policySet, identity, own);
  const passes = outcome.basis === 'Allow' || outcome.shadowed === true;
  // What comes with the call is not asked of the session policy, which names what the caller asks for.
  if (!passes || asked.implied) return outcome;
  const narrowing = session.find((voice) => findPermission(asked, voice) === undefined);
  if (narrowing === undefined) return outcome;
  return { basis: 'ImplicitDeny', reasons: explainMismatch(asked, narrowing) };
}

/** The policy of the key or secret itself. Absent: the default policy, which leaves everything to the account. */
function ownPolicy(asked: Asked): Voice | undefined {
  const { resourcePolicy } = asked.request;
  if (resourcePolicy === undefined) return undefined;
  const slash = asked.relativeId.indexOf('/');
  const kind = asked.relativeId.startsWith('secret/') ? 'SecretPolicy' : 'KeyPolicy';
  const policy = compilePolicy(resourcePolicy, 'resource');
  return voiceOf({ name: `${kind}/${asked.relativeId.slice(slash + 1)}`, policy }, asked.action);
}

function findDenial(asked: Asked, { name, policy, about }: Voice): Reason | undefined {
  if (policy.problem !== undefined) {
    return makeReason(asked, name, 'Deny', `The policy cannot be read, so it denies. ${policy.problem}`);
  }
  const denial = policy.find(
    about.denials,
    (statement) => isAbout(statement, asked.principal) && statementApplies(statement, asked),
  );
  if (denial === undefined) return undefined;
  return makeReason(asked, name, 'Deny', `Statement ${nameOf(denial)} denies it.`, denial.index);
}

function isAbout({ principals }: CompiledStatement, principal: Principal): boolean {
  return principals.length === 0 || principals.some((pattern) => principalMatches(pattern, principal));
}

function findPermission(asked: Asked, { policy, about }: Voice): CompiledStatement | undefined {
  return policy.find(about.permissions, (statement) => statementApplies(statement, asked));
}

function findGrant(asked: Asked, policySet: PolicySet, identity: readonly Voice[], own: Voice | undefined): Outcome {
  const { principal } = asked;
  if (principal.kind === 'Account') {
    return allow(makeReason(asked, 'Account', 'Allow', 'The account owns the resource.'));
  }
  if (isEntrant(principal)) {
    return decideAccessPoint(asked, principal, policySet.accessPoint);
  }
  const granted =
    firstOf(identity, (voice) => permissionReason(asked, voice)) ??
    (own === undefined ? undefined : directGrant(asked, own));
  if (granted !== undefined) return allow(granted);
  const reasons = identity.flatMap((voice) => explainMismatch(asked, voice));
  const nothing = makeReason(
    asked,
    'None',
    'NoMatch',
    'No policy is attached that speaks about it. Attach one that allows it.',
  );
  return { basis: 'ImplicitDeny', reasons: reasons.length > 0 ? reasons : [nothing] };
}

function allow(reason: Reason): Outcome {
  return { basis: 'Allow', reasons: [reason] };
}

function permissionReason(asked: Asked, voice: Voice): Reason | undefined {
  const permission = findPermission(asked, voice);
  if (permission === undefined) return undefined;
  return makeReason(asked, voice.name, 'Allow', `Statement ${nameOf(permission)} allows it.`, permission.index);
}

/**
 * What a key or secret policy gives to a user or role by name. A statement about the account only leaves the matter to the
 * identity policies: else the default policy would give everything to everybody.
 */
function directGrant(asked: Asked, { name, policy, about }: Voice): Reason | undefined {
  const grant = policy.find(
    about.permissions,
    (statement) =>
      statement.principals.some(
        (pattern) => pattern.kind !== 'Account' && principalMatches(pattern, asked.principal),
      ) && statementApplies(statement, asked),
  );
  if (grant === undefined) return undefined;
  return makeReason(asked, name, 'Allow', `Statement ${nameOf(grant)} allows it.`, grant.index);
}

/** Why a policy does not allow: a line for each statement that speaks about the action, or one for the whole policy. */
function explainMismatch(asked: Asked, { name, policy, about }: Voice): Reason[] {
  if (about.permissions.length === 0) return [makeReason(asked, name, 'NoMatch', 'No statement allows this action.')];
  return policy
    .at(about.permissions)
    .map((statement) =>
      makeReason(
        asked,
        name,
        'NoMatch',
        `Statement ${nameOf(statement)}: ${statementMismatch(statement, asked) ?? 'it applies'}.`,
        statement.index,
      ),
    );
}

function nameOf({ index, sid }: CompiledStatement): string {
  return sid === undefined ? String(index) : `${index} (${JSON.stringify(sid)})`;
}

function firstOf<Item, Found>(items: readonly Item[], find: (item: Item) => Found | undefined): Found | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
