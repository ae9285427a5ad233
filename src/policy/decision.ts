/** One thing a caller wants to do to one resource. An action may need several. */
export interface AccessRequest {
  /** Such as `kms:Encrypt`. */
  action: string;
  /** ARN such as `acs:kms:local:1000000000000000:key/<id>`; `*` where the action has no resource. */
  resource: string;
  /** The KMS instance the resource belongs to, or `shared`. Access-point policies are scoped to one. */
  scope: string;
  /** Tags of the resource, for `kms:tag/<k>` and `acs:ResourceTag/<k>` conditions. */
  tags?: Readonly<Record<string, string>>;
  /** Policy attached to the key or secret, as JSON text; absent means the default policy (the whole account). */
  resourcePolicy?: string;
  /**
   * Needed by identity policies only, not by access points: `kms:Decrypt` on the key of a secret, for GetSecretValue.
   * The template SecretUser covers a secret together with the key that encrypts it.
   */
  impliedByAccessPoint?: true;
}

/** Facts about the request that conditions may ask for. */
export interface AccessContext {
  /** Milliseconds since the Unix epoch. */
  time: number;
  /** Textual IP address of the caller: the socket's, or a trusted proxy's word for it. */
  sourceIp: string;
  secureTransport: boolean;
  /** Identifier of the VPC the request came through, where the installation maps networks to VPC ids. */
  sourceVpc?: string;
}

/** Why a decision fell as it did: the policy, the statement in it, and a sentence for people. */
export interface Reason {
  /** Such as `RamPolicy/AliyunKMSFullAccess`, `RbacPolicy/shop`, `KeyPolicy/<id>`, `SessionPolicy`, `TrustPolicy/<role>`. */
  policy: string;
  /** Index of the statement or permission in that policy, from 0. */
  statement?: number;
  effect: 'Allow' | 'Deny' | 'NoMatch';
  /** What was asked: `kms:Encrypt on acs:kms:…`. */
  request: string;
  /** One sentence: why it matched, or which part did not. */
  message: string;
}

export interface Decision {
  effect: 'Allow' | 'Deny';
  /** `ExplicitDeny` beats `Allow` beats `ImplicitDeny`. */
  basis: 'Allow' | 'ExplicitDeny' | 'ImplicitDeny';
  /** The deciding reason first. Never empty. */
  reasons: readonly Reason[];
  /** The request that was denied; the first of them when there are several. */
  denied?: AccessRequest;
  /**
   * This denial comes from the policies of an access point in Shadow mode and from nothing else: the enforcer records the
   * decision and lets the call go on.
   */
  shadowed?: true;
}
