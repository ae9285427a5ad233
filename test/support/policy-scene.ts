import type { AccessContext, AccessRequest } from '../../src/policy/decision.ts';
import type { AccessPointGrant, PolicySet } from '../../src/policy/policy-set.ts';
import type { Principal, RoleSession } from '../../src/policy/principal.ts';
import { expandRbacPolicy, type RbacPolicyInput } from '../../src/policy/rbac-templates.ts';

/** The account of the policy tests. */
export const accountId = '1000';

export const account: Principal = { kind: 'Account', accountId, accessKeyId: 'AK0' };
export const user: Principal = { kind: 'RamUser', accountId, userName: 'ci', accessKeyId: 'AK1' };
export const roleSession: RoleSession = {
  kind: 'RoleSession',
  accountId,
  roleName: 'builder',
  sessionName: 'run-1',
  accessKeyId: 'STS.1',
  expiresAt: Date.UTC(2027, 0, 1),
};
/** A pod at the access point `shop`. */
export const podSession: RoleSession = { ...roleSession, roleName: 'shop', accessPoint: 'shop' };
export const clientKey: Principal = { kind: 'ClientKey', accountId, accessPoint: 'shop', accessKeyId: 'KAAP.1' };

export const context: AccessContext = { time: Date.UTC(2026, 0, 1), sourceIp: '10.0.0.1', secureTransport: true };

/** A request about a KMS resource such as `secret/shop/db`, or `*`. */
export function request(action: string, relativeId: string, more: Partial<AccessRequest> = {}): AccessRequest {
  const resource = relativeId === '*' ? '*' : `acs:kms:local:${accountId}:${relativeId}`;
  return { action, resource, scope: 'shared', ...more };
}

export function documentOf(...statements: object[]): string {
  return JSON.stringify({ Version: '1', Statement: statements });
}

/** Attached RAM policies, named `RamPolicy/p0`, `RamPolicy/p1`, … */
export function attached(...documents: string[]): PolicySet {
  return { identityPolicies: documents.map((document, index) => ({ name: `RamPolicy/p${index}`, document })) };
}

/** What the access point `shop` gives: `SecretUser` on `secret/shop/*` unless told otherwise. */
export function entering(policy: Partial<RbacPolicyInput> = {}, grant: Partial<AccessPointGrant> = {}): PolicySet {
  const policies = [
    expandRbacPolicy({
      name: 'shop-secrets',
      scope: 'shared',
      permissions: ['SecretUser'],
      resources: ['secret/shop/*'],
      ...policy,
    }),
  ];
  return {
    identityPolicies: [],
    accessPoint: { name: 'shop', mode: 'Enforce', method: 'RAMRole', policies, ...grant },
  };
}
