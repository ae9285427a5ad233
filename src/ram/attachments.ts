import type { Store } from '../ports/store.ts';
import type { PolicyAttachment } from './names.ts';
import { allRoles, type RoleRecord } from './roles.ts';
import { allUsers, type UserRecord } from './users.ts';

/** Whom a policy is attached to. */
export interface PolicyHolders {
  readonly users: readonly UserRecord[];
  readonly roles: readonly RoleRecord[];
}

/** Every user and role: read once to look at the attachments of many policies. */
export async function allHolders(reader: Pick<Store, 'scan'>): Promise<PolicyHolders> {
  return { users: await allUsers(reader), roles: await allRoles(reader) };
}

/** Those of the holders who have the policy attached. */
export function holdersOf(holders: PolicyHolders, policy: Pick<PolicyAttachment, 'type' | 'name'>): PolicyHolders {
  const holds = ({ policies }: { policies: PolicyAttachment[] }): boolean =>
    policies.some((attachment) => isSamePolicy(attachment, policy));
  return { users: holders.users.filter(holds), roles: holders.roles.filter(holds) };
}

/** Policies are the same by type and name: a custom policy may be called like a system policy. */
export function isSamePolicy(
  one: Pick<PolicyAttachment, 'type' | 'name'>,
  other: Pick<PolicyAttachment, 'type' | 'name'>,
): boolean {
  return one.type === other.type && one.name === other.name;
}
