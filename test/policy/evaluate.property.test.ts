import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { evaluate } from '../../src/policy/evaluate.ts';
import type { Principal } from '../../src/policy/principal.ts';
import { referenceDecision, type ReferenceStatement } from '../support/reference-evaluator.ts';

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

const tags = fc.dictionary(fc.constantFrom('team', 'env'), fc.constantFrom('a', 'b', 'ab'));
const scene = fc.record({
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

type Scene = typeof scene extends fc.Arbitrary<infer T> ? T : never;

function decide({ principal, identityPolicies, sessionPolicy, resourcePolicy, requests }: Scene) {
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

function referenceOf({ principal, identityPolicies, sessionPolicy, resourcePolicy, requests }: Scene): string {
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

describe('a decision', () => {
  test('D3: is the one that the plain reference model makes, for random policies', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(scene, (given) => {
        const decision = decide(given);
        seen.add(decision.basis);
        expect(decision.basis).toBe(referenceOf(given));
        expect(decision.effect).toBe(decision.basis === 'Allow' ? 'Allow' : 'Deny');
        expect(decision.reasons.length).toBeGreaterThan(0);
      }),
      { numRuns: 3000 },
    );
    expect(seen.size).toBe(3);
  });

  test('D3: is a denial as soon as one more policy denies, whatever else allows', () => {
    const denyAll = JSON.stringify({ Version: '1', Statement: [{ Effect: 'Deny', Action: '*', Resource: '*' }] });
    fc.assert(
      fc.property(scene, fc.nat({ max: 3 }), (given, place) => {
        const identityPolicies = given.identityPolicies.toSpliced(place, 0, denyAll);
        expect(decide({ ...given, identityPolicies }).basis).toBe('ExplicitDeny');
      }),
    );
  });

  test('D3: is never an allow for a list of requests of which one alone is denied', () => {
    fc.assert(
      fc.property(scene, (given) => {
        const together = decide(given).effect;
        const alone = given.requests.map((request) => decide({ ...given, requests: [request] }).effect);
        expect(together).toBe(alone.includes('Deny') ? 'Deny' : 'Allow');
      }),
    );
  });

  test('is never widened by a session policy', () => {
    fc.assert(
      fc.property(scene, (given) => {
        if (decide(given).effect === 'Allow')
          expect(decide({ ...given, sessionPolicy: undefined }).effect).toBe('Allow');
      }),
    );
  });

  test('is the same at the second time, when every policy is compiled already', () => {
    fc.assert(
      fc.property(scene, (given) => {
        expect(decide(given)).toEqual(decide(given));
      }),
    );
  });
});
