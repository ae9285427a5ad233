import { describe, expect, test } from 'vitest';
import { evaluate } from '../../src/policy/evaluate.ts';
import { emptyPolicySet } from '../../src/policy/policy-set.ts';
import type { Principal } from '../../src/policy/principal.ts';
import {
  account,
  accountId,
  attached,
  context,
  documentOf,
  request,
  roleSession,
  user,
} from '../support/policy-scene.ts';

const allowAll = documentOf({ Effect: 'Allow', Action: 'kms:*', Resource: '*' });
const own = (Effect: 'Allow' | 'Deny', RAM: string | string[], Action: string | string[] = 'kms:*'): string =>
  documentOf({ Effect, Action, Resource: '*', Principal: { RAM } });
const ram = (name: string): string => `acs:ram::${accountId}:${name}`;
const decrypt = request('kms:Decrypt', 'key/1');

describe('the account', () => {
  test('may do everything on its own resources, without any policy', () => {
    expect(evaluate(account, [decrypt, request('kms:ListKeys', 'key')], context, emptyPolicySet).effect).toBe('Allow');
    expect(evaluate(account, [request('kms:GetRandomPassword', '*')], context, emptyPolicySet).effect).toBe('Allow');
  });

  test('is denied what the policy of a key denies it', () => {
    const asked = { ...decrypt, resourcePolicy: own('Deny', ram('root'), 'kms:Decrypt') };
    const decision = evaluate(account, [asked], context, emptyPolicySet);
    expect(decision).toMatchObject({
      basis: 'ExplicitDeny',
      reasons: [{ policy: 'KeyPolicy/1', statement: 0, effect: 'Deny' }],
    });
  });

  test('may do nothing on resources of another account', () => {
    const asked = { ...decrypt, resource: 'acs:kms:local:2000:key/1' };
    expect(evaluate(account, [asked], context, emptyPolicySet).basis).toBe('ImplicitDeny');
  });
});

describe('nobody', () => {
  test('may do anything, not even what a key policy gives to the account', () => {
    const asked = { ...decrypt, resourcePolicy: own('Allow', ram('*')) };
    expect(evaluate({ kind: 'Anonymous' }, [asked], context, attached(allowAll)).basis).toBe('ImplicitDeny');
  });
});

describe('nothing asked', () => {
  test('is nothing allowed, not even to the account', () => {
    expect(evaluate(account, [], context, emptyPolicySet)).toMatchObject({ effect: 'Deny', basis: 'ImplicitDeny' });
  });
});

