import { describe, expect, test } from 'vitest';
import { enforce, type RecordedDecision } from '../../src/gateway/enforce.ts';
import type { AccessRequest } from '../../src/policy/decision.ts';
import type { AccessPointGrant, PolicySet } from '../../src/policy/policy-set.ts';
import type { Principal, RoleSession } from '../../src/policy/principal.ts';
import { expandRbacPolicy } from '../../src/policy/rbac-templates.ts';

const account = '1000000000000000';
const context = { time: 0, sourceIp: '192.0.2.1', secureTransport: true };
const accessPoint: AccessPointGrant = {
  name: 'shop',
  mode: 'Shadow',
  method: 'RAMRole',
  policies: [
    expandRbacPolicy({ name: 'shop', scope: 'shared', permissions: ['SecretUser'], resources: ['secret/shop/*'] }),
  ],
};
const session: RoleSession = {
  kind: 'RoleSession',
  accountId: account,
  roleName: 'shop',
  sessionName: 'pod',
  accessKeyId: 'STS.1',
  expiresAt: 1,
  accessPoint: 'shop',
};

function access(action: string, resource: string): AccessRequest {
  return { action, resource: `acs:kms:local:${account}:${resource}`, scope: 'shared' };
}

function decide(
  requests: readonly AccessRequest[],
  policies: Partial<PolicySet> = {},
  principal: Principal = session,
): Promise<RecordedDecision> {
  const set = { identityPolicies: [], accessPoint, ...policies };
  return enforce(() => Promise.resolve(set), 'Kms', principal, requests, context);
}

const otherSecret = [access('kms:GetSecretValue', 'secret/other/db')];

describe('enforce', () => {
  test('allows what the access point’s policies allow', async () => {
    const decision = await decide([access('kms:GetSecretValue', 'secret/shop/db')]);
    expect(decision).toEqual({ effect: 'Allow', decidedBy: expect.stringContaining('shop') });
  });

  test('refuses what they do not, and says which rule and what was asked', async () => {
    const { effect, refusal } = await decide(otherSecret, { accessPoint: { ...accessPoint, mode: 'Enforce' } });
    expect(effect).toBe('Deny');
    expect(refusal).toMatchObject({
      code: 'Forbidden.NoPermission',
      detail: { AuthAction: 'kms:GetSecretValue', NoPermissionType: 'ImplicitDeny' },
    });
  });

  test('a refusal of STS or RAM has their code', async () => {
    const set = { identityPolicies: [] };
    const request = [access('sts:AssumeRole', 'role/x')];
    const { refusal } = await enforce(() => Promise.resolve(set), 'Sts', session, request, context);
    expect(refusal?.code).toBe('NoPermission');
  });

  test('policies that cannot be read are no access', async () => {
    const unreadable = enforce(() => Promise.reject(new Error('store')), 'Kms', session, otherSecret, context);
    await expect(unreadable).rejects.toThrow('store');
  });

  test('nothing asked is nothing allowed, in mode Shadow too', async () => {
    expect((await decide([])).refusal?.code).toBe('Forbidden.NoPermission');
  });
});

describe('mode Shadow', () => {
  test('records a denial of the access point’s policies and lets the call pass', async () => {
    const decision = await decide(otherSecret);
    expect(decision).toEqual({ effect: 'Deny', decidedBy: expect.stringMatching(/^shadow:/) });
  });

  test.each([
    ['a management call', [access('kms:CreateKey', 'key')], {}, session],
    ['a call that is partly management', [...otherSecret, access('kms:DeleteSecret', 'secret/other/db')], {}, session],
    ['Kaap’s own secrets', [access('kms:GetSecretValue', 'secret/kaap/client-key/other/1')], {}, session],
    [
      'the session that only opens a client key',
      otherSecret,
      { accessPoint: { ...accessPoint, method: 'ClientKey' as const } },
      session,
    ],
    ['a narrowed session', otherSecret, {}, { ...session, sessionPolicy: '{"Version":"1","Statement":[]}' }],
  ])('stays closed for %s', async (_what, requests, policies, principal) => {
    expect((await decide(requests, policies, principal)).refusal?.code).toBe('Forbidden.NoPermission');
  });

  test('stays closed where a key or secret policy denies', async () => {
    const Statement = [{ Effect: 'Deny', Principal: { RAM: ['*'] }, Action: ['kms:*'], Resource: ['*'] }];
    const resourcePolicy = JSON.stringify({ Version: '1', Statement });
    const [request] = otherSecret;
    const denied = await decide(request === undefined ? [] : [{ ...request, resourcePolicy }]);
    expect(denied.refusal?.code).toBe('Forbidden.NoPermission');
  });
});
