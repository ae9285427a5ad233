import type { AccessRequest } from '../policy/decision.ts';
import type { AccessPointEntry } from './access-point-directory.ts';

/** An access point, and the role by which pods enter it. */
export interface AccessPointEntrance extends AccessPointEntry {
  /** Absent when no pod can enter it. */
  readonly roleName?: string;
}

/** What a question about access is answered from, besides policies. Implemented over the records of KMS. */
export interface AccessFacts {
  /**
   * What a call of `action` about a resource has to be allowed to do. `resource` is an ARN, the part of it after the account
   * (`secret/shop/db`, `key/<id>`, `alias/shop/main`, `secret`), or `*`.
   */
  requestsFor(action: string, resource: string): Promise<readonly AccessRequest[]>;
  /** `undefined` when there is no such access point. */
  accessPoint(name: string): Promise<AccessPointEntrance | undefined>;
  accessPoints(): Promise<readonly AccessPointEntrance[]>;
}