describe('a RAM user or role', () => {
  test.each([
    ['a user', user],
    ['a role session', roleSession],
  ])('is denied without a policy, with a reason: %s', (_title, principal) => {
    const decision = evaluate(principal, [decrypt], context, emptyPolicySet);
    expect(decision).toMatchObject({ basis: 'ImplicitDeny', denied: decrypt });
    expect(decision.reasons[0]?.message).toMatch(/Attach one/);
  });

  test('needs every permission of a call', () => {
    const policy = documentOf({ Effect: 'Allow', Action: 'kms:GetSecretValue', Resource: '*' });
    const calls = [request('kms:GetSecretValue', 'secret/a'), decrypt];
    const decision = evaluate(user, calls, context, attached(policy));
    expect(decision).toMatchObject({ basis: 'ImplicitDeny', denied: decrypt });
    expect(evaluate(user, calls.slice(0, 1), context, attached(policy)).effect).toBe('Allow');
  });

  test('needs the permission that access points have by implication', () => {
    const policy = documentOf({ Effect: 'Allow', Action: 'kms:GetSecretValue', Resource: '*' });
    const calls = [request('kms:GetSecretValue', 'secret/a'), { ...decrypt, impliedByAccessPoint: true as const }];
    expect(evaluate(user, calls, context, attached(policy)).basis).toBe('ImplicitDeny');
  });

  test('D3: is denied by a broad deny what a more specific statement allows, and the other way round', () => {
    const specific = { Resource: `acs:kms:local:${accountId}:key/1`, Action: 'kms:Decrypt' };
    const broad = { Resource: '*', Action: 'kms:*' };
    for (const [allow, deny] of [
      [specific, broad],
      [broad, specific],
    ]) {
      const both = documentOf({ Effect: 'Allow', ...allow }, { Effect: 'Deny', ...deny });
      expect(evaluate(user, [decrypt], context, attached(both))).toMatchObject({
        basis: 'ExplicitDeny',
        reasons: [{ policy: 'RamPolicy/p0', statement: 1, effect: 'Deny' }],
      });
    }
  });

  test('D3: is denied a list when the deny covers the container of names', () => {
    const policy = documentOf(
      { Effect: 'Allow', Action: 'kms:*', Resource: '*' },
      { Effect: 'Deny', Action: 'kms:List*', Resource: 'acs:kms:*:*:secret*' },
    );
    expect(evaluate(user, [request('kms:ListSecrets', 'secret')], context, attached(policy)).basis).toBe(
      'ExplicitDeny',
    );
    expect(evaluate(user, [request('kms:ListKeys', 'key')], context, attached(policy)).basis).toBe('Allow');
  });

  test('D5: meets action names in any case, resource names in their own case only', () => {
    const policy = documentOf({ Effect: 'Allow', Action: 'KMS:decrypt', Resource: `acs:kms:*:*:key/Abc` });
    expect(evaluate(user, [request('kms:Decrypt', 'key/Abc')], context, attached(policy)).effect).toBe('Allow');
    expect(evaluate(user, [request('kms:Decrypt', 'key/abc')], context, attached(policy)).effect).toBe('Deny');
    const deny = documentOf({ Effect: 'Deny', Action: 'kms:dECRYPT', Resource: '*' });
    expect(evaluate(user, [decrypt], context, attached(allowAll, deny)).basis).toBe('ExplicitDeny');
  });

  test('with NotAction is given every other action', () => {
    const policy = documentOf({
      Effect: 'Allow',
      NotAction: ['kms:Delete*', 'kms:ScheduleKeyDeletion'],
      Resource: '*',
    });
    expect(evaluate(user, [decrypt], context, attached(policy)).effect).toBe('Allow');
    expect(evaluate(user, [request('kms:ScheduleKeyDeletion', 'key/1')], context, attached(policy)).effect).toBe(
      'Deny',
    );
  });

  test.each([
    'secret/a//b',
    'secret/./a',
    'secret/../a',
    'secret/%2e%2e/a',
    'secret/',
    'secret/*',
    `secret/${'x'.repeat(10_000)}`,
  ])('D1: is denied a resource name that has a second reading: %j', (name) => {
    const decision = evaluate(user, [request('kms:GetSecretValue', name)], context, attached(allowAll));
    expect(decision.reasons[0]?.message).toMatch(/not canonical/);
    expect(decision.effect).toBe('Deny');
  });

  test('B4: is given exactly the name in the policy, not one that looks like it', () => {
    const policy = documentOf({ Effect: 'Allow', Action: 'kms:*', Resource: `acs:kms:*:*:secret/shop/db` });
    for (const name of ['secret/Shop/db', 'secret/shop/db.', 'secret/shop/db/x', 'secret/shop/d', 'secret/shор/db']) {
      expect(evaluate(user, [request('kms:GetSecretValue', name)], context, attached(policy)).effect).toBe('Deny');
    }
  });

  test('is denied everything when an attached policy cannot be read', () => {
    const decision = evaluate(user, [decrypt], context, attached(allowAll, '{"Version":"1"}'));
    expect(decision).toMatchObject({ basis: 'ExplicitDeny', reasons: [{ policy: 'RamPolicy/p1', effect: 'Deny' }] });
  });

  test('learns which condition did not hold', () => {
    const policy = documentOf({
      Sid: 'office',
      Effect: 'Allow',
      Action: 'kms:Decrypt',
      Resource: '*',
      Condition: { IpAddress: { 'acs:SourceIp': '192.0.2.0/24' } },
    });
    const [reason] = evaluate(user, [decrypt], context, attached(policy)).reasons;
    expect(reason).toMatchObject({ policy: 'RamPolicy/p0', statement: 0, effect: 'NoMatch' });
    expect(reason?.message).toBe('Statement 0 ("office"): condition IpAddress on acs:SourceIp does not hold.');
  });

  test('D8: is denied by a rule on tags when the tag is missing, whichever way the rule is written', () => {
    const has = documentOf({
      Effect: 'Allow',
      Action: 'kms:*',
      Resource: '*',
      Condition: { StringEquals: { 'kms:tag/team': 'a' } },
    });
    const hasNot = documentOf({
      Effect: 'Allow',
      Action: 'kms:*',
      Resource: '*',
      Condition: { StringNotEquals: { 'kms:tag/team': 'b' } },
    });
    for (const policy of [has, hasNot]) {
      expect(evaluate(user, [decrypt], context, attached(policy)).effect).toBe('Deny');
      expect(evaluate(user, [{ ...decrypt, tags: {} }], context, attached(policy)).effect).toBe('Deny');
      expect(evaluate(user, [{ ...decrypt, tags: { team: 'a' } }], context, attached(policy)).effect).toBe('Allow');
    }
  });
});

