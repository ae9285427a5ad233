import { ramNameOf, type PolicyAttachmentReference, type RamDeletionPolicy } from '../api/v1alpha1/ram-fields.ts';
import { parsePolicyDocument, PolicyDocumentError } from '../policy/document.ts';
import type { PolicyKind } from '../policy/policy-kinds.ts';
import { ViolationError, type Violation } from './check.ts';
import { find, remove, text, type KmsAnswer, type KmsApi } from './kms-api.ts';

/** What policies are attached to, in the words of RAM's actions. */
export type HolderWord = 'User' | 'Role';

type Named = Parameters<typeof ramNameOf>[0];

/** Whether KMS state goes with the object. Names of the installation itself are nobody's to take. */
export function ownsRamState(object: Named & { spec: { deletionPolicy?: RamDeletionPolicy } }): boolean {
  return object.spec.deletionPolicy !== 'Retain' && !isReserved(object);
}

const isReserved = (object: Named): boolean => ramNameOf(object).startsWith('kaap-');

/** The object's name in RAM. @throws ViolationError for a name of the installation itself. */
export function freeRamName(object: Named): string {
  const name = ramNameOf(object);
  if (!isReserved(object)) return name;
  throw new ViolationError({
    reason: 'NameReserved',
    message: `Names that begin with kaap- belong to the installation itself. Give another in spec.name than ${name}.`,
  });
}

/** What is wrong with a policy document, with the path of the element; `field` is where the object holds it. */
export function documentProblem(document: string, kind: PolicyKind, field: string): Violation | undefined {
  try {
    parsePolicyDocument(document, kind);
    return undefined;
  } catch (error) {
    if (error instanceof PolicyDocumentError)
      return { reason: 'InvalidDocument', message: `${field}: ${error.message}` };
    throw error;
  }
}

/** Those of the policies that RAM does not have. */
export async function missingPolicies(
  ram: KmsApi,
  policies: readonly PolicyAttachmentReference[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const found = await Promise.all(
    policies.map(({ name, type }) =>
      find(ram, 'GetPolicy', { PolicyName: name, PolicyType: type ?? 'Custom' }, signal),
    ),
  );
  return policies.filter((_policy, index) => found[index] === undefined).map(({ name }) => name);
}

/** Why a user or role is not Ready while policies are missing: it would have less than it says, or more. */
export function policyNotFound(missing: readonly string[]): Violation | undefined {
  if (missing.length === 0) return undefined;
  return {
    reason: 'PolicyNotFound',
    message: `spec.policies names ${missing.join(', ')}, which does not exist. Create the RamPolicy or take the name out.`,
    requeueAfterMs: 5_000,
  };
}

const keyOf = ({ name, type = 'Custom' }: Partial<PolicyAttachmentReference>): string => `${type}/${name}`;

/** Attaches what is wanted and detaches everything else: first away, then to it, so that no moment has more than both. */
export async function settleAttachments(
  ram: KmsApi,
  holder: HolderWord,
  holderName: string,
  wanted: readonly PolicyAttachmentReference[],
  signal: AbortSignal,
): Promise<void> {
  const present = await attachmentsOf(ram, holder, holderName, signal);
  const wantedKeys = new Set(wanted.map(keyOf));
  const presentKeys = new Set(present.map(keyOf));
  for (const policy of present.filter((each) => !wantedKeys.has(keyOf(each)))) {
    await remove(ram, `DetachPolicyFrom${holder}`, parametersOf(holder, holderName, policy), signal);
  }
  for (const policy of wanted.filter((each) => !presentKeys.has(keyOf(each)))) {
    await ram.call(`AttachPolicyTo${holder}`, parametersOf(holder, holderName, policy), signal);
  }
}

function parametersOf(
  holder: HolderWord,
  holderName: string,
  { name, type = 'Custom' }: Partial<PolicyAttachmentReference>,
): Record<string, unknown> {
  return { [`${holder}Name`]: holderName, PolicyName: name, PolicyType: type };
}

async function attachmentsOf(
  ram: KmsApi,
  holder: HolderWord,
  holderName: string,
  signal: AbortSignal,
): Promise<readonly PolicyAttachmentReference[]> {
  const answer = await ram.call(`ListPoliciesFor${holder}`, { [`${holder}Name`]: holderName }, signal);
  return listIn(answer, 'Policies', 'Policy').map((policy) => ({
    name: text(policy, 'PolicyName'),
    type: text(policy, 'PolicyType') === 'System' ? 'System' : 'Custom',
  }));
}

/** A list of RAM's answers: `{ Policies: { Policy: […] } }`. */
export function listIn(answer: KmsAnswer, outer: string, inner: string): readonly KmsAnswer[] {
  const items = (answer[outer] as KmsAnswer | undefined)?.[inner];
  return Array.isArray(items) ? (items as KmsAnswer[]) : [];
}

/** An object of RAM's answers: `{ User: {…} }`. */
export function partOf(answer: KmsAnswer | undefined, field: string): KmsAnswer | undefined {
  return answer?.[field] as KmsAnswer | undefined;
}
