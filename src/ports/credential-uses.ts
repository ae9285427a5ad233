/** Bucket of {@link CredentialUses}: access key id or client key id → the last use that was stored. */
export const credentialUseBucket = 'access/credential-uses';

/** Knows when access keys and client keys were last used. */
export interface CredentialUses {
  /** Milliseconds since the Unix epoch; `undefined` when no use is known. Of other replicas a few minutes late. */
  lastUse(credentialId: string): Promise<number | undefined>;
}