describe('the policy of a key or secret', () => {
  test('gives to the user or role that it names, besides what identity policies give', () => {
    const forUser = { ...decrypt, resourcePolicy: own('Allow', ram('user/ci'), 'kms:Decrypt') };
    expect(evaluate(user, [forUser], context, emptyPolicySet).reasons[0]).toMatchObject({
      policy: 'KeyPolicy/1',
      effect: 'Allow',
    });
    expect(evaluate(roleSession, [forUser], context, emptyPolicySet).effect).toBe('Deny');
    const forRole = { ...decrypt, resourcePolicy: own('Allow', ram('role/builder')) };
    expect(evaluate(roleSession, [forRole], context, emptyPolicySet).effect).toBe('Allow');
  });

  test.each(['root', '*'])('that is about the account (%s) gives nothing to users by itself', (name) => {
    const asked = { ...decrypt, resourcePolicy: own('Allow', ram(name)) };
    expect(evaluate(user, [asked], context, emptyPolicySet).basis).toBe('ImplicitDeny');
    expect(evaluate(user, [asked], context, attached(allowAll)).basis).toBe('Allow');
  });

  test('does not take away what identity policies give by being silent about it', () => {
    const asked = { ...decrypt, resourcePolicy: own('Allow', ram('user/other')) };
    expect(evaluate(user, [asked], context, attached(allowAll)).effect).toBe('Allow');
  });

  test.each([
    ['the account', ram('root')],
    ['everybody in the account', ram('*')],
    ['the user', ram('user/ci')],
  ])('denies to the user when it denies to %s', (_title, name) => {
    const asked = { ...decrypt, resourcePolicy: own('Deny', name) };
    expect(evaluate(user, [asked], context, attached(allowAll)).basis).toBe('ExplicitDeny');
  });

  test('of another account says nothing about this one', () => {
    const asked = { ...decrypt, resourcePolicy: own('Deny', 'acs:ram::2000:*') };
    expect(evaluate(user, [asked], context, attached(allowAll)).effect).toBe('Allow');
  });

  test('that cannot be read denies', () => {
    const asked = { ...decrypt, resourcePolicy: '{' };
    expect(evaluate(user, [asked], context, attached(allowAll)).basis).toBe('ExplicitDeny');
  });

  test('of a secret is named as such', () => {
    const asked = request('kms:GetSecretValue', 'secret/shop/db', { resourcePolicy: own('Deny', ram('*')) });
    expect(evaluate(user, [asked], context, attached(allowAll)).reasons[0]?.policy).toBe('SecretPolicy/shop/db');
  });
});

describe('a session policy', () => {
  const narrow = documentOf({ Effect: 'Allow', Action: 'kms:Encrypt', Resource: '*' });
  const narrowed: Principal = { ...roleSession, sessionPolicy: narrow };

  test('narrows what the role has', () => {
    expect(evaluate(narrowed, [request('kms:Encrypt', 'key/1')], context, attached(allowAll)).effect).toBe('Allow');
    const decision = evaluate(narrowed, [decrypt], context, attached(allowAll));
    expect(decision).toMatchObject({
      basis: 'ImplicitDeny',
      reasons: [{ policy: 'SessionPolicy', effect: 'NoMatch' }],
    });
  });

  test('gives nothing that the role does not have', () => {
    expect(evaluate(narrowed, [request('kms:Encrypt', 'key/1')], context, emptyPolicySet).effect).toBe('Deny');
  });

  test('narrows what a key policy gives to the role, too', () => {
    const asked = { ...decrypt, resourcePolicy: own('Allow', ram('role/builder')) };
    expect(evaluate(narrowed, [asked], context, emptyPolicySet).basis).toBe('ImplicitDeny');
  });

  test('of the policy set and of the session both have their say', () => {
    const other = documentOf({ Effect: 'Allow', Action: 'kms:Decrypt', Resource: '*' });
    const policies = { ...attached(allowAll), sessionPolicy: other };
    expect(evaluate(narrowed, [request('kms:Encrypt', 'key/1')], context, policies).effect).toBe('Deny');
    expect(evaluate(roleSession, [decrypt], context, policies).effect).toBe('Allow');
  });

  test('that denies, denies', () => {
    const deny = documentOf({ Effect: 'Deny', Action: 'kms:Decrypt', Resource: '*' });
    const decision = evaluate({ ...roleSession, sessionPolicy: deny }, [decrypt], context, attached(allowAll));
    expect(decision.basis).toBe('ExplicitDeny');
  });
});

describe('an action that Alibaba Cloud writes in two ways', () => {
  const update = request('kms:UpdateCertificateStatus', 'certificate/1');
  const both = ['kms:UpdateCertificateStatus', 'kms:UpdateCertificateStatue'];

  test.each(both)('is allowed, denied and excepted by %s', (Action) => {
    const policy = (Effect: string, rest: object): string => documentOf({ Effect, Resource: '*', ...rest });
    const decide = (...policies: string[]): string => evaluate(user, [update], context, attached(...policies)).basis;
    expect(decide(policy('Allow', { Action }))).toBe('Allow');
    expect(decide(allowAll, policy('Deny', { Action }))).toBe('ExplicitDeny');
    expect(decide(policy('Allow', { NotAction: Action }))).toBe('ImplicitDeny');
  });
});
