import type { Principal } from './principal.ts';
import type { ExpandedRbacPolicy } from './rbac-templates.ts';

/** A RAM policy as it is attached to somebody. */
export interface NamedPolicy {
  /** As decisions show it, such as `RamPolicy/AliyunKMSFullAccess`. */
  readonly name: string;
  /** JSON text. Compiled once per text. */
  readonly document: string;
}

/** What an access point gives to those who came through it. */
export interface AccessPointGrant {
  readonly name: string;
  /** `Shadow`: decisions are made and recorded, but a denial by this access point's policies is not enforced. */
  readonly mode: 'Enforce' | 'Shadow';
  readonly method: 'ClientKey' | 'RAMRole';
  readonly policies: readonly ExpandedRbacPolicy[];
}

/** Every policy that speaks about a principal. Policies of keys and secrets come with the access request. */
export interface PolicySet {
  readonly identityPolicies: readonly NamedPolicy[];
  /** Of a principal that came through an access point; its only source of permissions. */
  readonly accessPoint?: AccessPointGrant;
  /** Narrows whatever else is allowed, besides the principal's own `sessionPolicy`. JSON text. */
  readonly sessionPolicy?: string;
}

/** Gathers what applies to a principal. Composed from `ram` and `kms` by the composition root. */
export type PolicySource = (principal: Principal) => Promise<PolicySet>;

/** For principals that nobody gave anything. */
export const emptyPolicySet: PolicySet = Object.freeze({ identityPolicies: Object.freeze([]) });
