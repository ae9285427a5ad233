import { actionName } from './action-index.ts';
import { compilePolicy, statementApplies, type CompiledStatement } from './compiled-policy.ts';
import type { AccessContext, Decision, Reason } from './decision.ts';
import { principalMatches, type PrincipalPattern } from './principal-pattern.ts';
import type { Principal } from './principal.ts';

/** Somebody who wants to assume a role. */
export interface TrustSubject {
  /** Who signed the call; `Anonymous` when a token stands for the caller. */
  readonly principal: Principal;
  /** ARN of the OIDC provider whose token was verified. */
  readonly federated?: string;
  /** Name of the service that asks for whoever runs on it, such as `ecs.aliyuncs.com`. */
  readonly service?: string;
  /** `oidc:iss`, `oidc:aud` (the audience that was verified), `oidc:sub`, `sts:ExternalId`. */
  readonly claims?: Readonly<Record<string, string>>;
}

/** Both name the same right: Alibaba's trust policies for OIDC providers say `sts:AssumeRole`. */
const ACTIONS = ['sts:AssumeRole', 'sts:AssumeRoleWithOIDC'].map(actionName);

/**
 * Decides whether a role's trust policy lets somebody assume it. A statement about the account means everybody in it; what a
 * user or role may do is then up to its own policies. Never throws: a trust policy that cannot be read denies.
 */
export function evaluateTrust(
  roleName: string,
  trustPolicy: string,
  subject: TrustSubject,
  context: AccessContext,
): Decision {
  const policy = `TrustPolicy/${roleName}`;
  const reason = (effect: Reason['effect'], message: string, statement?: number): Reason => ({
    policy,
    effect,
    request: `sts:AssumeRole on role/${roleName}`,
    message,
    ...(statement === undefined ? {} : { statement }),
  });
  const compiled = compilePolicy(trustPolicy, 'trust');
  if (compiled.problem !== undefined) {
    return {
      effect: 'Deny',
      basis: 'ExplicitDeny',
      reasons: [reason('Deny', `It cannot be read. ${compiled.problem}`)],
    };
  }
  const { claims } = subject;
  const facts = claims === undefined ? { context } : { context, claims };
  const applies = (compiledStatement: CompiledStatement): boolean =>
    compiledStatement.principals.some((pattern) => isTrusted(pattern, subject)) &&
    statementApplies(compiledStatement, { resource: '*', facts });
  const about = ACTIONS.map((action) => compiled.about(action));
  const denial = compiled.find(
    about.flatMap(({ denials }) => denials),
    applies,
  );
  if (denial !== undefined) {
    const reasons = [reason('Deny', `Statement ${denial.index} denies it.`, denial.index)];
    return { effect: 'Deny', basis: 'ExplicitDeny', reasons };
  }
  const permission = compiled.find(
    about.flatMap(({ permissions }) => permissions),
    applies,
  );
  if (permission === undefined) {
    return { effect: 'Deny', basis: 'ImplicitDeny', reasons: [reason('NoMatch', 'No statement trusts the caller.')] };
  }
  const reasons = [reason('Allow', `Statement ${permission.index} trusts the caller.`, permission.index)];
  return { effect: 'Allow', basis: 'Allow', reasons };
}

function isTrusted(pattern: PrincipalPattern, { principal, federated, service }: TrustSubject): boolean {
  if (pattern.kind === 'Federated') return federated !== undefined && pattern.arn === federated;
  if (pattern.kind === 'Service') return service !== undefined && pattern.name === service;
  return federated === undefined && service === undefined && principalMatches(pattern, principal);
}

/** Whether a trust policy lets a service assume the role, whatever else it asks by conditions. */
export function trustsService(trustPolicy: string, service: string): boolean {
  const policy = compilePolicy(trustPolicy, 'trust');
  const names = ({ principals }: CompiledStatement): boolean =>
    principals.some((pattern) => pattern.kind === 'Service' && pattern.name === service);
  const about = ACTIONS.map((action) => policy.about(action));
  const trusting = about.some(({ permissions }) => policy.find(permissions, names) !== undefined);
  const denial = about.some(
    ({ denials }) =>
      policy.find(denials, (statement) => names(statement) && statement.conditions.length === 0) !== undefined,
  );
  return trusting && !denial;
}

/**
 * The audiences that a trust policy names for tokens: the values of `StringEquals oidc:aud` in its Allow statements. A token
 * with another audience is refused before it is verified; a role whose policy names none cannot be assumed with tokens.
 */
export function trustedAudiences(trustPolicy: string): readonly string[] {
  return compilePolicy(trustPolicy, 'trust')
    .statements.filter(({ effect }) => effect === 'Allow')
    .flatMap(({ conditions }) => conditions.map(({ test }) => test))
    .flatMap((test) => (test.operator === 'StringEquals' && test.key === 'oidc:aud' ? test.values : []));
}
