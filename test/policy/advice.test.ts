import { describe, expect, test } from 'vitest';
import { adviseChange } from '../../src/policy/advice.ts';
import { evaluate } from '../../src/policy/evaluate.ts';
import { emptyPolicySet, type PolicySet } from '../../src/policy/policy-set.ts';
import type { Principal } from '../../src/policy/principal.ts';
import {
  accountId,
  attached,
  clientKey,
  context,
  documentOf,
  entering,
  podSession,
  request,
  user,
} from '../support/policy-scene.ts';

const asked = request('kms:GetSecretValue', 'secret/shop/db');
const adviceFor = (policies: PolicySet, principal: Principal = user, one = asked): string[] =>
  adviseChange(evaluate(principal, [one], context, policies));

describe('the advice on a denial', () => {
  test('is none when the call is allowed', () => {
    expect(adviceFor(attached(documentOf({ Effect: 'Allow', Action: 'kms:*', Resource: '*' })))).toEqual([]);
  });

  test.each([
    ['nothing is attached', emptyPolicySet],
    [
      'a policy is about something else',
      attached(documentOf({ Effect: 'Allow', Action: 'kms:Encrypt', Resource: '*' })),
    ],
  ])('is a statement that allows just this call when %s', (_title, policies) => {
    const [line = ''] = adviceFor(policies);
    const statement = JSON.parse(line.slice(line.indexOf('{'))) as object;
    expect(statement).toEqual({
      Effect: 'Allow',
      Action: 'kms:GetSecretValue',
      Resource: `acs:kms:local:${accountId}:secret/shop/db`,
    });
    expect(adviceFor(attached(documentOf(statement)))).toEqual([]);
  });

  test('names the statement that denies', () => {
    const denying = documentOf({ Effect: 'Deny', Action: 'kms:*', Resource: '*' });
    expect(adviceFor(attached(denying))).toEqual([
      'RamPolicy/p0 statement 0 denies it. Take the statement out (CreatePolicyVersion), or detach the policy.',
    ]);
  });

  test('names the resource that an access point’s policy lacks', () => {
    const other = request('kms:GetSecretValue', 'secret/bank/db');
    expect(adviceFor(entering(), podSession, other)[0]).toMatch(/^Add secret\/bank\/db to the resources/);
  });

  test('speaks about the access point when that is what is wrong', () => {
    expect(adviceFor(entering(), clientKey)).toEqual(['Change the access point, or ask about another one.']);
  });

  test('promises nothing about what no policy reaches', () => {
    expect(adviceFor(emptyPolicySet, user, { ...asked, resource: 'acs:kms:local:2000:secret/shop/db' })).toEqual([]);
    expect(adviceFor(emptyPolicySet, user, { ...asked, resource: `acs:kms:local:${accountId}:secret//db` })).toEqual(
      [],
    );
  });
});
