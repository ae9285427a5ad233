import { z } from 'zod';
import { defineAction, type AnyAction } from '../ports/action.ts';
import { principalArn, type Principal } from '../policy/principal.ts';

/** Kind of principal → IdentityType (STS GetCallerIdentity). Client keys are Kaap's addition. */
const IDENTITY_TYPES: Readonly<Record<Principal['kind'], string>> = {
  Account: 'Account',
  RamUser: 'RAMUser',
  RoleSession: 'AssumedRoleUser',
  ClientKey: 'ClientKey',
  Anonymous: 'Anonymous',
};

/** STS GetCallerIdentity: says who signed the call. Anybody with a valid signature may ask. */
export const getCallerIdentity: AnyAction = defineAction({
  name: 'GetCallerIdentity',
  product: 'Sts',
  input: z.object({}),
  unauthorized: true,
  plan: (_input, { principal }) => ({ access: [], run: () => Promise.resolve(describe(principal)) }),
});

function describe(principal: Principal): Record<string, unknown> {
  const common = { Arn: principalArn(principal), IdentityType: IDENTITY_TYPES[principal.kind] };
  switch (principal.kind) {
    case 'Account':
      return {
        ...common,
        AccountId: principal.accountId,
        PrincipalId: principal.accountId,
        UserId: principal.accountId,
      };
    case 'RamUser':
      return { ...common, AccountId: principal.accountId, PrincipalId: principal.userName, UserId: principal.userName };
    case 'RoleSession': {
      const roleId = principal.roleId ?? principal.accessPoint ?? principal.roleName;
      const principalId = `${roleId}:${principal.sessionName}`;
      return { ...common, AccountId: principal.accountId, PrincipalId: principalId, RoleId: roleId };
    }
    case 'ClientKey':
      return { ...common, AccountId: principal.accountId, PrincipalId: principal.accessPoint };
    case 'Anonymous':
      return common;
    default:
      return principal satisfies never;
  }
}
