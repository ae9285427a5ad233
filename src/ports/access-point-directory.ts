/** A Kubernetes service account that may use an access point. */
export interface ServiceAccountReference {
  /** OIDC provider (cluster) it belongs to; any registered provider when absent. */
  readonly provider?: string;
  readonly namespace: string;
  readonly name: string;
}

/** An access point that pods enter with their projected tokens. */
export interface AccessPointEntry {
  readonly name: string;
  readonly method: 'ClientKey' | 'RAMRole';
  /** Matched exactly: namespace, name, and provider when given. */
  readonly serviceAccounts: readonly ServiceAccountReference[];
}

/** What STS asks about access points. Implemented over the records of KMS. */
export interface AccessPointDirectory {
  /**
   * Access points whose pods assume the role of that name: method `RAMRole` with trusted role `ServiceAccountRole` and this
   * role name; or method `ClientKey` with service accounts, where the name is {@link clientKeyRoleName}.
   */
  findByRoleName(roleName: string): Promise<readonly AccessPointEntry[]>;
}

/** Audience that a pod's projected token must carry to enter the access point. */
export function accessPointAudience(accessPoint: string): string {
  return `kaap.dev/access-point/${accessPoint}`;
}

/** Name of the implied role that may do one thing: read the password of the access point's client key file. */
export function clientKeyRoleName(accessPoint: string): string {
  return `kaap-client-key-${accessPoint}`;
}

/** The public half of a client key, as it is stored. */
export interface ClientKeyEntry {
  readonly clientKeyId: string;
  readonly accessPoint: string;
  /** PEM of the certificate or of the public key. */
  readonly publicKeyPem: string;
  /** Milliseconds since the Unix epoch; valid from (inclusive) to (exclusive). */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** Finds a client key by its id `KAAP.<uuid>`; `undefined` when it is unknown or deleted. */
export type FindClientKey = (clientKeyId: string) => Promise<ClientKeyEntry | undefined>;
