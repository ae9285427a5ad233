import { describe, expect, test } from 'vitest';
import { evaluate } from '../../src/policy/evaluate.ts';
import { emptyPolicySet } from '../../src/policy/policy-set.ts';
import { expandRbacPolicy } from '../../src/policy/rbac-templates.ts';
import { attached, clientKey, context, documentOf, entering, podSession, request } from '../support/policy-scene.ts';

const read = request('kms:GetSecretValue', 'secret/shop/db');
const impliedDecrypt = request('kms:Decrypt', 'key/9', { impliedByAccessPoint: true });
const byClientKey = { method: 'ClientKey' } as const;
const passwordOf = (accessPoint: string): string => `secret/kaap/client-key/${accessPoint}/KAAP.1`;

describe('a pod at an access point', () => {
  test('may read a secret that a policy covers, together with the key that encrypts it', () => {
    const decision = evaluate(podSession, [read, impliedDecrypt], context, entering());
    expect(decision.basis).toBe('Allow');
    expect(decision.reasons.map(({ policy }) => policy)).toEqual(['RbacPolicy/shop-secrets', 'AccessPoint/shop']);
  });

  test('is not given the key by asking for the key alone', () => {
    expect(evaluate(podSession, [impliedDecrypt], context, entering()).basis).toBe('ImplicitDeny');
    expect(evaluate(podSession, [impliedDecrypt, impliedDecrypt], context, entering()).basis).toBe('ImplicitDeny');
  });

  test('is denied when the key of the secret is denied to it', () => {
    const deny = documentOf({
      Effect: 'Deny',
      Action: 'kms:Decrypt',
      Resource: '*',
      Principal: { RAM: 'acs:ram::1000:role/shop' },
    });
    const calls = [read, { ...impliedDecrypt, resourcePolicy: deny }];
    expect(evaluate(podSession, calls, context, entering()).basis).toBe('ExplicitDeny');
  });

  test.each([
    ['another secret', request('kms:GetSecretValue', 'secret/bank/db'), 'it does not list this resource'],
    ['another action', request('kms:DeleteSecret', 'secret/shop/db'), 'none of its templates has this action'],
    [
      'another instance',
      request('kms:GetSecretValue', 'secret/shop/db', { scope: 'kst-1' }),
      'it is for the scope shared, not kst-1',
    ],
    ['a list', request('kms:ListSecrets', 'secret'), 'none of its templates has this action'],
  ])('is denied %s, and learns why', (_title, asked, why) => {
    const decision = evaluate(podSession, [asked], context, entering());
    expect(decision.basis).toBe('ImplicitDeny');
    expect(decision.reasons[0]?.message).toBe(`Not allowed: ${why}.`);
  });

  test('is given nothing by identity policies and key policies: the access point is all it has', () => {
    const allowAll = documentOf({ Effect: 'Allow', Action: '*', Resource: '*' });
    const own = documentOf({
      Effect: 'Allow',
      Action: 'kms:*',
      Resource: '*',
      Principal: { RAM: 'acs:ram::1000:role/shop' },
    });
    const policies = { ...entering(), ...attached(allowAll) };
    const asked = request('kms:Decrypt', 'key/1', { resourcePolicy: own });
    expect(evaluate(podSession, [asked], context, policies).basis).toBe('ImplicitDeny');
  });

  test('is denied everything once the access point is gone, or another one stands in its place', () => {
    expect(evaluate(podSession, [read], context, emptyPolicySet).basis).toBe('ImplicitDeny');
    expect(evaluate(podSession, [read], context, entering({}, { name: 'bank' })).basis).toBe('ImplicitDeny');
  });

  test('is narrowed by its session policy, which need not name the key of the secret', () => {
    const narrow = documentOf({
      Effect: 'Allow',
      Action: 'kms:GetSecretValue',
      Resource: 'acs:kms:*:*:secret/shop/db',
    });
    const session = { ...podSession, sessionPolicy: narrow };
    expect(evaluate(session, [read, impliedDecrypt], context, entering()).effect).toBe('Allow');
    const other = request('kms:GetSecretValue', 'secret/shop/other');
    expect(evaluate(session, [other], context, entering()).effect).toBe('Deny');
  });

  test('C9: is denied from a network that no rule of the policy names', () => {
    const networkRules = [{ name: 'office', type: 'Private' as const, sourcePrivateIp: ['192.168.0.0/16'] }];
    const from = (sourceIp: string) =>
      evaluate(podSession, [read], { ...context, sourceIp }, entering({ networkRules }));
    expect(from('192.168.1.1').effect).toBe('Allow');
    expect(from('::ffff:192.168.1.1').effect).toBe('Allow');
    expect(from('10.0.0.1').reasons[0]?.message).toBe('Not allowed: none of its network rules admits 10.0.0.1.');
    expect(from('unix').effect).toBe('Deny');
  });

  test('is admitted from nowhere when the network rules are gone, and from anywhere when none were asked for', () => {
    expect(evaluate(podSession, [read], context, entering({ networkRules: [] })).effect).toBe('Deny');
    expect(evaluate(podSession, [read], context, entering()).effect).toBe('Allow');
  });

  test('never reads the passwords of client keys, not even with a policy for every secret', () => {
    const asked = request('kms:GetSecretValue', passwordOf('shop'));
    for (const mode of ['Enforce', 'Shadow'] as const) {
      const decision = evaluate(podSession, [asked], context, entering({ resources: ['secret/*'] }, { mode }));
      expect(decision.effect).toBe('Deny');
      expect(decision.shadowed).toBeUndefined();
    }
  });
});

