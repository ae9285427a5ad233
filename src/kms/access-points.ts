import type { Clock } from '../lib/clock.ts';
import type { AccessPointGrant } from '../policy/policy-set.ts';
import { expandRbacPolicy, type ExpandedRbacPolicy } from '../policy/rbac-templates.ts';
import type {
  AccessPointDirectory,
  AccessPointEntry,
  ClientKeyEntry,
  ServiceAccountReference,
} from '../ports/access-point-directory.ts';
import { clientKeyRoleName, trustedServices } from '../ports/access-point-directory.ts';
import type { Store } from '../ports/store.ts';
import {
  accessPointRoleTable,
  accessPointRoleKey,
  accessPointTable,
  type AccessPointRecord,
} from './records/access-point.ts';
import { clientKeyTable, clientKeyTombstone } from './records/client-key.ts';
import { networkRuleTable, type NetworkRuleRecord } from './records/network-rule.ts';
import { rbacPolicyTable, type RbacPolicyRecord } from './records/rbac-policy.ts';
import { admitServiceAccount } from './service-account-bindings.ts';
import { tombstoneTable } from './records/tombstone.ts';

/**
 * What an access point gives now: its policies with their templates expanded and their network rules looked
 * up. `undefined` when there is no such access point. What cannot be found gives nothing.
 */
export async function loadAccessPoint(store: Store, name: string): Promise<AccessPointGrant | undefined> {
  const record = await accessPointTable.get(store, name);
  if (record === undefined) return undefined;
  const policies = await Promise.all(record.policies.map((policy) => loadRbacPolicy(store, policy)));
  return {
    name: record.name,
    mode: record.mode,
    method: record.authenticationMethod,
    policies: policies.filter((policy) => policy !== undefined),
  };
}

async function loadRbacPolicy(store: Store, name: string): Promise<ExpandedRbacPolicy | undefined> {
  const record = await rbacPolicyTable.get(store, name);
  if (record === undefined) return undefined;
  if (record.networkRules.length === 0) return expandOnce(record, []);
  return expandOnce(record, await Promise.all(record.networkRules.map((rule) => networkRuleTable.get(store, rule))));
}

/** The records that a policy was expanded from, and what came out. */
interface Expansion {
  readonly rules: readonly (NetworkRuleRecord | undefined)[];
  readonly policy: ExpandedRbacPolicy;
}

/**
 * Policies that were expanded, by their records. The record that a store gives cannot change, and is another one when it was
 * changed in the store: so an expansion of the very records that were read now is what they say now.
 */
const expansions = new WeakMap<RbacPolicyRecord, Expansion>();

function expandOnce(record: RbacPolicyRecord, rules: Expansion['rules']): ExpandedRbacPolicy {
  const known = expansions.get(record);
  if (known?.rules.every((rule, index) => rule === rules[index]) === true) return known.policy;
  const policy = expand(record, rules);
  expansions.set(record, { rules, policy });
  return policy;
}

function expand(record: RbacPolicyRecord, rules: Expansion['rules']): ExpandedRbacPolicy {
  const { name, kmsInstance: scope, permissions, resources } = record;
  const policy = { name, scope, permissions, resources, mode: record.mode ?? ('Enforce' as const) };
  // No rules listed is any network. A rule that is listed and gone admits nobody: the list stays.
  if (record.networkRules.length === 0) return expandRbacPolicy(policy);
  return expandRbacPolicy({ ...policy, networkRules: rules.filter((rule) => rule !== undefined) });
}

/** Finds a client key that has not been deleted. A tombstone wins over a record that a restored backup brought back. */
export async function findClientKey(store: Store, clientKeyId: string): Promise<ClientKeyEntry | undefined> {
  if (!/^KAAP\.[0-9a-f-]{36}$/.test(clientKeyId)) return undefined;
  const record = await clientKeyTable.get(store, clientKeyId);
  if (record === undefined || (await tombstoneTable.get(store, clientKeyTombstone(clientKeyId))) !== undefined) {
    return undefined;
  }
  const { accessPoint, certificatePem, notBefore, notAfter } = record;
  return { clientKeyId, accessPoint, publicKeyPem: certificatePem, notBefore, notAfter };
}

/** The access points of a store, as STS asks for them. */
export function createAccessPointDirectory(store: Store, clock: Clock): AccessPointDirectory {
  return {
    admits: ({ name, serviceAccounts }, identity) => {
      const uidIsListed = serviceAccounts.some(
        (listed) =>
          listed.uid === identity.uid && listed.namespace === identity.namespace && listed.name === identity.name,
      );
      return admitServiceAccount(store, name, identity, uidIsListed, clock.now());
    },
    findByRoleName: async (roleName) => {
      const index = await accessPointRoleTable.all(store, accessPointRoleKey(roleName, ''));
      const records = await Promise.all(index.map(({ record }) => accessPointTable.get(store, record.accessPoint)));
      return records
        .filter((record) => record !== undefined && enteredBy(record)?.roleName === roleName)
        .map((record) => entryOf(record as AccessPointRecord));
    },
  };
}

/** How an access point is entered: by the role, by whose pods, by which service's word, by roles of which other accounts. */
export interface Entrance {
  readonly roleName: string;
  readonly serviceAccounts: readonly ServiceAccountReference[];
  readonly service?: string;
  readonly alibabaCloudRoles?: readonly string[];
}

/** The role name by which an access point is entered; `undefined` when it is by signatures of client keys only. */
export function enteredBy(record: AccessPointRecord): Entrance | undefined {
  const { ramRole, clientKey } = record;
  if (record.authenticationMethod === 'ClientKey') {
    const serviceAccounts = clientKey?.serviceAccounts ?? [];
    return serviceAccounts.length === 0 ? undefined : { roleName: clientKeyRoleName(record.name), serviceAccounts };
  }
  if (ramRole === undefined) return undefined;
  const { roleName, serviceAccounts = [], trustedRole, alibabaCloudRoles } = ramRole;
  const service = trustedServices[trustedRole];
  return {
    roleName,
    serviceAccounts,
    ...(service === undefined ? {} : { service }),
    ...(alibabaCloudRoles === undefined ? {} : { alibabaCloudRoles }),
  };
}

function entryOf(record: AccessPointRecord): AccessPointEntry {
  const { name, authenticationMethod: method } = record;
  const { roleName: _roleName, ...entrance } = enteredBy(record) ?? { roleName: '', serviceAccounts: [] };
  return { name, method, ...entrance };
}
