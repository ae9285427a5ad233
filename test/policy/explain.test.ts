import { describe, expect, test } from 'vitest';
import { evaluate } from '../../src/policy/evaluate.ts';
import { accessDeniedDetail, decidedBy, explainDecision } from '../../src/policy/explain.ts';
import { emptyPolicySet } from '../../src/policy/policy-set.ts';
import {
  account,
  attached,
  clientKey,
  context,
  documentOf,
  entering,
  podSession,
  request,
  roleSession,
  user,
} from '../support/policy-scene.ts';

const decrypt = request('kms:Decrypt', 'key/1');
const denyDecrypt = documentOf({ Effect: 'Deny', Action: 'kms:Decrypt', Resource: '*' });

describe('an explanation', () => {
  test('of an allow names the rule that allows each request', () => {
    const decision = evaluate(account, [decrypt], context, emptyPolicySet);
    expect(explainDecision(decision)).toEqual([
      'Allowed: every permission that the call needs is given and none is denied.',
      '  allow  kms:Decrypt on acs:kms:local:1000:key/1  by Account: The account owns the resource.',
    ]);
  });

  test('of an explicit deny begins with the statement that denies', () => {
    const decision = evaluate(user, [decrypt], context, attached(denyDecrypt));
    expect(explainDecision(decision).slice(0, 2)).toEqual([
      'Denied: a policy says so. No permission outweighs that.',
      '  deny  kms:Decrypt on acs:kms:local:1000:key/1  by RamPolicy/p0 statement 0: Statement 0 denies it.',
    ]);
  });

  test('of an implicit deny has a line for each policy that does not match', () => {
    const other = documentOf({ Effect: 'Allow', Action: 'kms:Encrypt', Resource: '*' });
    const near = documentOf({ Effect: 'Allow', Action: 'kms:*', Resource: 'acs:kms:*:*:secret/*' });
    const lines = explainDecision(evaluate(user, [decrypt], context, attached(other, near)));
    expect(lines[1]).toMatch(/by RamPolicy\/p0: No statement allows this action\.$/);
    expect(lines[2]).toMatch(/by RamPolicy\/p1 statement 0: Statement 0: another resource\.$/);
  });

  test('says that a shadowed denial is not enforced', () => {
    const asked = request('kms:GetSecretValue', 'secret/bank/db');
    const [headline] = explainDecision(evaluate(podSession, [asked], context, entering({}, { mode: 'Shadow' })));
    expect(headline).toMatch(/Shadow mode, so the call goes on/);
  });
});

const detailOf = (...[principal, policies]: [Parameters<typeof evaluate>[0], Parameters<typeof evaluate>[3]]) =>
  accessDeniedDetail(evaluate(principal, [decrypt], context, policies), principal);

describe('an AccessDeniedDetail', () => {
  test.each([
    [user, attached(denyDecrypt), 'SubUser', 'ci', 'ExplicitDeny', 'AccountLevelIdentityBasedPolicy'],
    [user, emptyPolicySet, 'SubUser', 'ci', 'ImplicitDeny', 'AccountLevelIdentityBasedPolicy'],
    [podSession, entering(), 'AssumedRoleUser', 'shop:run-1', 'ImplicitDeny', 'ApplicationAccessPointPolicy'],
    [
      clientKey,
      entering({}, { method: 'ClientKey' }),
      'ClientKey',
      'shop',
      'ImplicitDeny',
      'ApplicationAccessPointPolicy',
    ],
    [
      { ...roleSession, sessionPolicy: denyDecrypt },
      emptyPolicySet,
      'AssumedRoleUser',
      'builder:run-1',
      'ExplicitDeny',
      'SessionPolicy',
    ],
  ] as const)(
    'tells who was denied what by which kind of policy: %#',
    (principal, policies, type, name, basis, policyType) => {
      expect(detailOf(principal, policies)).toMatchObject({
        AuthAction: 'kms:Decrypt',
        AuthResource: 'acs:kms:local:1000:key/1',
        AuthPrincipalOwnerId: '1000',
        AuthPrincipalType: type,
        AuthPrincipalDisplayName: name,
        NoPermissionType: basis,
        PolicyType: policyType,
      });
    },
  );

  test('names the request that failed, not the first of the call', () => {
    const policy = documentOf({ Effect: 'Allow', Action: 'kms:GetSecretValue', Resource: '*' });
    const calls = [request('kms:GetSecretValue', 'secret/a'), decrypt];
    expect(accessDeniedDetail(evaluate(user, calls, context, attached(policy)), user)).toMatchObject({
      AuthAction: 'kms:Decrypt',
    });
  });

  test('holds no value of a condition', () => {
    const policy = documentOf({
      Effect: 'Allow',
      Action: 'kms:Decrypt',
      Resource: '*',
      Condition: { StringEquals: { 'kms:tag/team': 'canary-value' } },
    });
    const decision = evaluate(user, [{ ...decrypt, tags: { team: 'canary-tag' } }], context, attached(policy));
    expect(JSON.stringify([accessDeniedDetail(decision, user), decision.reasons])).not.toMatch(/canary/);
  });

  test('names the deciding statement', () => {
    const [reason] = evaluate(user, [decrypt], context, attached(denyDecrypt)).reasons;
    expect(reason && decidedBy(reason)).toBe('RamPolicy/p0 statement 0');
  });
});