describe('a client key', () => {
  test('has what the policies of its access point give', () => {
    expect(evaluate(clientKey, [read], context, entering({}, byClientKey)).effect).toBe('Allow');
    const decrypt = request('kms:Decrypt', 'key/1');
    expect(evaluate(clientKey, [decrypt], context, entering({}, byClientKey)).effect).toBe('Deny');
  });

  test('has nothing once its access point takes roles instead', () => {
    expect(evaluate(clientKey, [read], context, entering()).basis).toBe('ImplicitDeny');
  });

  test('does not read its own password', () => {
    const asked = request('kms:GetSecretValue', passwordOf('shop'));
    expect(evaluate(clientKey, [asked], context, entering({ resources: ['secret/*'] }, byClientKey)).effect).toBe(
      'Deny',
    );
  });
});

describe("a pod's token at an access point of client keys", () => {
  const calls = (relativeId: string, action = 'kms:GetSecretValue') =>
    evaluate(podSession, [request(action, relativeId)], context, entering({ resources: ['secret/*'] }, byClientKey));

  test('reads the password of the client key file', () => {
    expect(calls(passwordOf('shop')).effect).toBe('Allow');
  });

  test.each([
    ['a password of another access point', passwordOf('bank'), 'kms:GetSecretValue'],
    ['a password of an access point whose name begins alike', passwordOf('shop2'), 'kms:GetSecretValue'],
    ['the folder itself', 'secret/kaap/client-key/shop', 'kms:GetSecretValue'],
    ['a secret that the policies cover', 'secret/shop/db', 'kms:GetSecretValue'],
    ['a change of the password', passwordOf('shop'), 'kms:PutSecretValue'],
    ['a key', 'key/1', 'kms:Decrypt'],
  ])('does nothing else: %s', (_title, relativeId, action) => {
    expect(calls(relativeId, action).basis).toBe('ImplicitDeny');
  });

  test('does nothing else in Shadow mode either', () => {
    const policies = entering({}, { ...byClientKey, mode: 'Shadow' });
    const decision = evaluate(podSession, [request('kms:GetSecretValue', 'secret/bank/db')], context, policies);
    expect(decision.effect).toBe('Deny');
    expect(decision.shadowed).toBeUndefined();
  });
});

