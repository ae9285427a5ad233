import type { NamedPolicy } from '../policy/policy-set.ts';
import type { Principal } from '../policy/principal.ts';
import { systemPolicies } from '../policy/system-policies.ts';
import type { ValueReader } from '../ports/store.ts';
import type { PolicyAttachment } from './names.ts';
import { findPolicy } from './policies.ts';
import { findRole } from './roles.ts';
import { findUser } from './users.ts';

/**
 * The policies attached to a RAM user, or to the role of a session; none for anybody else. A session that came through an
 * access point has none, nor has one whose role was deleted since, even if a role of that name exists again.
 */
export async function loadIdentityPolicies(store: ValueReader, principal: Principal): Promise<readonly NamedPolicy[]> {
  const attachments = await findAttachments(store, principal);
  return Promise.all(attachments.map((attachment) => loadPolicy(store, attachment)));
}

async function findAttachments(store: ValueReader, principal: Principal): Promise<readonly PolicyAttachment[]> {
  if (principal.kind === 'RamUser') return (await findUser(store, principal.userName))?.policies ?? [];
  if (principal.kind !== 'RoleSession' || principal.accessPoint !== undefined) return [];
  const role = await findRole(store, principal.roleName);
  return role !== undefined && role.roleId === principal.roleId ? role.policies : [];
}

/** Whether the role of RAM that a session was issued for is there no more, even if a role of that name exists again. */
export async function isRoleGone(store: ValueReader, principal: Principal): Promise<boolean> {
  if (principal.kind !== 'RoleSession' || principal.roleId === undefined) return false;
  return (await findRole(store, principal.roleName))?.roleId !== principal.roleId;
}

/** A policy that is attached but gone might have been the one that denies. */
const denyEverything = JSON.stringify({ Version: '1', Statement: [{ Effect: 'Deny', Action: '*', Resource: '*' }] });

async function loadPolicy(store: ValueReader, { name, type }: PolicyAttachment): Promise<NamedPolicy> {
  const policy = type === 'System' ? systemPolicies.get(name) : await findPolicy(store, name);
  return { name: `RamPolicy/${name}`, document: policy?.document ?? denyEverything };
}
