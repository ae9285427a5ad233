/** Buckets of the store that RAM owns. */
export const ramBuckets = {
  /** AccessKeyId → AccessKeyRecord. */
  accessKeys: 'ram/access-keys',
  /** User name → UserRecord. */
  users: 'ram/users',
  /** Role name → RoleRecord. */
  roles: 'ram/roles',
  /** Policy name → PolicyRecord. */
  policies: 'ram/policies',
  /** Provider name → OidcProviderRecord. */
  oidcProviders: 'ram/oidc-providers',
  /** `access-key/<id>` of those that were deleted: random ids, never used again. */
  tombstones: 'ram/tombstones',
  /** Single facts about the account. */
  account: 'ram/account',
} as const;
