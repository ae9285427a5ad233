import type { CallerIdentityPurpose } from '../lib/caller-identity.ts';

/** A signed GetCallerIdentity request, without anything that the service knows by itself. */
export interface CallerIdentityProof {
  readonly accessKeyId: string;
  readonly securityToken: string;
  /** `yyyy-MM-ddTHH:mm:ssZ`, as it was signed. */
  readonly date: string;
  readonly nonce: string;
  /** Lower-case hex of HMAC-SHA-256. */
  readonly signature: string;
}

/** A session of a role in another cloud account, as its STS named it. */
export interface CallerIdentity {
  /** `acs:ram::<account>:assumed-role/<role>/<session>`. */
  readonly arn: string;
  readonly accountId: string;
  readonly roleName: string;
}

/** Whether a nonce is new; see the gateway's nonce store. */
export type ClaimNonce = (
  accessKeyId: string,
  nonce: string,
) => 'fresh' | 'used' | 'full' | Promise<'fresh' | 'used' | 'full'>;

/** An STS elsewhere whose word is believed about who signed. Its address comes from the configuration only. */
export interface CallerIdentityVerifier {
  /** Name of this installation, which callers put into what they sign. */
  readonly audience: CallerIdentityPurpose['audience'];
  /**
   * Forwards the proof. Fails closed.
   *
   * @throws ApiError `AuthenticationFail.CallerIdentity.Invalid` when the STS refuses it or it is no session of a role,
   * `ServiceUnavailableTemporary` when it gives no clear answer.
   */
  identify(proof: CallerIdentityProof, signal: AbortSignal): Promise<CallerIdentity>;
}
