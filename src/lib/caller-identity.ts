import { hash } from 'node:crypto';
import { acs3CallHeaders } from './acs3-headers.ts';

/** What a caller of another STS means by its proof: for whom it is, and what it is to give. */
export interface CallerIdentityPurpose {
  /** Name of the installation that is to believe it. */
  readonly audience: string;
  /** `acs:ram::<account>:role/<name>` of the role that is asked for. */
  readonly roleArn: string;
}

/** Algorithm of the signature. */
export const callerIdentityAlgorithm = 'ACS3-HMAC-SHA256';

/**
 * The signature nonce of a GetCallerIdentity request that is signed for a purpose: 32 hex digits of a SHA-256 over the
 * purpose and a salt of the caller's. To the STS it is a nonce like any other; whoever forwards the request computes it from
 * its own audience, so that a request which was signed for somebody else, or for another role, has the wrong signature.
 */
export function callerIdentityNonce({ audience, roleArn }: CallerIdentityPurpose, salt: string): string {
  return hash('sha256', JSON.stringify(['kaap caller identity v1', audience, roleArn, salt]), 'hex').slice(0, 32);
}

/** Everything of the request that its caller chooses. */
export interface CallerIdentityCall {
  /** Host of the STS, with the port unless it is 443. */
  host: string;
  accessKeyId: string;
  securityToken: string;
  /** `yyyy-MM-ddTHH:mm:ssZ`. */
  date: string;
  nonce: string;
}

/** The headers of that request, all of them signed: STS 2015-04-01 GetCallerIdentity, `POST` to `/` without a body. */
export function callerIdentityHeaders(call: CallerIdentityCall): Record<string, string> {
  return acs3CallHeaders({ ...call, version: '2015-04-01', action: 'GetCallerIdentity', body: '' });
}
