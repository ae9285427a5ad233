import type { KeyObject } from 'node:crypto';
import type { Principal, ServiceAccountIdentity } from '../policy/principal.ts';
import type { SecretBytes } from '../lib/secret-bytes.ts';

/** What signs a request: an access key of an account, RAM user or STS session, or a client key of an access point. */
export type Credential =
  | AccessKeyCredential
  | {
      kind: 'ClientKey';
      accessKeyId: string;
      publicKey: KeyObject;
      principal: Principal;
      /** Milliseconds since the Unix epoch; the key is valid from (inclusive) to (exclusive). */
      notBefore: number;
      notAfter: number;
    };

export interface AccessKeyCredential {
  kind: 'AccessKey';
  accessKeyId: string;
  secret: SecretBytes;
  principal: Principal;
  active: boolean;
}

/** Finds what an access key id stands for. */
export interface CredentialSource {
  /** `undefined` when the id is unknown (or revoked). A `securityToken` is given for STS access keys. */
  find(accessKeyId: string, securityToken: string | undefined): Promise<Credential | undefined>;
  /**
   * The access key that was found last under an id, from memory alone: something to begin with, never to decide by. While
   * it is the present one, `find` gives it with the same `secret`, the same object.
   */
  recall?(accessKeyId: string): AccessKeyCredential | undefined;
}

/** A verified projected service-account token. */
export interface VerifiedToken {
  issuer: string;
  subject: string;
  audiences: readonly string[];
  /** Milliseconds since the Unix epoch. */
  issuedAt: number;
  expiresAt: number;
  serviceAccount?: ServiceAccountIdentity;
}

/** Verifies tokens of one OIDC provider. Fails closed: whatever cannot be verified is refused. */
export interface TokenVerifier {
  /** Name of the provider, the last part of `acs:ram::<account>:oidc-provider/<name>`. */
  readonly provider: string;
  /** `audience` must be among the token's audiences. Throws `AuthenticationFail.OIDCToken.*`, never with token text. */
  verify(token: string, audience: string, signal: AbortSignal): Promise<VerifiedToken>;
}
