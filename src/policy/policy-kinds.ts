/** Where a document is attached, which decides what may stand in it. */
export type PolicyKind = 'identity' | 'session' | 'resource' | 'trust';

/** What a kind of document may hold. */
export interface PolicyKindRules {
  /** Longest document, in UTF-8 bytes (RAM limits; CreateKey → Policy). */
  readonly maxBytes: number;
  /** Principal types of its statements; none: the document has no Principal element. */
  readonly principalTypes: readonly PrincipalType[];
  /** Whether statements have a Resource element. */
  readonly hasResource: boolean;
}

export type PrincipalType = 'RAM' | 'Federated' | 'Service';

export const policyKinds: Readonly<Record<PolicyKind, PolicyKindRules>> = {
  identity: { maxBytes: 6144, principalTypes: [], hasResource: true },
  session: { maxBytes: 2048, principalTypes: [], hasResource: true },
  resource: { maxBytes: 32_768, principalTypes: ['RAM'], hasResource: true },
  trust: { maxBytes: 4096, principalTypes: ['RAM', 'Federated', 'Service'], hasResource: false },
};
