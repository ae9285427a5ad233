import { describe, expect, test } from 'vitest';
import type { Principal } from '../../src/policy/principal.ts';
import { evaluateTrust, trustedAudiences, type TrustSubject } from '../../src/policy/trust.ts';
import { account, clientKey, context, documentOf, podSession, roleSession, user } from '../support/policy-scene.ts';

const provider = 'acs:ram::1000:oidc-provider/kubernetes';
const claims = { 'oidc:iss': 'https://issuer', 'oidc:aud': 'ci', 'oidc:sub': 'system:serviceaccount:shop:web' };
const podToken: TrustSubject = { principal: { kind: 'Anonymous' }, federated: provider, claims };

const federated = (conditions: Record<string, string | string[]>, operator = 'StringEquals') => ({
  Effect: 'Allow',
  Action: 'sts:AssumeRole',
  Principal: { Federated: provider },
  Condition: { [operator]: conditions },
});
const trusting = (RAM: string | string[], more: object = {}): string =>
  documentOf({ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { RAM }, ...more });
const decide = (document: string, subject: TrustSubject) => evaluateTrust('builder', document, subject, context);
const effectFor = (document: string, principal: Principal, more: Partial<TrustSubject> = {}): string =>
  decide(document, { principal, ...more }).effect;

describe('a trust policy for tokens', () => {
  const all = { 'oidc:iss': 'https://issuer', 'oidc:aud': 'ci', 'oidc:sub': 'system:serviceaccount:shop:web' };

  test('trusts a token of the provider whose claims are as it says', () => {
    const decision = decide(documentOf(federated(all)), podToken);
    expect(decision).toMatchObject({ effect: 'Allow', reasons: [{ policy: 'TrustPolicy/builder', statement: 0 }] });
  });

  test.each([
    ['oidc:iss', 'https://other'],
    ['oidc:aud', 'other'],
    ['oidc:sub', 'system:serviceaccount:shop:web2'],
    ['oidc:sub', 'system:serviceaccount:Shop:web'],
  ])('C1: does not trust a token whose %s is another', (claim, value) => {
    const subject = { ...podToken, claims: { ...claims, [claim]: value } };
    expect(decide(documentOf(federated(all)), subject).effect).toBe('Deny');
  });

  test('C1: does not trust a token of another provider with the same claims', () => {
    const subject = { ...podToken, federated: 'acs:ram::1000:oidc-provider/other' };
    expect(decide(documentOf(federated(all)), subject).effect).toBe('Deny');
  });

  test('does not trust a signed caller, nor a token for what is said about the account', () => {
    expect(effectFor(documentOf(federated(all)), user, { claims })).toBe('Deny');
    expect(decide(trusting('acs:ram::1000:root'), podToken).effect).toBe('Deny');
    expect(decide(trusting('acs:ram::1000:root'), { ...podToken, principal: user }).effect).toBe('Deny');
  });

  test('lets a deny win', () => {
    const deny = { ...federated({ 'oidc:sub': 'system:serviceaccount:shop:*' }, 'StringLike'), Effect: 'Deny' };
    expect(decide(documentOf(federated(all), deny), podToken).basis).toBe('ExplicitDeny');
  });

  test('may name the action by either of its names', () => {
    const document = documentOf({ ...federated(all), Action: 'sts:AssumeRoleWithOIDC' });
    expect(decide(document, podToken).effect).toBe('Allow');
  });

  test('names the audiences it takes by StringEquals in what it allows, and nowhere else', () => {
    const document = documentOf(
      federated({ 'oidc:aud': ['a', 'b'] }),
      federated({ 'oidc:aud': 'c*' }, 'StringLike'),
      { ...federated({ 'oidc:aud': 'd' }), Effect: 'Deny' },
      federated({ 'oidc:sub': 'e' }),
    );
    expect(trustedAudiences(document)).toEqual(['a', 'b']);
    expect(trustedAudiences('not a document')).toEqual([]);
  });
});

describe('a trust policy for callers', () => {
  test('trusts everybody in the account when it names the account', () => {
    for (const principal of [user, roleSession, account]) {
      expect(effectFor(trusting('acs:ram::1000:root'), principal)).toBe('Allow');
    }
    expect(effectFor(trusting('acs:ram::2000:root'), user)).toBe('Deny');
    expect(effectFor(trusting('acs:ram::1000:root'), { kind: 'Anonymous' })).toBe('Deny');
  });

  test('C7: trusts the user or role that it names exactly', () => {
    expect(effectFor(trusting('acs:ram::1000:user/ci'), user)).toBe('Allow');
    expect(effectFor(trusting('acs:ram::1000:user/c'), user)).toBe('Deny');
    expect(effectFor(trusting('acs:ram::1000:role/builder'), roleSession)).toBe('Allow');
    expect(effectFor(trusting('acs:ram::1000:role/ci'), user)).toBe('Deny');
    expect(effectFor(trusting('acs:ram::1000:user/shop'), podSession)).toBe('Deny');
    expect(effectFor(trusting('acs:ram::1000:user/shop'), clientKey)).toBe('Deny');
  });

  test('trusts a service not at all, since no service calls', () => {
    const document = documentOf({
      Effect: 'Allow',
      Action: 'sts:AssumeRole',
      Principal: { Service: 'ecs.aliyuncs.com' },
    });
    expect(effectFor(document, user)).toBe('Deny');
  });

  test('may ask for an external id', () => {
    const document = trusting('acs:ram::1000:root', { Condition: { StringEquals: { 'sts:ExternalId': 'x1' } } });
    expect(effectFor(document, user, { claims: { 'sts:ExternalId': 'x1' } })).toBe('Allow');
    expect(effectFor(document, user, { claims: { 'sts:ExternalId': 'x2' } })).toBe('Deny');
    expect(effectFor(document, user)).toBe('Deny');
  });

  test('that cannot be read trusts nobody', () => {
    expect(decide('{', { principal: user }).basis).toBe('ExplicitDeny');
  });
});
