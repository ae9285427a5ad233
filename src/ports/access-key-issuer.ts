import type { Store, Transaction } from './store.ts';

/** An access key with its secret. */
export interface IssuedAccessKey {
  readonly accessKeyId: string;
  readonly secret: string;
}

/** What secrets of type RAMCredentials ask of RAM. Implemented by RAM. */
export interface AccessKeyIssuer {
  /** Whether that is an access key of the user, with its right secret. Compares in constant time. */
  owns(reader: Pick<Store, 'get'>, userName: string, key: IssuedAccessKey): Promise<boolean>;
  /** A new access key that is not stored yet. */
  draft(userName: string): IssuedAccessKey;
  /**
   * Stores a drafted key of the user and deletes those it replaces, if they are the user's. Throws
   * `Rejected.LimitExceeded` when the user would have more keys than RAM allows, `EntityNotExist.User` without the user.
   */
  replace(transaction: Transaction, userName: string, key: IssuedAccessKey, replaced: readonly string[]): Promise<void>;
}
