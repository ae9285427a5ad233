/** A pod's service account, as a verified projected token tells it. */
export interface ServiceAccountIdentity {
  /** Name of the OIDC provider (cluster) that vouches for it. */
  provider: string;
  namespace: string;
  name: string;
  uid?: string;
  podName?: string;
  podUid?: string;
}

/** Who asks. Made by authentication only. */
export type Principal =
  | { kind: 'Account'; accountId: string; accessKeyId: string }
  | { kind: 'RamUser'; accountId: string; userName: string; accessKeyId: string }
  | RoleSession
  | { kind: 'ClientKey'; accountId: string; accessPoint: string; accessKeyId: string }
  | { kind: 'Anonymous' };

/** A session of STS. */
export interface RoleSession {
  kind: 'RoleSession';
  accountId: string;
  roleName: string;
  /** Of a role of RAM: the role that was assumed, as opposed to a later one of the same name. */
  roleId?: string;
  sessionName: string;
  accessKeyId: string;
  /** Milliseconds since the Unix epoch. */
  expiresAt: number;
  /** The access point through which the role was assumed; its policies apply. */
  accessPoint?: string;
  /** Policy document given to AssumeRole: narrows the session, never widens it. */
  sessionPolicy?: string;
  serviceAccount?: ServiceAccountIdentity;
  /** ARN of the session in another cloud account that stands behind it, as that account's STS named it. */
  callerIdentity?: string;
}

/** The ARN of a principal as GetCallerIdentity and the audit log show it; `anonymous` for nobody. */
export function principalArn(principal: Principal): string {
  switch (principal.kind) {
    case 'Account':
      return `acs:ram::${principal.accountId}:root`;
    case 'RamUser':
      return `acs:ram::${principal.accountId}:user/${principal.userName}`;
    case 'RoleSession':
      return `acs:ram::${principal.accountId}:assumed-role/${principal.roleName}/${principal.sessionName}`;
    case 'ClientKey':
      return `acs:kms::${principal.accountId}:applicationaccesspoint/${principal.accessPoint}/clientkey/${principal.accessKeyId}`;
    case 'Anonymous':
      return 'anonymous';
    default:
      return principal satisfies never;
  }
}
