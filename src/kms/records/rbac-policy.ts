import { RecordTable } from './record-table.ts';

/** A permission policy of access points. Bucket `kms/policies`, by name. */
export interface RbacPolicyRecord {
  name: string;
  description: string;
  /** `shared` or the id of a KMS instance. */
  kmsInstance: string;
  /** Long names, such as `RbacPermission/Template/CryptoServiceSecretUser`. */
  permissions: string[];
  /** `key/<id>` and `secret/<name>`; `*` may stand at the end. */
  resources: string[];
  /** Names of network rules; none: from any network. */
  networkRules: string[];
  /** `Shadow`: what its resources and network rules keep out is recorded, and not refused. Absent: it is refused. */
  mode?: 'Shadow';
}

export const rbacPolicyTable: RecordTable<RbacPolicyRecord> = new RecordTable('kms/policies');
