import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { evaluate } from '../../src/policy/evaluate.ts';
import type { Principal, RoleSession } from '../../src/policy/principal.ts';
import { loadIdentityPolicies } from '../../src/ram/identity-policies.ts';
import { putPolicy } from '../../src/ram/policies.ts';
import { deleteRole, ensureRole, findRole, putRole } from '../../src/ram/roles.ts';
import { accountTrustDocument } from '../../src/ram/trust-documents.ts';
import { putUser } from '../../src/ram/users.ts';
import { MemoryStore } from '../../src/storage/memory-store.ts';
import {
  account,
  accountId,
  clientKey,
  context,
  documentOf,
  podSession,
  request,
  roleSession,
  user,
} from '../support/policy-scene.ts';

const readSecrets = documentOf({ Effect: 'Allow', Action: 'kms:GetSecretValue', Resource: '*' });
const builder = {
  name: 'builder',
  trustPolicy: accountTrustDocument(accountId),
  maxSessionSeconds: 3600,
  policies: [{ name: 'read-secrets', type: 'Custom' as const }],
};

async function newStore(): Promise<MemoryStore> {
  const store = new MemoryStore();
  await putPolicy(store, { name: 'read-secrets', document: readSecrets, description: '' });
  return store;
}

async function may(store: MemoryStore, principal: Principal): Promise<boolean> {
  const identityPolicies = await loadIdentityPolicies(store, principal);
  const asked = request('kms:GetSecretValue', 'secret/a');
  return evaluate(principal, [asked], context, { identityPolicies }).effect === 'Allow';
}

describe('the identity policies', () => {
  test('of a user are those attached to it, system and custom', async () => {
    const store = await newStore();
    const attachments = [
      { name: 'AliyunKMSReadOnlyAccess', type: 'System' as const },
      { name: 'read-secrets', type: 'Custom' as const },
    ];
    await putUser(store, { name: 'ci', policies: attachments });
    const policies = await loadIdentityPolicies(store, user);
    expect(policies.map(({ name }) => name)).toEqual(['RamPolicy/AliyunKMSReadOnlyAccess', 'RamPolicy/read-secrets']);
    expect(policies[1]?.document).toBe(readSecrets);
    expect(await may(store, user)).toBe(true);
  });

  test('of a custom policy called like a system policy are the custom ones', async () => {
    const store = await newStore();
    await putPolicy(store, {
      name: 'AliyunKMSFullAccess',
      document: documentOf({ Effect: 'Deny', Action: '*', Resource: '*' }),
      description: '',
    });
    await putUser(store, { name: 'ci', policies: [{ name: 'AliyunKMSFullAccess', type: 'Custom' }] });
    expect(await may(store, user)).toBe(false);
  });

  test.each([
    ['a custom policy', { name: 'gone', type: 'Custom' as const }],
    ['a system policy', { name: 'AliyunOSSFullAccess', type: 'System' as const }],
  ])('deny everything when %s is attached that does not exist', async (_title, missing) => {
    const store = await newStore();
    await putUser(store, { name: 'ci', policies: [{ name: 'read-secrets', type: 'Custom' }, missing] });
    expect(await may(store, user)).toBe(false);
  });

  test('of an unknown user, the account, a client key and nobody are none', async () => {
    const store = await newStore();
    for (const principal of [user, account, clientKey, { kind: 'Anonymous' } as const]) {
      expect(await loadIdentityPolicies(store, principal)).toEqual([]);
    }
  });
});

const sessionOf = (roleId: string): RoleSession => ({ ...roleSession, roleId });

describe('the policies of a role', () => {
  test('are those of the role that the session assumed', async () => {
    const store = await newStore();
    const { roleId } = await putRole(store, builder, randomBytes);
    expect(await may(store, sessionOf(roleId))).toBe(true);
  });

  test('B5: do not come back with a new role of the same name', async () => {
    const store = await newStore();
    const { roleId } = await putRole(store, builder, randomBytes);
    await deleteRole(store, 'builder');
    expect(await may(store, sessionOf(roleId))).toBe(false);
    await putRole(store, builder, randomBytes);
    expect(await may(store, sessionOf(roleId))).toBe(false);
    expect(await may(store, roleSession)).toBe(false);
  });

  test('change for running sessions when the role is changed', async () => {
    const store = await newStore();
    const { roleId } = await putRole(store, builder, randomBytes);
    await putRole(store, { ...builder, policies: [] }, randomBytes);
    expect(await may(store, sessionOf(roleId))).toBe(false);
  });

  test('are none for a session that came through an access point, even if a role has the same name', async () => {
    const store = await newStore();
    const { roleId } = await putRole(store, { ...builder, name: 'shop' }, randomBytes);
    expect(await loadIdentityPolicies(store, { ...podSession, roleId })).toEqual([]);
  });

  test('C7: are those of exactly that name', async () => {
    const store = await newStore();
    const { roleId } = await putRole(store, builder, randomBytes);
    expect(await may(store, { ...sessionOf(roleId), roleName: 'Builder' })).toBe(false);
  });
});

describe('a role', () => {
  test('that is ensured is written once, and again when it differs', async () => {
    const store = new MemoryStore();
    expect(await ensureRole(store, builder, randomBytes)).toBe(true);
    const first = await findRole(store, 'builder');
    expect(await ensureRole(store, { ...builder }, randomBytes)).toBe(false);
    expect(await ensureRole(store, { ...builder, maxSessionSeconds: 7200 }, randomBytes)).toBe(true);
    expect(await findRole(store, 'builder')).toMatchObject({ roleId: first?.roleId, maxSessionSeconds: 7200 });
  });

  test.each([
    [{ name: 'a/b' }, 'InvalidParameter'],
    [{ name: '' }, 'InvalidParameter'],
    [{ name: 'ａ' }, 'InvalidParameter'],
    [{ maxSessionSeconds: 900 }, 'InvalidParameter'],
    [{ maxSessionSeconds: 43_201 }, 'InvalidParameter'],
    [{ trustPolicy: readSecrets }, 'InvalidPolicyDocument'],
  ])('is refused with %j', async (wrong, code) => {
    await expect(putRole(new MemoryStore(), { ...builder, ...wrong }, randomBytes)).rejects.toMatchObject({ code });
  });

  test('policy is refused when it is no identity policy', async () => {
    const refused = putPolicy(new MemoryStore(), { name: 'p', document: builder.trustPolicy, description: '' });
    await expect(refused).rejects.toMatchObject({ code: 'InvalidPolicyDocument', path: 'Statement[0].Resource' });
  });
});
