import { z } from 'zod';
import { ApiError } from '../lib/errors.ts';
import { SecretBytes } from '../lib/secret-bytes.ts';
import type { Store, Transaction } from '../ports/store.ts';
import { ramBuckets } from './buckets.ts';
import { decodeRecord, encodeRecord } from './record-codec.ts';

/** Whom an access key belongs to. */
export type AccessKeyOwner = { kind: 'Account' } | { kind: 'RamUser'; userName: string };

/** An access key as the store holds it. The secret stays readable: HMAC signatures are verified with it. */
interface AccessKeyRecord {
  secret: string;
  principal: AccessKeyOwner;
  active: boolean;
  /** Milliseconds since the Unix epoch. */
  createTime: number;
}

const accessKeySchema: z.ZodType<AccessKeyRecord> = z.object({
  secret: z.string(),
  principal: z.union([
    z.object({ kind: z.literal('Account') }),
    z.object({ kind: z.literal('RamUser'), userName: z.string() }),
  ]),
  active: z.boolean(),
  createTime: z.number(),
});

/** An access key. */
export interface AccessKey {
  readonly accessKeyId: string;
  readonly secret: SecretBytes;
  readonly owner: AccessKeyOwner;
  readonly active: boolean;
}

/** What is needed to make an access key. */
export interface NewAccessKey {
  readonly owner: AccessKeyOwner;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
  readonly random: (bytes: number) => Buffer;
  /** Made up unless given; 16 to 128 letters and digits. */
  readonly accessKeyId?: string;
  /** Made up unless given; at least 16 characters. */
  readonly secret?: SecretBytes;
}

const ACCESS_KEY_ID = /^[A-Za-z0-9]{16,128}$/;
const MIN_SECRET_BYTES = 16;

/**
 * Stores a new access key. This is the only time that its secret is shown.
 *
 * @throws ApiError `InvalidParameter` when the given id is taken, or the given id or secret is too weak.
 */
export async function createAccessKey(store: Store, input: NewAccessKey): Promise<AccessKey> {
  const key = newAccessKey(input);
  await store.transact(async (transaction) => {
    if ((await transaction.get(ramBuckets.accessKeys, key.accessKeyId)) !== undefined) {
      throw new ApiError('InvalidParameter', 'There is an access key of that id already. Choose another id.');
    }
    await putAccessKey(transaction, key, input.now);
  });
  return key;
}

/** An access key that is not stored yet. @throws ApiError `InvalidParameter`. */
export function newAccessKey({ owner, random, accessKeyId, secret }: NewAccessKey): AccessKey {
  const key: AccessKey = {
    accessKeyId: accessKeyId ?? `KAK${random(12).toString('hex').toUpperCase()}`,
    secret: secret ?? SecretBytes.fromUtf8(random(32).toString('base64url')),
    owner,
    active: true,
  };
  if (!ACCESS_KEY_ID.test(key.accessKeyId)) {
    throw new ApiError('InvalidParameter', 'An access key id has 16 to 128 letters and digits.');
  }
  if (key.secret.length < MIN_SECRET_BYTES) {
    throw new ApiError('InvalidParameter', `An access key secret has at least ${MIN_SECRET_BYTES} characters.`);
  }
  return key;
}

/** Writes an access key, over one of the same id. `createTime` in milliseconds since the Unix epoch. */
export async function putAccessKey(transaction: Transaction, key: AccessKey, createTime: number): Promise<void> {
  const record: AccessKeyRecord = {
    secret: key.secret.reveal().toString('utf8'),
    principal: key.owner,
    active: key.active,
    createTime,
  };
  await transaction.put(ramBuckets.accessKeys, key.accessKeyId, encodeRecord(record));
}

/** The access key of that id, active or not; `undefined` when there is none. */
export async function findAccessKey(
  store: Pick<Store, 'get'> | Transaction,
  accessKeyId: string,
): Promise<AccessKey | undefined> {
  if (!ACCESS_KEY_ID.test(accessKeyId)) return undefined;
  const stored = await store.get(ramBuckets.accessKeys, accessKeyId);
  if (stored === undefined) return undefined;
  const record = decodeRecord(accessKeySchema, stored);
  return {
    accessKeyId,
    secret: SecretBytes.fromUtf8(record.secret),
    owner: record.principal,
    active: record.active,
  };
}

/** Switches an access key on or off. `false` when there is none of that id. */
export async function setAccessKeyActive(store: Store, accessKeyId: string, active: boolean): Promise<boolean> {
  return store.transact(async (transaction) => {
    const stored = await transaction.get(ramBuckets.accessKeys, accessKeyId);
    if (stored === undefined) return false;
    const record = decodeRecord(accessKeySchema, stored);
    await transaction.put(ramBuckets.accessKeys, accessKeyId, encodeRecord({ ...record, active }));
    return true;
  });
}

/** Deletes an access key; requests that it signs are refused from then on. */
export async function deleteAccessKey(store: Store, accessKeyId: string): Promise<void> {
  await store.transact((transaction) => transaction.delete(ramBuckets.accessKeys, accessKeyId));
}
