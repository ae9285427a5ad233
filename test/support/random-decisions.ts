import * as fc from 'fast-check';
import { evaluate } from '../../src/policy/evaluate.ts';
import type { AccessContext, Decision } from '../../src/policy/decision.ts';
import type { PolicySet } from '../../src/policy/policy-set.ts';
import type { Principal } from '../../src/policy/principal.ts';
import { expandRbacPolicy } from '../../src/policy/rbac-templates.ts';
import { referenceDecision, type ReferenceGrant, type ReferenceStatement } from './reference-evaluator.ts';

const accountId = '1000';

const user: Principal = { kind: 'RamUser', accountId, userName: 'ci', accessKeyId: 'AK' };
const session: Principal = {
  kind: 'RoleSession',
  accountId,
  roleName: 'ci',
  sessionName: 's1',
  accessKeyId: 'STS.1',
  expiresAt: Date.UTC(2027, 0, 1),
};
/** Somebody who came through the access point `shop`. */
const entrant: Principal = { ...session, accessPoint: 'shop' };
const arnOf = (principal: Principal): string => `acs:ram::${accountId}:${principal === user ? 'user' : 'role'}/ci`;

const actions = ['kms:Encrypt', 'kms:Decrypt', 'kms:ListKeys', 'kms:ReEncryptFrom', 'kms:GetSecretValue'];
const resources = [
  'key',
  'key/1',
  'key/12',
  'secret/shop/db',
  'secret/shop',
  'secret/kaap/client-key/shop/KAAP.1',
  'alias/shop',
].map((id) => `acs:kms:local:${accountId}:${id}`);
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
  'acs:kms:*:*:secret*',
  'acs:kms:*:2000:*',
);
type Condition = NonNullable<ReferenceStatement['Condition']>;

/** Operators of one kind with the keys and values that go with them. */
const tests = (operators: string[], keys: string[], values: string[]): fc.Arbitrary<Condition> =>
  fc
    .tuple(fc.constantFrom(...operators), fc.constantFrom(...keys), oneOrMore(fc.constantFrom(...values)))
    .map(([operator, key, chosen]) => ({ [operator]: { [key]: chosen } }));
const tagKeys = ['kms:tag/team', 'kms:tag/env'];
const stringOperators = ['StringEquals', 'StringNotEquals', 'StringLike', 'StringNotLike'].concat(
  'StringEqualsIgnoreCase',
  'StringNotEqualsIgnoreCase',
);
const times = ['2025-12-31T23:59:59Z', '2026-01-01T00:00:00Z', '2026-01-01T09:00:00+08:00'];
const anyTest = fc.oneof(
  tests(stringOperators, tagKeys, ['a', 'b', 'A', 'a*', '?']),
  tests(['NumericEquals', 'NumericNotEquals', 'NumericLessThan', 'NumericGreaterThanEquals'], tagKeys, ['1', '2.5']),
  tests(['IpAddress', 'NotIpAddress'], ['acs:SourceIp'], ['10.0.0.0/8', '10.0.0.1', '192.168.0.0/16', '0.0.0.0/0']),
  tests(['DateLessThan', 'DateGreaterThanEquals'], ['acs:CurrentTime'], times),
  tests(['Bool'], ['acs:SecureTransport'], ['true', 'false']),
);
const condition = fc.option(
  fc
    .array(anyTest, { minLength: 1, maxLength: 2 })
    .map((all) => ({ Condition: Object.assign({}, ...all) as Condition })),
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
  context: AccessContext;
  /** What the access point gives, where the principal came through one. */
  grants: ReferenceGrant[];
  identityPolicies: string[];
  sessionPolicy: string | undefined;
  resourcePolicy: string | undefined;
  requests: { action: string; resource: string; tags: Record<string, string> }[];
}

const grant: fc.Arbitrary<ReferenceGrant> = fc
  .record({
    templates: fc.uniqueArray(fc.constantFrom('SecretUser' as const, 'CryptoServiceKeyUser' as const), {
      minLength: 1,
    }),
    resources: oneOrMore(
      fc.constantFrom('secret/*', 'secret/shop/*', 'secret/shop', 'key/*', 'key/1', 'key/1*', 'secret/k*'),
    ),
    networks: fc.option(fc.array(fc.constantFrom('10.0.0.0/8', '192.168.1.1', '0.0.0.0/0'), { maxLength: 2 }), {
      nil: undefined,
    }),
  })
  .map(({ templates, resources: names, networks }) => ({
    templates,
    resources: [names].flat(),
    ...(networks !== undefined && { networks }),
  }));

const tags = fc.dictionary(fc.constantFrom('team', 'env'), fc.constantFrom('a', 'b', 'ab', 'A', '1', '2.50', '10'));
/** A principal with policies of every kind, and what it asks for. */
export const decisionScene: fc.Arbitrary<DecisionScene> = fc.record({
  principal: fc.constantFrom(user, session, entrant),
  context: fc.record({
    time: fc.constantFrom(...times.map((text) => Date.parse(text))),
    sourceIp: fc.constantFrom('10.0.0.1', '10.200.0.1', '192.168.1.1', '8.8.8.8'),
    secureTransport: fc.boolean(),
  }),
  grants: fc.array(grant, { maxLength: 3 }),
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

function policySetOf({ principal, grants, identityPolicies }: DecisionScene): PolicySet {
  const named = identityPolicies.map((document, index) => ({ name: `RamPolicy/p${index}`, document }));
  if (principal !== entrant) return { identityPolicies: named };
  const policies = grants.map(({ templates, resources: names, networks }, index) =>
    expandRbacPolicy({
      name: `p${index}`,
      scope: 'shared',
      permissions: templates,
      resources: names,
      ...(networks !== undefined && {
        networkRules: networks.map((block) => ({ name: block, type: 'Private' as const, sourcePrivateIp: [block] })),
      }),
    }),
  );
  return {
    identityPolicies: named,
    accessPoint: { name: 'shop', mode: 'Enforce', method: 'RAMRole', policies },
  };
}

/** What the product decides. */
export function decide(scene: DecisionScene): Decision {
  const { principal, context, sessionPolicy, resourcePolicy, requests } = scene;
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
    policySetOf(scene),
  );
}

/** What the plain model decides. */
export function referenceOf(scene: DecisionScene): string {
  const { principal, context, grants, identityPolicies, sessionPolicy, resourcePolicy, requests } = scene;
  const facts = {
    'acs:SourceIp': context.sourceIp,
    'acs:SecureTransport': String(context.secureTransport),
    'acs:CurrentTime': new Date(context.time).toISOString(),
  };
  const bases = requests.map((request) =>
    referenceDecision({
      ...request,
      principalArn: arnOf(principal),
      accountId,
      facts,
      ...(principal === entrant && { grants }),
      identityPolicies,
      resourcePolicy,
      sessionPolicy: principal === user ? undefined : sessionPolicy,
    }),
  );
  return bases.find((basis) => basis === 'ExplicitDeny') ?? bases.find((basis) => basis === 'ImplicitDeny') ?? 'Allow';
}
