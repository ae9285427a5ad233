import * as fc from 'fast-check';
import { evaluate } from '../../src/policy/evaluate.ts';
import type { Decision } from '../../src/policy/decision.ts';
import type { Principal } from '../../src/policy/principal.ts';
import { referenceDecision, type ReferenceStatement } from './reference-evaluator.ts';

const accountId = '1000';
const context = { time: Date.UTC(2026, 0, 1), sourceIp: '10.0.0.1', secureTransport: true };

const user: Principal = { kind: 'RamUser', accountId, userName: 'ci', accessKeyId: 'AK' };
const session: Principal = {
  kind: 'RoleSession',
  accountId,
  roleName: 'ci',
  sessionName: 's1',
  accessKeyId: 'STS.1',
  expiresAt: Date.UTC(2027, 0, 1),
};
const arnOf = (principal: Principal): string => `acs:ram::${accountId}:${principal === user ? 'user' : 'role'}/ci`;

const actions = ['kms:Encrypt', 'kms:Decrypt', 'kms:ListKeys', 'kms:ReEncryptFrom'];
const resources = ['key', 'key/1', 'key/12', 'secret/shop/db', 'alias/shop'].map(
  (id) => `acs:kms:local:${accountId}:${id}`,
);
const oneOrMore = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<T | T[]> =>
  fc.oneof(values, fc.array(values, { minLength: 1, maxLength: 3 }));

const actionPattern = fc.constantFrom(
  '*',
  'kms:*',
  'kms:Encrypt',
  'KMS:decrypt',
  'kms:?ncrypt',
  'kms:*crypt*',
  'kms:List*',
  'ecs:*',
);
const resourcePattern = fc.constantFrom(
  '*',
  'acs:kms:*:*:key*',
  'acs:kms:*:*:key/*',
  'acs:kms:local:1000:key/1',
  'acs:kms:*:1000:key/1?',
  'acs:kms:*:*:secret/shop/*',
  'acs:kms:*:2000:*',
);
const condition = fc.option(
  fc
    .tuple(
      fc.constantFrom('StringEquals', 'StringNotEquals', 'StringLike'),
      fc.constantFrom('kms:tag/team', 'kms:tag/env'),
      oneOrMore(fc.constantFrom('a', 'b', 'a*')),
    )
    .map(([operator, key, values]) => ({ Condition: { [operator]: { [key]: values } } })),
  { nil: {} },
);
const effect = fc.constantFrom('Allow', 'Allow', 'Deny');
const action = fc.oneof(
  { weight: 4, arbitrary: oneOrMore(actionPattern).map((Action) => ({ Action })) },
  { weight: 1, arbitrary: oneOrMore(actionPattern).map((NotAction) => ({ NotAction })) },
);

const statement: fc.Arbitrary<ReferenceStatement> = fc
  .tuple(effect, action, oneOrMore(resourcePattern), condition)
  .map(([Effect, actionPart, Resource, conditionPart]) => ({ Effect, ...actionPart, Resource, ...conditionPart }));
const ownStatement: fc.Arbitrary<ReferenceStatement> = fc
  .tuple(
    effect,
    action,
    oneOrMore(fc.constantFrom('root', '*', 'user/ci', 'role/ci', 'user/other').map((name) => `acs:ram::1000:${name}`)),
    condition,
  )
  .map(([Effect, actionPart, RAM, conditionPart]) => ({
    Effect,
    ...actionPart,
    Resource: '*',
    Principal: { RAM },
    ...conditionPart,
  }));
const documentOf = (statements: fc.Arbitrary<ReferenceStatement>): fc.Arbitrary<string> =>
  fc.array(statements, { minLength: 1, maxLength: 3 }).map((Statement) => JSON.stringify({ Version: '1', Statement }));

export interface DecisionScene {
  principal: Principal;
  identityPolicies: string[];
  sessionPolicy: string | undefined;
  resourcePolicy: string | undefined;
  requests: { action: string; resource: string; tags: Record<string, string> }[];
}

const tags = fc.dictionary(fc.constantFrom('team', 'env'), fc.constantFrom('a', 'b', 'ab'));
/** A principal with policies of every kind, and what it asks for. */
export const decisionScene: fc.Arbitrary<DecisionScene> = fc.record({
  principal: fc.constantFrom(user, session),
  identityPolicies: fc.array(documentOf(statement), { maxLength: 3 }),
  sessionPolicy: fc.option(documentOf(statement), { nil: undefined }),
  resourcePolicy: fc.option(documentOf(ownStatement), { nil: undefined }),
  requests: fc.array(
    fc.record({ action: fc.constantFrom(...actions), resource: fc.constantFrom(...resources), tags }),
    {
      minLength: 1,
      maxLength: 3,
    },
  ),
});

/** What the product decides. */
export function decide({
  principal,
  identityPolicies,
  sessionPolicy,
  resourcePolicy,
  requests,
}: DecisionScene): Decision {
  const narrowed =
    sessionPolicy === undefined || principal.kind !== 'RoleSession' ? principal : { ...principal, sessionPolicy };
  return evaluate(
    narrowed,
    requests.map((request) => ({
      ...request,
      scope: 'shared',
      ...(resourcePolicy === undefined ? {} : { resourcePolicy }),
    })),
    context,
    { identityPolicies: identityPolicies.map((document, index) => ({ name: `RamPolicy/p${index}`, document })) },
  );
}

/** What the plain model decides. */
export function referenceOf({
  principal,
  identityPolicies,
  sessionPolicy,
  resourcePolicy,
  requests,
}: DecisionScene): string {
  const bases = requests.map((request) =>
    referenceDecision({
      ...request,
      principalArn: arnOf(principal),
      accountId,
      identityPolicies,
      resourcePolicy,
      sessionPolicy: principal === session ? sessionPolicy : undefined,
    }),
  );
  return bases.find((basis) => basis === 'ExplicitDeny') ?? bases.find((basis) => basis === 'ImplicitDeny') ?? 'Allow';
}
