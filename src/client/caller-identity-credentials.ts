import { randomBytes } from 'node:crypto';
import { callerIdentityHeaders, callerIdentityNonce, type CallerIdentityPurpose } from '../lib/caller-identity.ts';
import { systemClock, type Clock } from '../lib/clock.ts';
import type { AccessKey, CredentialProvider } from './credentials.ts';
import { assumeUnsigned, sessionCredentials } from './session-credentials.ts';
import { acs3Date, signHeaders } from './sign-request.ts';
import { createTransport } from './transport.ts';

/** A session of an STS. */
export type CallerSession = AccessKey & { securityToken: string };

export interface CallerIdentityCredentialsOptions extends CallerIdentityPurpose {
  endpoint: string;
  caPem?: string | undefined;
  /** Host of the STS that the KMS asks, with the port unless it is 443, such as `sts.eu-central-1.aliyuncs.com`. */
  stsHost: string;
  /** The session at that STS, asked for anew for each session at the KMS. */
  caller: () => Promise<CallerSession> | CallerSession;
  sessionName: string;
  /** 3600 unless given. */
  durationSeconds?: number | undefined;
  clock?: Clock | undefined;
}

/**
 * Parameters of AssumeRoleWithCallerIdentity that prove the caller: a GetCallerIdentity request, signed for one installation
 * and one role. `time` in milliseconds since the Unix epoch.
 */
export function callerIdentityParameters(
  purpose: CallerIdentityPurpose,
  stsHost: string,
  caller: CallerSession,
  time: number,
): Record<string, string> {
  const { accessKeyId, accessKeySecret, securityToken } = caller;
  const salt = randomBytes(16).toString('hex');
  const date = acs3Date(time);
  const nonce = callerIdentityNonce(purpose, salt);
  const headers = callerIdentityHeaders({ host: stsHost, accessKeyId, securityToken, date, nonce });
  return {
    CallerAccessKeyId: accessKeyId,
    CallerSecurityToken: securityToken,
    CallerDate: date,
    CallerSalt: salt,
    CallerSignature: signHeaders(headers, { kind: 'AccessKey', accessKeyId, accessKeySecret }),
  };
}

/**
 * Exchanges a session of the STS of Alibaba Cloud for one of the KMS, which never sees the secret of the former; see
 * {@link sessionCredentials} for its renewal.
 */
export function callerIdentityCredentials(options: CallerIdentityCredentialsOptions): CredentialProvider {
  const { audience, roleArn, stsHost, sessionName, durationSeconds = 3600, clock = systemClock } = options;
  const transport = createTransport({ ...options, maxSockets: 1 });
  return sessionCredentials(async () => {
    const caller = await options.caller();
    // A proof counts once, so each attempt makes its own.
    return assumeUnsigned(transport, clock, 'AssumeRoleWithCallerIdentity', () => ({
      RoleArn: roleArn,
      RoleSessionName: sessionName,
      DurationSeconds: durationSeconds,
      ...callerIdentityParameters({ audience, roleArn }, stsHost, caller, clock.now()),
    }));
  }, clock);
}
