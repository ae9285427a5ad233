import { z } from 'zod';
import type { Store } from '../ports/store.ts';
import { ramBuckets } from './buckets.ts';
import { checkRamName, policyAttachmentSchema, type PolicyAttachment } from './names.ts';
import { decodeRecord, encodeRecord } from './record-codec.ts';

/** A RAM user with the policies attached to it. */
export interface UserRecord {
  name: string;
  policies: PolicyAttachment[];
}

const userSchema: z.ZodType<UserRecord> = z.object({ name: z.string(), policies: z.array(policyAttachmentSchema) });

/** Writes a user. @throws ApiError `InvalidParameter`. */
export async function putUser(store: Store, user: UserRecord): Promise<void> {
  checkRamName('user', user.name);
  await store.transact((transaction) => transaction.put(ramBuckets.users, user.name, encodeRecord(user)));
}

export async function findUser(store: Pick<Store, 'get'>, name: string): Promise<UserRecord | undefined> {
  const stored = await store.get(ramBuckets.users, name);
  return stored === undefined ? undefined : decodeRecord(userSchema, stored);
}