describe('Shadow mode', () => {
  const shadow = entering({}, { mode: 'Shadow' });
  const other = request('kms:GetSecretValue', 'secret/bank/db');

  test('marks a denial that would be the access point’s, and an allow not at all', () => {
    expect(evaluate(podSession, [other], context, shadow)).toMatchObject({
      effect: 'Deny',
      basis: 'ImplicitDeny',
      shadowed: true,
    });
    expect(evaluate(podSession, [read], context, shadow)).not.toHaveProperty('shadowed');
    expect(evaluate(podSession, [other], context, entering())).not.toHaveProperty('shadowed');
  });

  test('of a policy alone covers the calls that it is about, and names it', () => {
    const tried = (policy: object = {}) => entering({ mode: 'Shadow', ...policy });
    const office = { name: 'office', type: 'Private', sourcePrivateIp: ['192.168.0.0/16'] } as const;
    for (const policies of [tried(), tried({ resources: ['secret/bank/db'], networkRules: [office] })])
      expect(evaluate(podSession, [other], context, policies)).toMatchObject({
        effect: 'Deny',
        shadowed: true,
        reasons: [{ policy: 'RbacPolicy/shop-secrets' }],
      });
    expect(evaluate(podSession, [read], context, tried())).not.toHaveProperty('shadowed');
    for (const [policies, asked] of [
      [tried({ scope: 'kst-aaaa' }), other],
      [tried(), request('kms:Decrypt', 'key/1')],
      [tried(), request('kms:GetSecretValue', passwordOf('shop'))],
      [tried({ resources: ['secret/*'] }), request('kms:PutSecretValue', 'secret/bank/db')],
    ] as const) {
      const decision = evaluate(podSession, [asked], context, policies);
      expect(decision.effect).toBe('Deny');
      expect(decision.shadowed).toBeUndefined();
    }
  });

  test('of one of several policies is named before those that are enforced', () => {
    const policyOf = (name: string, mode: 'Enforce' | 'Shadow') =>
      expandRbacPolicy({ name, scope: 'shared', permissions: ['SecretUser'], resources: ['secret/shop/*'], mode });
    const policies = [policyOf('a', 'Enforce'), policyOf('b', 'Shadow'), policyOf('c', 'Enforce')];
    const decision = evaluate(podSession, [other], context, entering({}, { policies }));
    expect(decision.shadowed).toBe(true);
    expect(decision.reasons.map(({ policy }) => policy)).toEqual(['b', 'a', 'c'].map((name) => `RbacPolicy/${name}`));
  });

  test.each([
    ['calls that no template gives', [request('kms:DeleteSecret', 'secret/shop/db')]],
    ['a call of which one part is such', [other, request('kms:PutSecretValue', 'secret/shop/db')]],
    ['names that are not canonical', [request('kms:GetSecretValue', 'secret//x')]],
  ])('does not cover %s', (_title, calls) => {
    const decision = evaluate(podSession, calls, context, shadow);
    expect(decision.effect).toBe('Deny');
    expect(decision.shadowed).toBeUndefined();
  });

  test('does not cover an explicit deny', () => {
    const resourcePolicy = documentOf({
      Effect: 'Deny',
      Action: 'kms:*',
      Resource: '*',
      Principal: { RAM: 'acs:ram::1000:*' },
    });
    const decision = evaluate(podSession, [{ ...other, resourcePolicy }], context, shadow);
    expect(decision.basis).toBe('ExplicitDeny');
    expect(decision.shadowed).toBeUndefined();
  });

  test('does not cover what the session policy leaves out', () => {
    const sessionPolicy = documentOf({ Effect: 'Allow', Action: 'kms:Encrypt', Resource: '*' });
    const decision = evaluate({ ...podSession, sessionPolicy }, [other], context, shadow);
    expect(decision.reasons[0]?.policy).toBe('SessionPolicy');
    expect(decision.shadowed).toBeUndefined();
  });

  test('does not cover a session whose access point is gone', () => {
    expect(evaluate(podSession, [other], context, emptyPolicySet).shadowed).toBeUndefined();
  });
});
