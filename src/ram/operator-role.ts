import type { Store } from '../ports/store.ts';
import { putPolicy, findPolicy } from './policies.ts';
import { ensureRole } from './roles.ts';
import { oidcTrustDocument } from './trust-documents.ts';

/** Name of the role that Kaap's operator assumes. */
export const OPERATOR_ROLE = 'kaap-operator';

/** Audience of the operator's projected token. */
export const OPERATOR_AUDIENCE = 'kaap.dev/operator';

const OPERATOR_POLICY = 'KaapOperatorAccess';

/** Calls that give away what KMS keeps. The operator is out of the data path, whatever else it may do. */
const DATA_ACTIONS = [
  'kms:GetSecretValue',
  'kms:BatchGetSecretValue',
  'kms:Decrypt',
  'kms:ReEncrypt*',
  'kms:ExportDataKey',
  'kms:GetManagedDataKey',
  'kms:AsymmetricDecrypt',
  'kms:AsymmetricSign',
  'kms:GenerateMac',
];

/** What the controllers of RamPolicy, RamRole and RamUser call. */
const RAM_ACTIONS = ['User', 'Role', 'Policy', 'AccessKey', 'PolicyVersion']
  .flatMap((kind) => [`ram:Create${kind}`, `ram:Get${kind}`, `ram:Update${kind}`, `ram:Delete${kind}`])
  .concat(['ram:ListAccessKeys', 'ram:ListPolicyVersions', 'ram:ListPoliciesFor*', 'ram:AttachPolicyTo*'])
  .concat(['ram:DetachPolicyFrom*']);

const OWN_IDENTITIES = ['acs:ram::*:root', 'acs:ram::*:*/kaap-*', `acs:ram::*:policy/${OPERATOR_POLICY}`];

const operatorDocument = JSON.stringify({
  Version: '1',
  Statement: [
    { Sid: 'Manage', Effect: 'Allow', Action: 'kms:*', Resource: '*' },
    { Sid: 'ManageIdentities', Effect: 'Allow', Action: RAM_ACTIONS, Resource: '*' },
    // Neither its own rights, nor anything else that belongs to the installation.
    { Sid: 'NotItself', Effect: 'Deny', Action: 'ram:*', Resource: OWN_IDENTITIES },
    { Sid: 'NeverRead', Effect: 'Deny', Action: DATA_ACTIONS, Resource: '*' },
  ],
});

/** Where the operator runs. */
export interface OperatorIdentity {
  readonly accountId: string;
  /** OIDC provider of its cluster. */
  readonly provider: string;
  readonly namespace: string;
  readonly serviceAccount: string;
}

/** Makes the operator's role and policy as they should be: it manages KMS and reads no secret. */
export async function ensureOperatorRole(
  store: Store,
  identity: OperatorIdentity,
  random: (bytes: number) => Buffer,
): Promise<void> {
  const present = await findPolicy(store, OPERATOR_POLICY);
  if (present?.document !== operatorDocument) {
    const description = 'What the Kaap operator may do.';
    await putPolicy(store, { name: OPERATOR_POLICY, document: operatorDocument, description });
  }
  const trustPolicy = oidcTrustDocument({
    providerArn: `acs:ram::${identity.accountId}:oidc-provider/${identity.provider}`,
    audience: OPERATOR_AUDIENCE,
    subject: `system:serviceaccount:${identity.namespace}:${identity.serviceAccount}`,
  });
  const policies = [{ name: OPERATOR_POLICY, type: 'Custom' as const }];
  await ensureRole(store, { name: OPERATOR_ROLE, trustPolicy, maxSessionSeconds: 3600, policies }, random);
}
