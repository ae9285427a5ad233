import type { PrincipalType } from './policy-kinds.ts';
import type { Principal } from './principal.ts';
import { PolicySyntaxError } from './syntax-error.ts';

/** Whom a statement of a key, secret or trust policy is about. Names are matched exactly; there are no wildcards in them. */
export type PrincipalPattern =
  | { readonly kind: 'Account'; readonly accountId: string }
  | { readonly kind: 'RamUser'; readonly accountId: string; readonly userName: string }
  | { readonly kind: 'Role'; readonly accountId: string; readonly roleName: string }
  | { readonly kind: 'Federated'; readonly arn: string }
  | { readonly kind: 'Service'; readonly name: string };

const RAM_PRINCIPAL = /^acs:ram::([0-9]{1,32}):(root|\*|(?:user|role)\/([A-Za-z0-9._@-]{1,64}))$/;
const FEDERATED = /^acs:ram::[0-9]{1,32}:(?:oidc|saml)-provider\/[A-Za-z0-9._-]{1,128}$/;
const SERVICE = /^[a-z0-9.-]{1,128}$/;

/** @throws PolicySyntaxError at `path`. */
export function parsePrincipalPattern(type: PrincipalType, text: string, path: string): PrincipalPattern {
  return parsers[type](text, path);
}

const parsers: Readonly<Record<PrincipalType, (text: string, path: string) => PrincipalPattern>> = {
  RAM: (text, path) => {
    const match = RAM_PRINCIPAL.exec(text);
    if (match === null) {
      throw new PolicySyntaxError(
        path,
        'write acs:ram::<account>:root, :*, :user/<name> or :role/<name>, without other wildcards',
      );
    }
    const [, accountId = '', whom = '', name] = match;
    if (name === undefined) return { kind: 'Account', accountId };
    if (whom.startsWith('user/')) return { kind: 'RamUser', accountId, userName: name };
    return { kind: 'Role', accountId, roleName: name };
  },
  Federated: (text, path) => {
    if (FEDERATED.test(text)) return { kind: 'Federated', arn: text };
    throw new PolicySyntaxError(path, 'write acs:ram::<account>:oidc-provider/<name>');
  },
  Service: (text, path) => {
    if (SERVICE.test(text)) return { kind: 'Service', name: text };
    throw new PolicySyntaxError(path, 'write a service name, such as ecs.aliyuncs.com');
  },
};

/** Whether the pattern names the principal, or the account that the principal belongs to. */
export function principalMatches(pattern: PrincipalPattern, principal: Principal): boolean {
  if (principal.kind === 'Anonymous' || pattern.kind === 'Federated' || pattern.kind === 'Service') return false;
  if (pattern.accountId !== principal.accountId) return false;
  switch (pattern.kind) {
    case 'Account':
      return true;
    case 'RamUser':
      return principal.kind === 'RamUser' && pattern.userName === principal.userName;
    case 'Role':
      return principal.kind === 'RoleSession' && pattern.roleName === principal.roleName;
    default:
      return pattern satisfies never;
  }
}
