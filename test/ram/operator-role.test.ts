import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { evaluate } from '../../src/policy/evaluate.ts';
import { evaluateTrust, trustedAudiences } from '../../src/policy/trust.ts';
import { loadIdentityPolicies } from '../../src/ram/identity-policies.ts';
import { ensureOperatorRole, OPERATOR_AUDIENCE, OPERATOR_ROLE } from '../../src/ram/operator-role.ts';
import { findRole } from '../../src/ram/roles.ts';
import { MemoryStore } from '../../src/storage/memory-store.ts';
import { accountId, context, request, roleSession } from '../support/policy-scene.ts';

const identity = { accountId, provider: 'kubernetes', namespace: 'kaap-system', serviceAccount: 'kaap-operator' };

async function operatorMay(action: string, relativeId: string, service = 'kms'): Promise<boolean> {
  const store = new MemoryStore();
  await ensureOperatorRole(store, identity, randomBytes);
  const { roleId = '' } = (await findRole(store, OPERATOR_ROLE)) ?? {};
  const session = { ...roleSession, roleName: OPERATOR_ROLE, roleId };
  const identityPolicies = await loadIdentityPolicies(store, session);
  const asked =
    service === 'kms'
      ? request(action, relativeId)
      : { action, resource: `acs:${service}::${accountId}:${relativeId}`, scope: 'shared' };
  return evaluate(session, [asked], context, { identityPolicies }).effect === 'Allow';
}

describe("the operator's role", () => {
  test.each([
    ['kms:CreateKey', 'key'],
    ['kms:CreateAlias', 'alias/shop/main'],
    ['kms:CreateSecret', 'secret'],
    ['kms:PutSecretValue', 'secret/shop/db'],
    ['kms:GenerateDataKey', 'key/1'],
    ['kms:CreateApplicationAccessPoint', 'applicationaccesspoint/shop'],
    ['kms:CreateClientKey', 'applicationaccesspoint/shop'],
    ['kms:GetRandomPassword', '*'],
  ])('manages: %s on %s', async (action, relativeId) => {
    expect(await operatorMay(action, relativeId)).toBe(true);
  });

  test.each([
    ['kms:GetSecretValue', 'secret/shop/db'],
    ['kms:GetSecretValue', 'secret/kaap/client-key/shop/KAAP.1'],
    ['kms:Decrypt', 'key/1'],
    ['kms:ReEncryptFrom', 'key/1'],
    ['kms:ExportDataKey', 'key/1'],
    ['kms:AsymmetricDecrypt', 'key/1'],
    ['kms:AsymmetricSign', 'key/1'],
    ['kms:GenerateMac', 'key/1'],
  ])('never reads, decrypts or signs: %s on %s', async (action, relativeId) => {
    expect(await operatorMay(action, relativeId)).toBe(false);
  });

  test.each([
    ['ram:CreateUser', 'user/ci', true],
    ['ram:AttachPolicyToRole', 'role/shop', true],
    ['ram:CreateAccessKey', 'user/ci', true],
    ['ram:CreateAccessKey', 'root', false],
    ['ram:UpdateRole', 'role/kaap-operator', false],
    ['ram:AttachPolicyToRole', 'role/kaap-operator', false],
    ['ram:CreatePolicyVersion', 'policy/KaapOperatorAccess', false],
    ['ram:SimulatePolicy', 'policy', false],
    ['ram:CreateOIDCProvider', 'oidc-provider/other', false],
    ['sts:AssumeRole', 'role/shop', false],
  ])('B3: manages identities of RAM, and never its own or the account: %s on %s', async (action, relativeId, may) => {
    expect(await operatorMay(action, relativeId, 'ram')).toBe(may);
  });

  test("C1: is assumed with the operator's own token only", async () => {
    const store = new MemoryStore();
    await ensureOperatorRole(store, identity, randomBytes);
    const { trustPolicy = '' } = (await findRole(store, OPERATOR_ROLE)) ?? {};
    const effectOf = (aud: string, sub: string): string => {
      const subject = {
        principal: { kind: 'Anonymous' },
        federated: `acs:ram::${accountId}:oidc-provider/kubernetes`,
        claims: { 'oidc:iss': 'https://any', 'oidc:aud': aud, 'oidc:sub': sub },
      } as const;
      return evaluateTrust(OPERATOR_ROLE, trustPolicy, subject, context).effect;
    };
    const operator = 'system:serviceaccount:kaap-system:kaap-operator';
    expect(trustedAudiences(trustPolicy)).toEqual([OPERATOR_AUDIENCE]);
    expect(effectOf(OPERATOR_AUDIENCE, operator)).toBe('Allow');
    expect(effectOf('https://kubernetes.default.svc', operator)).toBe('Deny');
    expect(effectOf(OPERATOR_AUDIENCE, 'system:serviceaccount:shop:kaap-operator')).toBe('Deny');
  });

  test('is repaired at the next start when somebody changed it, and keeps its id', async () => {
    const store = new MemoryStore();
    await ensureOperatorRole(store, identity, randomBytes);
    const before = await findRole(store, OPERATOR_ROLE);
    await ensureOperatorRole(store, { ...identity, namespace: 'elsewhere' }, randomBytes);
    const after = await findRole(store, OPERATOR_ROLE);
    expect(after?.roleId).toBe(before?.roleId);
    expect(after?.trustPolicy).toContain('system:serviceaccount:elsewhere:kaap-operator');
  });
});
