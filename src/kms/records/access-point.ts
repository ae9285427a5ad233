import type { ServiceAccountReference } from '../../ports/access-point-directory.ts';
import { RecordTable } from './record-table.ts';

/** In which environment a role is bound to the application. */
export type TrustedRole =
  'ECSInstanceRole' | 'ACKWorkerRole' | 'FunctionComputeRole' | 'ServiceAccountRole' | 'AlibabaCloudRole';

/** How an application proves that it may use an access point, besides the method itself. */
export interface AuthenticationConfig {
  /** Of method `RAMRole`. */
  ramRole?: {
    trustedRole: TrustedRole;
    roleName: string;
    /** Of `ServiceAccountRole`. */
    serviceAccounts?: ServiceAccountReference[];
    /** Of `AlibabaCloudRole`: `acs:ram::<account>:role/<name>`. */
    alibabaCloudRoles?: string[];
  };
  /** Of method `ClientKey`: service accounts whose pods may read the password of the client key file. */
  clientKey?: { serviceAccounts: ServiceAccountReference[] };
  /** `Shadow` records what the policies would deny, and lets it pass. */
  mode: 'Enforce' | 'Shadow';
}

/** An application access point. Bucket `kms/access-points`, by name. */
export interface AccessPointRecord extends AuthenticationConfig {
  name: string;
  arn: string;
  description: string;
  authenticationMethod: 'ClientKey' | 'RAMRole';
  /** Names of one to three permission policies. */
  policies: string[];
  /** Milliseconds since the Unix epoch. */
  createTime: number;
}

export const accessPointTable: RecordTable<AccessPointRecord> = new RecordTable('kms/access-points');

/**
 * Index of the access points that pods enter by a role's name. Bucket `kms/access-point-roles`, by
 * {@link accessPointRoleKey}.
 */
export const accessPointRoleTable: RecordTable<{ accessPoint: string }> = new RecordTable('kms/access-point-roles');

/** Role names hold no newline. */
export function accessPointRoleKey(roleName: string, accessPoint: string): string {
  return `${roleName}\n${accessPoint}`;
}
