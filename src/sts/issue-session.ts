import { SecretBytes } from '../lib/secret-bytes.ts';
import type { RoleSession } from '../policy/principal.ts';
import { sealSessionToken } from './session-token.ts';
import type { SessionRequest } from './session-request.ts';
import type { StsDependencies } from './sts-dependencies.ts';

/** What makes a session more than its request says. */
export type SessionGrounds = Pick<RoleSession, 'roleId' | 'accessPoint' | 'serviceAccount' | 'callerIdentity'>;

/** A time as STS writes it: UTC, whole seconds. */
export function stsTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** Makes a session: an access key that lives in its token only. Gives the common part of STS's answers. */
export function issueSession(
  { accountId, clock, random, sessionKey }: StsDependencies,
  request: SessionRequest,
  grounds: SessionGrounds,
): Record<string, unknown> {
  const { roleName, sessionName, sessionPolicy } = request;
  // Whole seconds, so that the answer's Expiration is the very end.
  const expiresAt = (Math.floor(clock.now() / 1000) + request.durationSeconds) * 1000;
  const session: RoleSession = {
    kind: 'RoleSession',
    accountId,
    roleName,
    sessionName,
    accessKeyId: `STS.${random(15).toString('hex')}`,
    expiresAt,
    ...(sessionPolicy === undefined ? {} : { sessionPolicy }),
    ...grounds,
  };
  const secret = random(32).toString('base64url');
  const token = sealSessionToken({ session, secret: SecretBytes.fromUtf8(secret) }, sessionKey, random);
  return {
    Credentials: {
      AccessKeyId: session.accessKeyId,
      AccessKeySecret: secret,
      SecurityToken: token,
      Expiration: stsTime(expiresAt),
    },
    AssumedRoleUser: {
      Arn: `acs:ram::${accountId}:role/${roleName}/${sessionName}`,
      AssumedRoleId: `${grounds.roleId ?? grounds.accessPoint ?? roleName}:${sessionName}`,
    },
  };
}
