import { z } from 'zod';
import { ApiError } from '../lib/errors.ts';
import { readRecord, type Store, type Transaction, type ValueReader } from '../ports/store.ts';
import { ramBuckets } from './buckets.ts';
import { scanBucket } from './bucket-scan.ts';
import { checkRamName, policyAttachmentSchema, type PolicyAttachment } from './names.ts';
import { encodeRecord, recordDecoder } from './record-codec.ts';

/** A RAM user with the policies attached to it. */
export interface UserRecord {
  name: string;
  policies: PolicyAttachment[];
  /** Changes when the user is deleted and made anew. */
  userId?: string;
  displayName?: string;
  mobilePhone?: string;
  email?: string;
  comments?: string;
  /** Milliseconds since the Unix epoch. */
  createTime?: number;
  updateTime?: number;
}

const userSchema: z.ZodType<UserRecord> = z.object({
  name: z.string(),
  policies: z.array(policyAttachmentSchema),
  userId: z.string().exactOptional(),
  displayName: z.string().exactOptional(),
  mobilePhone: z.string().exactOptional(),
  email: z.string().exactOptional(),
  comments: z.string().exactOptional(),
  createTime: z.number().exactOptional(),
  updateTime: z.number().exactOptional(),
});

const decodeUser = recordDecoder(userSchema);

/** Writes a user. @throws ApiError `InvalidParameter`. */
export async function putUser(store: Store, user: UserRecord): Promise<void> {
  checkRamName('user', user.name);
  await store.transact((transaction) => writeUser(transaction, user));
}

/** Writes a user, over one of the same name. */
export async function writeUser(transaction: Transaction, user: UserRecord): Promise<void> {
  await transaction.put(ramBuckets.users, user.name, encodeRecord(user));
}

/** The user of that name, matched exactly. */
export async function findUser(store: ValueReader, name: string): Promise<UserRecord | undefined> {
  return readRecord(store, ramBuckets.users, name, decodeUser);
}

/** The same. @throws ApiError `EntityNotExist.User`. */
export async function loadUser(reader: ValueReader, name: string): Promise<UserRecord> {
  const user = await findUser(reader, name);
  if (user !== undefined) return user;
  throw new ApiError('EntityNotExist.User', `There is no user ${name}. ListUsers shows those that exist.`);
}

/** Every user, in the order of names. */
export async function allUsers(reader: Pick<Store, 'scan'>): Promise<readonly UserRecord[]> {
  return (await scanBucket(reader, ramBuckets.users)).map((entry) => decodeUser(entry.value));
}
