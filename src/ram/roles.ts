import { z } from 'zod';
import { ApiError } from '../lib/errors.ts';
import { parsePolicyDocument } from '../policy/document.ts';
import { readRecord, type Store, type Transaction, type ValueReader } from '../ports/store.ts';
import { scanBucket } from './bucket-scan.ts';
import { ramBuckets } from './buckets.ts';
import { checkRamName, policyAttachmentSchema, type PolicyAttachment } from './names.ts';
import { encodeRecord, recordDecoder } from './record-codec.ts';

/** A role of RAM with the policies attached to it. */
export interface RoleRecord {
  name: string;
  /** Changes when the role is deleted and made anew. */
  roleId: string;
  /** Who may assume it. JSON text. */
  trustPolicy: string;
  /** 3600 to 43200. */
  maxSessionSeconds: number;
  policies: PolicyAttachment[];
  description?: string;
  /** Milliseconds since the Unix epoch. */
  createTime?: number;
  updateTime?: number;
}

const roleSchema: z.ZodType<RoleRecord> = z.object({
  name: z.string(),
  roleId: z.string(),
  trustPolicy: z.string(),
  maxSessionSeconds: z.number(),
  policies: z.array(policyAttachmentSchema),
  description: z.string().exactOptional(),
  createTime: z.number().exactOptional(),
  updateTime: z.number().exactOptional(),
});

const decodeRole = recordDecoder(roleSchema);

/** A role as it should be. */
export type RoleDefinition = Omit<RoleRecord, 'roleId'>;

const SESSION_SECONDS = { min: 3600, max: 43_200 } as const;

/**
 * Writes a role; one of that name keeps its id, so that its sessions live on under the new definition.
 *
 * @throws ApiError `InvalidParameter`, `InvalidPolicyDocument`.
 */
export async function putRole(
  store: Store,
  definition: RoleDefinition,
  random: (bytes: number) => Buffer,
): Promise<RoleRecord> {
  checkRoleDefinition(definition);
  return store.transact(async (transaction) => {
    const present = await findRole(transaction, definition.name);
    const role: RoleRecord = { ...definition, roleId: present?.roleId ?? random(10).toString('hex') };
    await writeRole(transaction, role);
    return role;
  });
}

/** Writes a role, over one of the same name. */
export async function writeRole(transaction: Transaction, role: RoleRecord): Promise<void> {
  await transaction.put(ramBuckets.roles, role.name, encodeRecord(role));
}

/** @throws ApiError `InvalidParameter`, `InvalidPolicyDocument` with the path of the element that is wrong. */
export function checkRoleDefinition({ name, trustPolicy, maxSessionSeconds }: RoleDefinition): void {
  checkRamName('role', name);
  parsePolicyDocument(trustPolicy, 'trust');
  const { min, max } = SESSION_SECONDS;
  if (!Number.isInteger(maxSessionSeconds) || maxSessionSeconds < min || maxSessionSeconds > max) {
    throw new ApiError('InvalidParameter', `The longest session of a role is ${min} to ${max} seconds.`);
  }
}

/** Makes the role as defined unless it is so already. Returns whether it wrote anything. */
export async function ensureRole(
  store: Store,
  definition: RoleDefinition,
  random: (bytes: number) => Buffer,
): Promise<boolean> {
  const present = await findRole(store, definition.name);
  if (present !== undefined && sameDefinition(present, definition)) return false;
  await putRole(store, definition, random);
  return true;
}

function sameDefinition(one: RoleDefinition, other: RoleDefinition): boolean {
  const shape = ({ name, trustPolicy, maxSessionSeconds, policies }: RoleDefinition): string =>
    JSON.stringify([name, trustPolicy, maxSessionSeconds, policies.map((policy) => [policy.type, policy.name])]);
  return shape(one) === shape(other);
}

/** The role of that name, matched exactly. */
export async function findRole(store: ValueReader, name: string): Promise<RoleRecord | undefined> {
  return readRecord(store, ramBuckets.roles, name, decodeRole);
}

/** The same. @throws ApiError `EntityNotExist.Role`. */
export async function loadRole(reader: ValueReader, name: string): Promise<RoleRecord> {
  const role = await findRole(reader, name);
  if (role !== undefined) return role;
  throw new ApiError('EntityNotExist.Role', `There is no role ${name}. ListRoles shows those that exist.`);
}

/** Every role, in the order of names. */
export async function allRoles(reader: Pick<Store, 'scan'>): Promise<readonly RoleRecord[]> {
  return (await scanBucket(reader, ramBuckets.roles)).map((entry) => decodeRole(entry.value));
}

/** Deletes a role; its sessions can do nothing from then on. */
export async function deleteRole(store: Store, name: string): Promise<void> {
  await store.transact((transaction) => transaction.delete(ramBuckets.roles, name));
}
