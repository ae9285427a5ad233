import { z } from 'zod';
import { ApiError } from '../../lib/errors.ts';
import { parsePolicyDocument } from '../../policy/document.ts';
import type { AnyAction } from '../../ports/action.ts';
import { customPolicy, loadAnyPolicy, versionFields } from '../any-policy.ts';
import { flag, policyName, policyType } from '../parameters.ts';
import {
  defaultVersionOf,
  loadPolicy,
  versionsOf,
  writePolicy,
  type PolicyRecord,
  type PolicyVersion,
} from '../policies.ts';
import type { RamDependencies } from '../ram-dependencies.ts';
import { ramAction } from './ram-action.ts';

/** RAM's quota of versions of a policy. */
const MAX_VERSIONS = 5;

const onePolicy = { PolicyName: policyName };
const oneVersion = { ...onePolicy, VersionId: z.string().regex(/^v[0-9]{1,9}$/, 'It must be like v1.') };
const policyResource = ({ PolicyName }: { PolicyName: string }): string[] => [`policy/${PolicyName}`];
const rotation = z
  .enum(['None', 'DeleteOldestNonDefaultVersionWhenLimitExceeded'], {
    error: 'It must be None or DeleteOldestNonDefaultVersionWhenLimitExceeded.',
  })
  .default('None');

/** Makes room for one more version. @throws ApiError `LimitExceeded.Policy.Version`. */
function withRoom(policy: PolicyRecord, mayDelete: boolean): PolicyVersion[] {
  const versions = [...versionsOf(policy)];
  if (versions.length < MAX_VERSIONS) return versions;
  if (!mayDelete) {
    throw new ApiError(
      'LimitExceeded.Policy.Version',
      `${policy.name} has ${MAX_VERSIONS} versions. Delete one first.`,
    );
  }
  const oldest = versions.findIndex(({ id }) => id !== defaultVersionOf(policy));
  return versions.filter((_version, index) => index !== oldest);
}

/** The number after the highest that was ever used. */
function nextVersionId({ lastVersion = 'v1' }: PolicyRecord): string {
  return `v${Number(lastVersion.slice(1)) + 1}`;
}

function createPolicyVersion(dependencies: RamDependencies): AnyAction {
  const { store, clock } = dependencies;
  return ramAction(dependencies, {
    name: 'CreatePolicyVersion',
    input: z.object({ ...onePolicy, PolicyDocument: z.string(), SetAsDefault: flag, RotateStrategy: rotation }),
    resources: policyResource,
    run: async ({ PolicyName, PolicyDocument, SetAsDefault, RotateStrategy }) => {
      parsePolicyDocument(PolicyDocument, 'identity');
      return store.transact(async (transaction) => {
        const policy = await loadPolicy(transaction, PolicyName);
        const version = { id: nextVersionId(policy), document: PolicyDocument, createTime: clock.now() };
        const versions = [...withRoom(policy, RotateStrategy !== 'None'), version];
        const changed: PolicyRecord = { ...policy, versions, lastVersion: version.id, updateTime: version.createTime };
        const written = SetAsDefault ? inForce(changed, version) : changed;
        await writePolicy(transaction, written);
        return { PolicyVersion: versionFields(customPolicy(written), version.id) };
      });
    },
  });
}

function inForce(policy: PolicyRecord, { id, document }: PolicyVersion): PolicyRecord {
  return { ...policy, defaultVersion: id, document };
}

function findVersion(policy: PolicyRecord, versionId: string): PolicyVersion {
  const version = versionsOf(policy).find(({ id }) => id === versionId);
  if (version !== undefined) return version;
  throw new ApiError('EntityNotExist.Policy.Version', `${policy.name} has no such version. See ListPolicyVersions.`);
}

function setDefaultPolicyVersion(dependencies: RamDependencies): AnyAction {
  const { store, clock } = dependencies;
  return ramAction(dependencies, {
    name: 'SetDefaultPolicyVersion',
    input: z.object(oneVersion),
    resources: policyResource,
    run: ({ PolicyName, VersionId }) =>
      store.transact(async (transaction) => {
        const policy = await loadPolicy(transaction, PolicyName);
        const changed = inForce({ ...policy, updateTime: clock.now() }, findVersion(policy, VersionId));
        await writePolicy(transaction, { ...changed, versions: [...versionsOf(policy)] });
        return {};
      }),
  });
}

function deletePolicyVersion(dependencies: RamDependencies): AnyAction {
  return ramAction(dependencies, {
    name: 'DeletePolicyVersion',
    input: z.object(oneVersion),
    resources: policyResource,
    run: ({ PolicyName, VersionId }) =>
      dependencies.store.transact(async (transaction) => {
        const policy = await loadPolicy(transaction, PolicyName);
        const { id } = findVersion(policy, VersionId);
        if (id === defaultVersionOf(policy)) {
          throw new ApiError('DeleteConflict.Policy.Version', `${id} is in force. Set another default version first.`);
        }
        await writePolicy(transaction, {
          ...policy,
          versions: versionsOf(policy).filter((version) => version.id !== id),
        });
        return {};
      }),
  });
}

function getPolicyVersion(dependencies: RamDependencies): AnyAction {
  return ramAction(dependencies, {
    name: 'GetPolicyVersion',
    input: z.object({ ...oneVersion, PolicyType: policyType }),
    resources: policyResource,
    run: async ({ PolicyName, PolicyType, VersionId }) => {
      const policy = await loadAnyPolicy(dependencies.store, PolicyType, PolicyName);
      return { PolicyVersion: versionFields(policy, VersionId) };
    },
  });
}

function listPolicyVersions(dependencies: RamDependencies): AnyAction {
  return ramAction(dependencies, {
    name: 'ListPolicyVersions',
    input: z.object({ ...onePolicy, PolicyType: policyType }),
    resources: policyResource,
    run: async ({ PolicyName, PolicyType }) => {
      const policy = await loadAnyPolicy(dependencies.store, PolicyType, PolicyName);
      return { PolicyVersions: { PolicyVersion: policy.versions.map(({ id }) => versionFields(policy, id)) } };
    },
  });
}

/** RAM's actions about versions of policies. A new version is how a policy is changed. */
export function policyVersionActions(dependencies: RamDependencies): readonly AnyAction[] {
  return [createPolicyVersion, getPolicyVersion, listPolicyVersions, setDefaultPolicyVersion, deletePolicyVersion].map(
    (make) => make(dependencies),
  );
}
