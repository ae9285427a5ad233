import type { ServiceAccountIdentity } from '../policy/principal.ts';

/** A Kubernetes service account that may use an access point. */
export interface ServiceAccountReference {
  /** OIDC provider (cluster) it belongs to; any registered provider when absent. */
  readonly provider?: string;
  readonly namespace: string;
  readonly name: string;
  /** The one that is meant, as opposed to a later one of the same name; the first that comes when absent. */
  readonly uid?: string;
}

/** Trusted role → the service whose word admits whoever runs on it (application access points → Trusted Role). */
export const trustedServices: Readonly<Record<string, string>> = {
  ECSInstanceRole: 'ecs.aliyuncs.com',
  ACKWorkerRole: 'ecs.aliyuncs.com',
  FunctionComputeRole: 'fc.aliyuncs.com',
};

/** An access point that pods enter with their projected tokens, or that a service vouches for. */
export interface AccessPointEntry {
  readonly name: string;
  readonly method: 'ClientKey' | 'RAMRole';
  /** Matched exactly: namespace, name, and provider when given. */
  readonly serviceAccounts: readonly ServiceAccountReference[];
  /** The service that the role must trust, in place of service accounts: see {@link trustedServices}. */
  readonly service?: string;
  /** Roles of other cloud accounts whose sessions may enter, as `acs:ram::<account>:role/<name>`. */
  readonly alibabaCloudRoles?: readonly string[];
}

/** What STS asks about access points. Implemented over the records of KMS. */
export interface AccessPointDirectory {
  /**
   * Access points that are entered by the role of that name: method `RAMRole` with this role name; or method `ClientKey` with service accounts, where the name is {@link clientKeyRoleName}.
   */
  findByRoleName(roleName: string): Promise<readonly AccessPointEntry[]>;
  /**
   * Whether a service account that the access point lists is the one that its name stood for first, or that is listed with
   * its uid; another one of the same name is refused.
   */
  admits(accessPoint: AccessPointEntry, identity: ServiceAccountIdentity): Promise<boolean>;
}

/** Audience that a pod's projected token must carry to enter the access point. */
export function accessPointAudience(accessPoint: string): string {
  return `kaap.dev/access-point/${accessPoint}`;
}

/** Audience of the token by which a service account vouches for whoever runs on the service. */
export function serviceAudience(service: string): string {
  return `kaap.dev/service/${service}`;
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
