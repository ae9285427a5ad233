import { ramNameOf } from '../../api/v1alpha1/ram-fields.ts';
import { ramPolicyType, type RamPolicy } from '../../api/v1alpha1/ram-policy.ts';
import type { Check } from '../check.ts';
import { find, remove, sameJson, text, type KmsAnswer, type KmsApi } from '../kms-api.ts';
import type { Lifecycle } from '../lifecycle.ts';
import { documentProblem, freeRamName, listIn, partOf, ownsRamState } from '../ram-attachments.ts';

interface Gathered {
  policy: RamPolicy;
  /** Its version in force, as RAM has it. */
  inForce: KmsAnswer | undefined;
}

const checks: readonly Check<Gathered>[] = [
  ({ policy }) => documentProblem(policy.spec.document, 'identity', 'spec.document'),
];

/** Keeps a custom policy of RAM equal to the object. A changed document becomes a new version; the last five stay. */
export function ramPolicyLifecycle(ram: KmsApi): Lifecycle<RamPolicy, Gathered> {
  const custom = (policy: RamPolicy): { PolicyName: string; PolicyType: string } => ({
    PolicyName: ramNameOf(policy),
    PolicyType: 'Custom',
  });
  return {
    resource: ramPolicyType,
    fieldManager: 'kaap-ram-policy',
    holds: ownsRamState,
    gather: async (policy, { signal }) => ({
      policy,
      inForce: partOf(
        await find(ram, 'GetPolicy', { ...custom(policy), PolicyName: freeRamName(policy) }, signal),
        'DefaultPolicyVersion',
      ),
    }),
    checks,
    act: async (policy, { inForce }, { signal }) => {
      const defaultVersion = await settle(ram, policy, inForce, signal);
      return { status: { defaultVersion }, message: `Version ${defaultVersion} is in force.` };
    },
    release: async (policy, { signal }) => {
      const { PolicyName } = custom(policy);
      const versions = await find(ram, 'ListPolicyVersions', custom(policy), signal);
      for (const version of versions === undefined ? [] : listIn(versions, 'PolicyVersions', 'PolicyVersion')) {
        if (version['IsDefaultVersion'] === true) continue;
        await remove(ram, 'DeletePolicyVersion', { PolicyName, VersionId: text(version, 'VersionId') }, signal);
      }
      await remove(ram, 'DeletePolicy', { PolicyName }, signal);
      return undefined;
    },
  };
}

async function settle(
  ram: KmsApi,
  policy: RamPolicy,
  inForce: KmsAnswer | undefined,
  signal: AbortSignal,
): Promise<string> {
  const { document: PolicyDocument, description: Description = '' } = policy.spec;
  const PolicyName = ramNameOf(policy);
  if (inForce === undefined) {
    const made = await ram.call('CreatePolicy', { PolicyName, PolicyDocument, Description }, signal);
    return text(partOf(made, 'Policy') ?? {}, 'DefaultVersion');
  }
  if (sameJson(text(inForce, 'PolicyDocument'), PolicyDocument)) return text(inForce, 'VersionId');
  const made = await ram.call(
    'CreatePolicyVersion',
    {
      PolicyName,
      PolicyDocument,
      SetAsDefault: true,
      RotateStrategy: 'DeleteOldestNonDefaultVersionWhenLimitExceeded',
    },
    signal,
  );
  return text(partOf(made, 'PolicyVersion') ?? {}, 'VersionId');
}
