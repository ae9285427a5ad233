import { principalArn, type Principal } from '../policy/principal.ts';

/**
 * Who a caller is from one call to the next: a role, whatever its sessions are called. Separates what callers remember
 * by a token of their own choice.
 */
export function callerIdentity(principal: Principal): string {
  return principal.kind === 'RoleSession'
    ? `acs:ram::${principal.accountId}:role/${principal.roleName}`
    : principalArn(principal);
}
