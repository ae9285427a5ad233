import { ApiError } from '../lib/errors.ts';
import { systemPolicies } from '../policy/system-policies.ts';
import type { Store } from '../ports/store.ts';
import { ramTime } from './parameters.ts';
import { defaultVersionOf, loadPolicy, versionsOf, type PolicyRecord, type PolicyVersion } from './policies.ts';

/** A policy of either type, as answers show it. */
export interface AnyPolicy {
  readonly type: 'System' | 'Custom';
  readonly name: string;
  readonly description: string;
  /** Id of the version in force. */
  readonly defaultVersion: string;
  /** Oldest first. */
  readonly versions: readonly PolicyVersion[];
  /** Milliseconds since the Unix epoch. */
  readonly createTime?: number | undefined;
  readonly updateTime?: number | undefined;
}

/** @throws ApiError `EntityNotExist.Policy`. */
export async function loadAnyPolicy(
  reader: Pick<Store, 'get'>,
  type: AnyPolicy['type'],
  name: string,
): Promise<AnyPolicy> {
  if (type === 'Custom') return customPolicy(await loadPolicy(reader, name));
  const policy = systemPolicyEntries.find((entry) => entry.name === name);
  if (policy !== undefined) return policy;
  throw new ApiError(
    'EntityNotExist.Policy',
    `There is no system policy ${name}. ListPolicies shows those that exist.`,
  );
}

/** A custom policy in the common form. */
export function customPolicy(policy: PolicyRecord): AnyPolicy {
  const { name, description, createTime, updateTime } = policy;
  const versions = versionsOf(policy);
  return {
    type: 'Custom',
    name,
    description,
    defaultVersion: defaultVersionOf(policy),
    versions,
    createTime,
    updateTime,
  };
}

/** The system policies in the common form. */
export const systemPolicyEntries: readonly AnyPolicy[] = [...systemPolicies.values()].map(
  ({ name, description, version, document }) => ({
    type: 'System',
    name,
    description,
    defaultVersion: version,
    versions: [{ id: version, document, createTime: 0 }],
  }),
);

/** A policy as answers show it (RAM GetPolicy), without its document. */
export function policyFields(policy: AnyPolicy): Record<string, unknown> {
  return {
    PolicyName: policy.name,
    PolicyType: policy.type,
    Description: policy.description,
    DefaultVersion: policy.defaultVersion,
    CreateDate: ramTime(policy.createTime),
    UpdateDate: ramTime(policy.updateTime ?? policy.createTime),
  };
}

/** A version as answers show it (RAM GetPolicyVersion). @throws ApiError `EntityNotExist.Policy.Version`. */
export function versionFields(policy: AnyPolicy, versionId: string): Record<string, unknown> {
  const version = policy.versions.find(({ id }) => id === versionId);
  if (version === undefined) {
    throw new ApiError('EntityNotExist.Policy.Version', `${policy.name} has no such version. See ListPolicyVersions.`);
  }
  return {
    VersionId: version.id,
    IsDefaultVersion: version.id === policy.defaultVersion,
    PolicyDocument: version.document,
    CreateDate: ramTime(version.createTime === 0 ? undefined : version.createTime),
  };
}
